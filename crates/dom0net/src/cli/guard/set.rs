//! `dom0net guard set`: another policy for a running guest.

use clap::Args;
use dom0net::log::{Event, Level, tell};

use super::which::{Failed, Host};
use crate::cli::fail;
use crate::cli::output::announce;

#[derive(Args)]
#[command(after_help = "\
Words are those of the guard's configuration: mode=locked|mac-only|open|disabled, ip=, mac=,
link-local=eui64|any|listed, protocols=, vlans=, vrrp=, dhcp-server=, router=, isolated=, log=. Lists are
set with =, and changed with += and -=.

The change holds until the guest's interface goes. What shall hold longer belongs into
/etc/xen/dom0net-guard.conf.

Examples:
  dom0net guard set vif1.0 ip+=10.0.0.7
  dom0net guard set web ip-=10.0.0.7 vlans=10,20-29
  dom0net guard set web mode=mac-only")]
pub(crate) struct Set {
    /// vif1.0, a guest's name, its name and the interface's number (web/1), or a device.
    vif: String,
    /// What to change.
    #[arg(required = true)]
    words: Vec<String>,
}

impl Set {
    /// Runs the command and returns the exit status.
    pub(crate) fn run(&self) -> u8 {
        match self.set() {
            Ok(()) => 0,
            Err(error) => fail(&error),
        }
    }

    fn set(&self) -> Result<(), Failed> {
        let mut host = Host::open()?;
        let mut guarded = host.find(&self.vif)?;
        guarded.change(&mut host.store, &mut host.kernel, &self.words.join(" "))?;
        let message = format!("{}: {}", guarded.device, guarded.policy);
        announce(&message);
        let fields = [("vif", guarded.device.name.as_str())];
        tell(&Event { program: "dom0net", level: Level::Info, message: &message, fields: &fields });
        Ok(())
    }
}
