//! `network-nat start|stop|status [name=value…]`, by that name or as a command of dom0net.

use std::ffi::OsString;
use std::path::Path;

use dom0net::log::Level;
use dom0net::places::Places;
use dom0net::plan::Kernel;
use dom0net::routed::{self, Command, Kind, NatArguments, NatNetwork, NatStarted, Records};

use super::output::{announce, json, out};
use super::script::{Flags, Script};

const SCRIPT: Script = Script { name: "network-nat", help: HELP };

pub(crate) const HELP: &str = "\
Let guests out as this host, and undo that.

Usage: network-nat start|stop|status [name=value...] [--dry-run] [--json] [--force]

With a name, it is a network with a bridge of its own, which guests join with bridge=NAME:

  bridge=NAME             its name, and that of its bridge
  subnet=ADDRESS/LENGTH   its IPv4 subnet (one that is free); the address is this host's, or the first
  subnet6=ADDRESS/64|no   its IPv6 subnet (a unique local one)
  netdev=DEVICE           the card that its packets leave by (any)
  nat=yes|no              IPv4 packets bear this host's address (yes); no: this host is a router for them
  nat66=yes|no            IPv6 packets do (no)
  isolated=yes|no         nothing passes between the network and the outside (no)
  dhcp=yes|no             dnsmasq gives guests their addresses (no)
  dns=yes|no              dnsmasq tells guests names (as dhcp)
  forward=PROTOCOL:PORT:ADDRESS[:PORT],...
                          ports of this host that lead to guests, each a number or a range; without those
                          behind the address the numbers stay

Without one, it is what Xen's script was: guests with script=vif-nat go out by the card.

  netdev=DEVICE           the card; without it that of the default route
  dhcp=yes|no             dnsmasq gives guests their addresses (no)

  --dry-run               print what would be done, and do nothing
  --json                  print it as JSON
  --force                 stop although guests are still on the bridge

Examples:
  network-nat start bridge=nat0 subnet=10.1.0.0/24 dhcp=yes
  network-nat start bridge=nat0 subnet=10.1.0.0/24 dhcp=yes forward=tcp:8080:10.1.0.2:80
  network-nat start bridge=nat0 subnet=10.1.0.0/24 forward=udp:5000-5999:10.1.0.2,tcp:8000-8010:10.1.0.3:80-90
  network-nat start bridge=brouter0 subnet=198.51.100.1/28 nat=no
  network-nat start bridge=private0 isolated=yes
  network-nat status
  network-nat stop bridge=nat0
";

/// Configurations of the server that Xen's own scripts wrote into.
const OTHER_SERVERS: [&str; 3] = ["/etc/dhcp/dhcpd.conf", "/etc/dhcp3/dhcpd.conf", "/etc/dhcpd.conf"];

/// Runs the script and returns its exit status.
pub(crate) fn run(words: impl IntoIterator<Item = OsString>) -> u8 {
    let (flags, rest) = match SCRIPT.flags(words) {
        Ok(read) => read,
        Err(status) => return status,
    };
    match NatArguments::parse(rest) {
        Ok(arguments) => {
            SCRIPT.warn_of_unknown(&arguments.unknown);
            SCRIPT.end(carry_out(&arguments, flags))
        }
        Err(error) => SCRIPT.bad_call(&error),
    }
}

fn carry_out(arguments: &NatArguments, flags: Flags) -> Result<(), routed::Error> {
    let mut kernel = Kernel::open()?;
    let places = Places::from_environment();
    let records = Records::of(&places);
    match arguments.command {
        Command::Start => start(&mut kernel, &places, arguments, flags)?,
        Command::Stop => match routed::nat_started(&records, arguments)? {
            None => announce("that network was not started; there is nothing to stop"),
            Some(record) if flags.dry_run => flags.print(&record.plan.inverse()),
            Some(record) => {
                routed::nat_stop(&mut kernel, &places, &record, flags.force)?;
                SCRIPT.done(&format!("{} is gone", record.name), &[("network", record.name.as_str())]);
            }
        },
        Command::Status => status(&mut kernel, &places, arguments, flags)?,
    }
    Ok(())
}

fn start(
    kernel: &mut Kernel,
    places: &Places,
    arguments: &NatArguments,
    flags: Flags,
) -> Result<(), routed::Error> {
    let network = NatNetwork::decide(kernel, &Records::of(places), arguments)?;
    if flags.dry_run {
        flags.print(&routed::nat_start_plan(kernel, &network)?);
        return Ok(());
    }
    warn_of_other_server(arguments);
    SCRIPT.sweep(kernel, places);
    let started = routed::nat_start(kernel, places, &network)?;
    let what = match (&network.bridge, &network.ipv4) {
        (Some(bridge), Some(subnet)) => format!("{bridge} ({subnet})"),
        _ => format!("guests with vif-nat, by {}", network.name),
    };
    let message = match started {
        NatStarted::Now => format!("the network of {what} is up"),
        NatStarted::Already => format!("the network of {what} stands already"),
    };
    SCRIPT.done(&message, &[("network", network.name.as_str())]);
    Ok(())
}

/// Xen's script wrote guests into the configuration of another server. Whoever relies on that must hear that it is over.
fn warn_of_other_server(arguments: &NatArguments) {
    if arguments.services.dhcp || arguments.bridge.is_some() {
        return;
    }
    if let Some(file) = OTHER_SERVERS.into_iter().find(|file| Path::new(file).exists()) {
        let message = format!(
            "{file} is left alone: guests are not written into it any more; start with dhcp=yes, \
             and dnsmasq gives them their addresses"
        );
        SCRIPT.complain(Level::Warning, &message, &[]);
    }
}

fn status(
    kernel: &mut Kernel,
    places: &Places,
    arguments: &NatArguments,
    flags: Flags,
) -> Result<(), routed::Error> {
    let mut states = Vec::new();
    for record in Records::of(places).all(Kind::Nat)? {
        let named = arguments.bridge.as_ref().or(arguments.netdev.as_ref());
        if named.is_none_or(|name| *name == record.name) {
            states.push(routed::nat_status(kernel, places, &record)?);
        }
    }
    if flags.json {
        json(&states);
    } else if states.is_empty() {
        out("No such network was started; start one with: network-nat start bridge=nat0\n");
    } else {
        out(&states.iter().map(ToString::to_string).collect::<String>());
    }
    Ok(())
}
