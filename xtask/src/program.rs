//! Running other programs.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::outcome::Outcome;
use crate::places::Places;
use crate::supervise;

/// A call of another program, which is over after some time, whatever happens.
#[derive(Debug)]
pub(crate) struct Program {
    command: Command,
    limit: Duration,
    network: Network,
    /// Where its output goes, up to the ending.
    log: PathBuf,
}

/// In which network a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Network {
    /// The machine's.
    Shared,
    /// One of its own, with root's rights in it.
    Private,
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit status; 124 when its time was up, 128 and the number of the signal that ended it.
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// A program that may take ten minutes. `title` names its output among the logs.
    pub(crate) fn new(places: &Places, title: &str, program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        // Its output is read by us, not by a person.
        command.current_dir(&places.root).env("CARGO_TERM_COLOR", "never").env("TERM", "dumb");
        // What cargo tells this program about itself is not true for others.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        let title = title.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        Self {
            command,
            limit: Duration::from_mins(10),
            network: Network::Shared,
            log: places.logs.join(title),
        }
    }

    /// It may take so long, and no longer.
    pub(crate) fn within(&mut self, limit: Duration) -> &mut Self {
        self.limit = limit;
        self
    }

    /// It cannot touch the machine's network: see [`supervise`].
    pub(crate) fn in_private_network(&mut self) -> &mut Self {
        self.network = Network::Private;
        self
    }

    pub(crate) fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args(&mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> &mut Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(&mut self, name: &str, value: impl AsRef<OsStr>) -> &mut Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn folder(&mut self, folder: &Path) -> &mut Self {
        self.command.current_dir(folder);
        self
    }

    /// A file beside its output.
    pub(crate) fn log_file(&self, ending: &str) -> PathBuf {
        self.log.with_added_extension(ending)
    }

    /// Runs it to its end.
    ///
    /// Its output goes through files: a pipe would stay open as long as any process that it has started.
    pub(crate) fn run(&self) -> io::Result<Ran> {
        let (out, err) = (self.log_file("out"), self.log_file("err"));
        let mut child = self
            .supervised()
            .stdin(Stdio::piped())
            .stdout(File::create(&out)?)
            .stderr(File::create(&err)?)
            // Ctrl-C is for us alone: the supervisor sees that we are gone, and cleans up.
            .process_group(0)
            .spawn()?;
        // `wait` would close it.
        let lifeline = child.stdin.take();
        let status = child.wait()?;
        drop(lifeline);
        let text = |path: &Path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Ran { status: status.code().unwrap_or(-1), stdout: text(&out)?, stderr: text(&err)? })
    }

    fn supervised(&self) -> Command {
        // Not by its path: `cargo build` may put another in its place meanwhile.
        let mut command = Command::new("/proc/self/exe");
        command.args([supervise::COMMAND, &self.limit.as_secs().to_string()]);
        command.arg(match self.network {
            Network::Shared => supervise::SHARED,
            Network::Private => supervise::PRIVATE,
        });
        command.arg(self.command.get_program()).args(self.command.get_args());
        if let Some(folder) = self.command.get_current_dir() {
            command.current_dir(folder);
        }
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Runs it; what it says is the outcome, and its exit status.
    pub(crate) fn check(&self) -> Outcome {
        match self.run() {
            Ok(ran) if ran.status == 0 => Outcome::passed(),
            Ok(ran) => Outcome::failed(ran.all()),
            Err(error) => Outcome::failed(format!("{:?}: {error}", self.command)),
        }
    }
}

impl Ran {
    pub(crate) fn succeeded(&self) -> bool {
        self.status == 0
    }

    /// Everything that it has said.
    pub(crate) fn all(&self) -> String {
        let parts = [self.stdout.trim_end(), self.stderr.trim_end(), &format!("exit status {}", self.status)];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// The last line of what it has said: where programs give the reason why they end.
    pub(crate) fn last_words(&self) -> &str {
        let last = |text: &'_ str| text.trim_end().rfind('\n').map_or(0, |end| end + 1);
        let text = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        text[last(text)..].trim_end()
    }
}

/// True when there is a program of this name to be called.
pub(crate) fn exists(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(name).is_file())
}
