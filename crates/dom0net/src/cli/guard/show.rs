//! `dom0net guard show`: what a guest may send.

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::Args;
use dom0net::guard::{self, Condition, Policy};
use dom0net::hotplug::Guarded;
use serde::Serialize;

use super::which::{Failed, Host};
use crate::cli::fail;
use crate::cli::output::{json, out};

#[derive(Args)]
#[command(after_help = "\
Examples:
  dom0net guard show vif1.0
  dom0net guard show web --json
  dom0net guard show web/1 --nft")]
pub(crate) struct Show {
    /// vif1.0, a guest's name, its name and the interface's number (web/1), or a device.
    vif: String,
    /// Print the rules, as nft writes them.
    #[arg(long)]
    nft: bool,
    /// Print it as JSON.
    #[arg(long, conflicts_with = "nft")]
    json: bool,
}

/// The JSON.
#[derive(Serialize)]
struct Shown<'a> {
    vif: String,
    device: &'a str,
    bridge: Option<&'a str>,
    /// Whether the kernel holds just this policy.
    in_force: bool,
    /// What is wrong if it does not.
    condition: String,
    /// Where its rules are: table and chain.
    place: String,
    policy: &'a Policy,
    /// Frames that were dropped, by reason.
    dropped: BTreeMap<&'static str, u64>,
}

impl Show {
    /// Runs the command and returns the exit status.
    pub(crate) fn run(&self) -> u8 {
        match self.show() {
            Ok(()) => 0,
            Err(error) => fail(&error),
        }
    }

    fn show(&self) -> Result<(), Failed> {
        let mut host = Host::open()?;
        let guarded = host.find(&self.vif)?;
        let place = guard::Guard::of(guarded.port);
        if self.nft {
            out(&place.text(&guarded.device.name, &guarded.policy));
            return Ok(());
        }
        let condition = guarded.condition(&mut host.kernel)?;
        let state = place.state(host.kernel.filter()?)?.unwrap_or_default();
        let dropped = state.dropped.iter().filter(|(_, frames)| **frames > 0);
        if self.json {
            json(&Shown {
                vif: guarded.port.to_string(),
                device: guarded.device.name.as_str(),
                bridge: guarded.bridge.as_ref().map(|bridge| bridge.name.as_str()),
                in_force: condition == Condition::InForce,
                condition: condition.to_string(),
                place: place.to_string(),
                policy: &guarded.policy,
                dropped: dropped.map(|(reason, frames)| (reason.word(), *frames)).collect(),
            });
        } else {
            out(&in_words(&guarded, &condition, dropped));
        }
        Ok(())
    }
}

fn in_words<'a>(
    guarded: &Guarded,
    condition: &Condition,
    dropped: impl Iterator<Item = (&'a guard::Reason, &'a u64)>,
) -> String {
    let Guarded { port, device, policy, .. } = guarded;
    let on = guarded.bridge.as_ref().map(|bridge| format!(" on {bridge}")).unwrap_or_default();
    // Writing to a string cannot fail.
    let mut text = format!("{port} ({device}{on}) {condition}.\n");
    let _ = writeln!(text, "Mode {}: {policy}.", policy.mode.word());
    let _ = writeln!(text, "Its rules are in {}.", guard::Guard::of(*port));
    let mut none = true;
    for (reason, frames) in dropped {
        none = false;
        let _ = writeln!(text, "{frames:>10} frames dropped: {reason}");
    }
    if none {
        text.push_str("No frame was dropped.\n");
    }
    text
}
