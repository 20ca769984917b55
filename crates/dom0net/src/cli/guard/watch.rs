//! `dom0net guard watch`: guards that come back by themselves.

use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use dom0net::log::{Event, Level, tell};
use netkernel::netlink;
use netkernel::nftables::NfTables;

use super::check::Restore;

/// How often is asked whether anybody has changed the packet filter: one small request.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Args)]
#[command(after_help = "\
Runs until it is ended. Whenever somebody changes the packet filter, the guards are looked at, and those
that are missing are put in force again; the same now and then for devices that were renamed.

Example, as a service of systemd:
  [Service]
  ExecStart=/usr/bin/dom0net guard watch
  Restart=always")]
pub(crate) struct Watch {
    /// Look at the guards at least this often, in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
}

impl Watch {
    /// Runs the command; it returns when the packet filter can be asked no more.
    pub(crate) fn run(&self) -> u8 {
        match self.watch() {
            Ok(never) => match never {},
            Err(error) => crate::cli::fail(&error),
        }
    }

    fn watch(&self) -> Result<std::convert::Infallible, netlink::Error> {
        let mut filter = NfTables::open()?;
        let mut seen = None;
        let mut looked = Instant::now();
        loop {
            let generation = filter.generation()?;
            if seen != Some(generation) || looked.elapsed() >= Duration::from_secs(self.every) {
                // Restoring changes it too; what others change meanwhile is looked at once more.
                seen = Some(generation);
                looked = Instant::now();
                if let Err(error) = Restore::all().restore() {
                    // The store may be away for a while.
                    let message = error.to_string();
                    tell(&Event { program: "dom0net", level: Level::Error, message: &message, fields: &[] });
                }
            }
            thread::sleep(PAUSE);
        }
    }
}
