//! `dom0net start` and `dom0net stop`: what xend did with its network script.

use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use dom0net::places::Places;
use xenconf::diagnostic::Diagnostics;
use xenconf::diagnostic::render::{Style, render};
use xenconf::native::Networks;
use xenconf::script::Script;
use xenconf::source::Source;
use xenconf::xend::{self, XendConfig};

use super::fail;
use super::output::announce;
use super::{native, network_bridge, network_nat, network_route, status};

/// The script of distributions that do not want any: it does nothing.
const NOTHING: &str = "network-dummy";

#[derive(Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct Host {
    /// The configuration; its `network-script` says what to do.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print what would be done, and do nothing.
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Print it as JSON.
    #[arg(long, requires = "dry_run")]
    json: bool,
    /// Go back unless `dom0net confirm` is said within this time, like 60s or 2m.
    #[arg(long, value_name = "TIME", conflicts_with = "dry_run")]
    confirm: Option<String>,
    /// Let the card's DHCP client (dhclient, udhcpc) go on on the bridge.
    #[arg(long)]
    take_over: bool,
    /// Stop although guests are still there.
    #[arg(long, short, hide = true)]
    force: bool,
}

impl Host {
    /// Starts or stops the networks of this host, or shows them, and returns the exit status.
    pub(crate) fn run(&self, operation: &str) -> u8 {
        let path = self.config.clone().unwrap_or_else(|| Places::from_environment().config);
        if path.extension().is_some_and(|extension| extension == "toml") {
            return self.run_native(&path, operation);
        }
        let Some(config) = (match read(&path) {
            Ok(config) => config,
            Err(error) => return fail(&format!("cannot read {}: {error}", path.display())),
        }) else {
            return 1;
        };
        let Some(script) = config.network_script else {
            announce(&format!("{} names no network-script; there is nothing to do", path.display()));
            return 0;
        };
        let status = self.run_named(&script, operation);
        self.tell_of_leftovers(&[script], operation);
        status
    }

    /// A status of all bridges tells of what guests have left; one of a bridge by its name, or of another kind of network, does not.
    fn tell_of_leftovers(&self, calls: &[Script], operation: &str) {
        let has_told = |script: &Script| {
            let is_named = script.arguments.iter().any(|word| word.starts_with("bridge="));
            script.base_name() == "network-bridge" && !is_named
        };
        if operation == "status" && !self.json && !calls.iter().any(has_told) {
            status::tell_of_leftovers();
        }
    }

    /// Runs a script as xend did; ours, without another process.
    fn run_named(&self, script: &Script, operation: &str) -> u8 {
        let words = || self.words(operation, script.arguments.clone());
        // Only there does a card change hands.
        let take_over = self.take_over.then(|| OsString::from("--take-over"));
        match script.base_name() {
            "network-bridge" => network_bridge::run(words().chain(take_over)),
            "network-nat" => network_nat::run(words()),
            "network-route" => network_route::run(words()),
            NOTHING => 0,
            _ if self.dry_run => {
                let path = path_of(script);
                announce(&format!("run {} {operation} {}", path.display(), script.arguments.join(" ")));
                0
            }
            _ => run_script(script, operation),
        }
    }

    /// The same for all networks of the native configuration, in their order; backwards, where they are stopped. What
    /// fails stops neither those before nor those behind it.
    fn run_native(&self, path: &Path, operation: &str) -> u8 {
        let networks = match fs::read_to_string(path)
            .map_err(|error| error.to_string())
            .and_then(|text| Networks::from_toml(&text).map_err(|error| error.to_string()))
        {
            Ok(networks) => networks.network,
            Err(error) => return fail(&format!("cannot read {}: {error}", path.display())),
        };
        let mut calls: Vec<Script> = networks.iter().map(native::call).collect();
        if operation == "stop" {
            calls.reverse();
        }
        let status = calls.iter().map(|script| self.run_named(script, operation)).max().unwrap_or(0);
        self.tell_of_leftovers(&calls, operation);
        status
    }

    /// The words that a script of ours is called with.
    fn words(&self, operation: &str, arguments: Vec<String>) -> impl Iterator<Item = OsString> {
        let words = [operation.to_owned()].into_iter().chain(arguments).chain(self.flags());
        words.map(OsString::from)
    }

    fn flags(&self) -> impl Iterator<Item = String> {
        let flags = [(self.dry_run, "--dry-run"), (self.json, "--json"), (self.force, "--force")];
        let given = flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag.to_owned());
        given.chain(self.confirm.iter().map(|time| format!("--confirm={time}")))
    }
}

/// The configuration in a file; none, after saying why, when it has errors.
fn read(path: &Path) -> io::Result<Option<XendConfig>> {
    let source = Source::new(path.display().to_string(), &fs::read(path)?);
    let mut diagnostics = Diagnostics::new();
    let config = xend::read(&source, &mut diagnostics);
    diagnostics.sort();
    let style = Style { colour: io::stderr().is_terminal(), ..Style::default() };
    for diagnostic in &diagnostics {
        eprintln!("{}\n", render(diagnostic, &source, style));
    }
    Ok((!diagnostics.has_errors()).then_some(config))
}

/// Runs a script that is not one of ours, as xend did: without a shell, with the operation as its first argument.
fn run_script(script: &Script, operation: &str) -> u8 {
    let path = path_of(script);
    match Command::new(&path).arg(operation).args(&script.arguments).status() {
        Ok(status) if status.success() => 0,
        Ok(status) => fail(&format!("{} {operation} failed: {status}", path.display())),
        Err(error) => fail(&format!("cannot run {}: {error}", path.display())),
    }
}

/// Where a script is: in the folder of Xen's own, unless its name says where.
fn path_of(script: &Script) -> PathBuf {
    Places::from_environment().scripts.join(&script.name)
}
