//! What network scripts have in common: words of the form `name=value`, flags among them, and a log to tell.

use std::ffi::OsString;
use std::fmt::Display;

use dom0net::hotplug;
use dom0net::log::{Event, Level, tell};
use dom0net::places::Places;
use dom0net::plan::{Kernel, Plan};

use super::output::{announce, is_terminal, json, out};

/// A network script under the name that it is called by.
#[derive(Clone, Copy)]
pub(crate) struct Script {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
}

/// The flags that stand among the words.
#[derive(Clone, Copy, Default)]
pub(crate) struct Flags {
    pub(crate) dry_run: bool,
    pub(crate) json: bool,
    pub(crate) force: bool,
}

impl Script {
    /// Takes the flags out of the words. `Err`: there is nothing more to do, with this exit status.
    pub(crate) fn flags(
        self,
        words: impl IntoIterator<Item = OsString>,
    ) -> Result<(Flags, Vec<OsString>), u8> {
        let mut flags = Flags::default();
        let mut rest = Vec::new();
        for word in words {
            match word.to_str() {
                Some("--dry-run" | "-n") => flags.dry_run = true,
                Some("--json") => flags.json = true,
                Some("--force" | "-f") => flags.force = true,
                Some("--help" | "-h") => {
                    out(self.help);
                    return Err(0);
                }
                Some(flag) if flag.starts_with("--") => {
                    return Err(self.bad_call(&format!("{flag} is not known")));
                }
                _ => rest.push(word),
            }
        }
        Ok((flags, rest))
    }

    /// The exit status of what was done, after saying why it was not.
    pub(crate) fn end(self, result: Result<(), impl Display>) -> u8 {
        match result {
            Ok(()) => 0,
            Err(error) => {
                self.complain(Level::Error, &error.to_string(), &[]);
                1
            }
        }
    }

    pub(crate) fn warn_of_unknown(self, words: &[String]) {
        for word in words {
            self.complain(Level::Warning, &format!("{word} means nothing here, and is ignored"), &[]);
        }
    }

    pub(crate) fn done(self, message: &str, fields: &[(&str, &str)]) {
        announce(message);
        self.complain(Level::Info, message, fields);
    }

    /// Takes away what guests have left that nobody took out.
    pub(crate) fn sweep(self, kernel: &mut Kernel, places: &Places) {
        sweep(self.name, kernel, places);
    }

    pub(crate) fn complain(self, level: Level, message: &str, fields: &[(&str, &str)]) {
        // A terminal has been told already.
        if level == Level::Info && is_terminal() {
            return;
        }
        tell(&Event { program: self.name, level, message, fields });
    }

    pub(crate) fn bad_call(self, error: &dyn Display) -> u8 {
        let name = self.name;
        self.complain(Level::Error, &format!("{error}; {name} --help shows how it is called"), &[]);
        2
    }
}

impl Flags {
    pub(crate) fn print(self, plan: &Plan) {
        match (self.json, plan.is_empty()) {
            (true, _) => json(plan),
            (false, true) => out("all is so already\n"),
            (false, false) => out(&plan.to_string()),
        }
    }
}

/// Takes away what guests have left that nobody took out, for a network that starts. That something stays is no reason not to start.
pub(crate) fn sweep(program: &'static str, kernel: &mut Kernel, places: &Places) {
    match hotplug::sweep_all(kernel, places) {
        Ok(swept) => swept.iter().for_each(|port| {
            let message = format!("{port} has gone without a word; what was left of it is taken away");
            tell(&Event {
                program,
                level: Level::Warning,
                message: &message,
                fields: &[("vif", &port.to_string())],
            });
        }),
        Err(error) => {
            tell(&Event { program, level: Level::Warning, message: &error.to_string(), fields: &[] });
        }
    }
}
