//! `dom0net guard check` and `dom0net guard restore`: are the guards in force?

use clap::Args;
use dom0net::guard::Config;
use dom0net::hotplug::GuardedNetwork;
use dom0net::log::{Event, Level, tell};
use dom0net::places::Places;

use super::which::{Failed, Host};
use crate::cli::fail;
use crate::cli::output::{is_terminal, out};

#[derive(Args)]
#[command(after_help = "\
Whatever flushes the packet filter (nft flush ruleset, a reload of /etc/nftables.conf) takes the guards
with it. This command finds that out; dom0net guard restore puts them in force again.

Examples:
  dom0net guard check
  dom0net guard check vif1.0 web/1
  dom0net guard check --quiet || dom0net guard restore")]
pub(crate) struct Check {
    /// Interfaces; without any, all.
    vifs: Vec<String>,
    /// Tell only of what is wrong.
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Args)]
#[command(after_help = "\
Only guards that are missing, astray, damaged or of another policy are touched.

Examples:
  dom0net guard restore
  dom0net guard restore vif1.0")]
pub(crate) struct Restore {
    /// Interfaces; without any, all.
    vifs: Vec<String>,
}

impl Check {
    /// Runs the command and returns the exit status: 1 if a guard is not as it should be.
    pub(crate) fn run(&self) -> u8 {
        match self.check() {
            Ok(true) => 0,
            Ok(false) => 1,
            Err(error) => fail(&error),
        }
    }

    fn check(&self) -> Result<bool, Failed> {
        let mut host = Host::open()?;
        let mut all_right = true;
        if let Err(error) = Config::of(&Places::from_environment()).and_then(|config| config.check()) {
            out(&format!("{error}\n"));
            all_right = false;
        }
        for (port, guarded) in host.each(&self.vifs)? {
            let condition = guarded.and_then(|guarded| Ok(guarded.condition(&mut host.kernel)?));
            let (is_right, words) = match condition {
                Ok(condition) => (condition.is_right(), condition.to_string()),
                Err(error) => (false, format!("cannot be checked: {error}")),
            };
            all_right &= is_right;
            if !is_right || !self.quiet {
                out(&format!("{port} {words}\n"));
            }
        }
        if self.vifs.is_empty() {
            for network in GuardedNetwork::all(&mut host.kernel)? {
                let condition = network.condition(&mut host.kernel)?;
                all_right &= condition.is_right();
                if !condition.is_right() || !self.quiet {
                    out(&format!("{} {condition}: {}\n", network.network, network.policy));
                }
            }
        }
        Ok(all_right)
    }
}

impl Restore {
    /// For all interfaces.
    pub(super) fn all() -> Self {
        Self { vifs: Vec::new() }
    }

    /// Runs the command and returns the exit status: 1 if a guard could not be put in force.
    pub(crate) fn run(&self) -> u8 {
        match self.restore() {
            Ok(true) => 0,
            Ok(false) => 1,
            Err(error) => fail(&error),
        }
    }

    /// Puts right what is wrong, tells of it, and says whether it could.
    pub(super) fn restore(&self) -> Result<bool, Failed> {
        let mut host = Host::open()?;
        let mut all_right = true;
        for (port, guarded) in host.each(&self.vifs)? {
            let restored = guarded.and_then(|guarded| {
                let condition = guarded.condition(&mut host.kernel)?;
                if condition.is_right() {
                    return Ok(None);
                }
                guarded.restore(&mut host.kernel)?;
                Ok(Some(format!("{port} {condition}; it is in force again")))
            });
            match restored {
                Ok(None) => {}
                Ok(Some(message)) => tell_of(Level::Warning, &message, &port.to_string()),
                Err(error) => {
                    all_right = false;
                    tell_of(Level::Error, &format!("{port} cannot be guarded: {error}"), &port.to_string());
                }
            }
        }
        if self.vifs.is_empty() {
            for network in GuardedNetwork::all(&mut host.kernel)? {
                let condition = network.condition(&mut host.kernel)?;
                if !condition.is_right() {
                    network.restore(&mut host.kernel)?;
                    let name = network.network.to_string();
                    tell_of(Level::Warning, &format!("{name} {condition}; it is in force again"), &name);
                }
            }
        }
        Ok(all_right)
    }
}

fn tell_of(level: Level, message: &str, port: &str) {
    out(&format!("{message}\n"));
    if !is_terminal() {
        tell(&Event { program: "dom0net", level, message, fields: &[("vif", port)] });
    }
}
