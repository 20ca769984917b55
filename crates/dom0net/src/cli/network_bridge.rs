//! `network-bridge start|stop|status [name=value…]`, by that name or as a command of dom0net.

use std::error::Error;
use std::ffi::OsString;
use std::fmt::Display;
use std::io;
use std::time::Duration;

use dom0net::log::{Event, Level, tell};
use dom0net::network::{self, Arguments, Command, How, Records, Started, Stopped, Ticket};
use dom0net::places::Places;
use dom0net::plan::{Kernel, Plan};
use dom0net::routed;
use netkernel::link::LinkName;
use netkernel::process::{finish_what_is_begun, hurry};

use super::confirm::{patience, start_watch};
use super::output::{announce, out, with_patience};
use super::{script, status};

const PROGRAM: &str = "network-bridge";

pub(crate) const HELP: &str = "\
Move this host's network card onto a bridge for guests, and back.

Usage: network-bridge start|stop|status [name=value...] [--dry-run] [--json] [--force] [--take-over]

  netdev=DEVICE     the card; without it that of the default route (eth1 with vifnum=1);
                    dummy0 or none: a bridge for guests alone
  bridge=NAME       the bridge; without it xenbr and the card's number. null: do nothing
  vifnum=NUMBER     the number for both, where they are not given
  antispoof=yes|no  keep guests that have ip= to their addresses (yes)
  stp=yes|no        speak the spanning tree protocol (no)
  layout=NAME       who is called what: today (the bridge has the address), bridge-is-eth0
                    (so has a bridge eth0, whose card is peth0), classic (eth0 and vif0.0
                    are a pair, the card is peth0, the bridge has no address)
  pdev=DEVICE       the card's name in the last two (p and its own)

  --dry-run         print what would be done, and do nothing
  --json            print it as JSON
  --confirm TIME    go back by itself unless `dom0net confirm` is said within this time
  --take-over       let the card's DHCP client (dhclient, udhcpc) go on on the bridge
  --force           start although another program manages the card; stop although guests
                    are still on the bridge

Examples:
  network-bridge start
  network-bridge start netdev=eth1 bridge=xenbr1 --dry-run
  network-bridge start --confirm 60s
  network-bridge status bridge=xenbr1
  network-bridge stop
";

/// The flags that stand among the words.
#[derive(Default)]
struct Flags {
    dry_run: bool,
    json: bool,
    how: How,
    confirm: Option<Duration>,
}

/// Runs the script and returns its exit status.
pub(crate) fn run(words: impl IntoIterator<Item = OsString>) -> u8 {
    let mut flags = Flags::default();
    let mut rest = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--dry-run" | "-n") => flags.dry_run = true,
            Some("--json") => flags.json = true,
            Some("--force" | "-f") => flags.how.force = true,
            Some("--take-over") => flags.how.take_over = true,
            Some("--confirm") => {
                let time = words.next().unwrap_or_default();
                match patience(&time.to_string_lossy()) {
                    Ok(time) => flags.confirm = Some(time),
                    Err(error) => return bad_call(&error),
                }
            }
            Some(flag) if flag.starts_with("--confirm=") => {
                match patience(flag.trim_start_matches("--confirm=")) {
                    Ok(time) => flags.confirm = Some(time),
                    Err(error) => return bad_call(&error),
                }
            }
            Some("--help" | "-h") => {
                out(HELP);
                return 0;
            }
            Some(flag) if flag.starts_with("--") => return bad_call(&format!("{flag} is not known")),
            _ => rest.push(word),
        }
    }
    let arguments = match Arguments::parse(rest) {
        Ok(arguments) => arguments,
        Err(error) => return bad_call(&error),
    };
    for word in &arguments.unknown {
        complain(Level::Warning, &format!("{word} means nothing here, and is ignored"), &[]);
    }
    if arguments.no_bridge {
        return 0;
    }
    match carry_out(&arguments, &flags) {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(error) => {
            complain(Level::Error, &error.to_string(), &[]);
            1
        }
    }
}

/// Returns false when all was done that was asked for, and the answer is no.
fn carry_out(arguments: &Arguments, flags: &Flags) -> Result<bool, Box<dyn Error>> {
    let mut kernel = Kernel::open()?;
    let records = Records::of(&Places::from_environment());
    match arguments.command {
        Command::Start => start(&mut kernel, &records, arguments, flags)?,
        Command::Stop => stop(&mut kernel, &records, arguments, flags)?,
        Command::Status => return Ok(status::networks(&mut kernel, arguments, flags.json)?),
    }
    Ok(true)
}

fn start(
    kernel: &mut Kernel,
    records: &Records,
    arguments: &Arguments,
    flags: &Flags,
) -> Result<(), Box<dyn Error>> {
    if !flags.dry_run {
        script::sweep(PROGRAM, kernel, &Places::from_environment());
    }
    if let Some(bridge) = private_bridge(kernel, arguments)? {
        return start_private(kernel, &bridge, arguments, flags);
    }
    let names = network::names(kernel, records, arguments)?;
    if flags.dry_run {
        let plan = network::start_plan(kernel, records, &names, arguments, flags.how)?;
        print_plan(plan.as_ref(), flags, &format!("{} stands already", names.bridge));
        return Ok(());
    }
    let ticket = flags.confirm.map(|patience| (Ticket::new(), patience));
    if let Some((ticket, patience)) = ticket {
        start_watch(&names.bridge, ticket, patience)?;
    }
    begin()?;
    let how = How { ticket: ticket.map(|(ticket, _)| ticket), ..flags.how };
    let waiting = "waiting until the gateways answer";
    match with_patience(waiting, || network::start(kernel, records, &names, arguments, how))? {
        Started::Now { record, gateways } => {
            let message = format!("{} is up, and {} is its uplink", record.bridge, record.uplink);
            let fields = [("bridge", record.bridge.name.as_str()), ("uplink", record.uplink.name.as_str())];
            done(&message, &fields);
            if gateways.is_empty() {
                let message = format!(
                    "no gateway answers through {}, so nobody can tell whether this host is reached over {}",
                    record.uplink,
                    record.front()
                );
                complain(Level::Warning, &message, &fields);
            }
            if let Some(patience) = flags.confirm {
                let seconds = patience.as_secs();
                announce(&format!("say within {seconds} seconds: dom0net confirm; else all goes back"));
            }
        }
        Started::Already(record) => announce(&format!("{} stands already", record.bridge)),
    }
    Ok(())
}

/// From here on the card may be in two hands.
fn begin() -> io::Result<()> {
    // Where it cannot, it takes the time that it gets.
    let _ = hurry();
    finish_what_is_begun()
}

/// The bridge that shall have no device: `netdev=dummy0` or `netdev=none` says so.
fn private_bridge(kernel: &mut Kernel, arguments: &Arguments) -> Result<Option<LinkName>, Box<dyn Error>> {
    let Some(netdev) = &arguments.netdev else { return Ok(None) };
    if !routed::is_no_device(kernel, netdev)? {
        return Ok(None);
    }
    let number = arguments.vifnum.unwrap_or(0);
    let bridge = arguments.bridge.clone().map_or_else(|| LinkName::new(format!("xenbr{number}")), Ok)?;
    Ok(Some(bridge))
}

fn start_private(
    kernel: &mut Kernel,
    bridge: &LinkName,
    arguments: &Arguments,
    flags: &Flags,
) -> Result<(), Box<dyn Error>> {
    let stp = arguments.stp.unwrap_or(false);
    if flags.dry_run {
        let plan = routed::private_plan(kernel, bridge, stp)?;
        print_plan(Some(&plan), flags, "");
    } else if routed::private_start(kernel, &Places::from_environment(), bridge, stp)? {
        done(&format!("{bridge} is up, without a card"), &[("bridge", bridge.as_str())]);
    } else {
        announce(&format!("{bridge} stands already"));
    }
    Ok(())
}

fn stop(
    kernel: &mut Kernel,
    records: &Records,
    arguments: &Arguments,
    flags: &Flags,
) -> Result<(), Box<dyn Error>> {
    let named = match private_bridge(kernel, arguments)? {
        Some(bridge) => Some(bridge),
        None => arguments.bridge.clone(),
    };
    let places = Places::from_environment();
    if let Some(bridge) = &named
        && flags.dry_run
        && let Some(plan) = routed::private_stop_plan(&places, bridge)?
    {
        print_plan(Some(&plan), flags, "");
        return Ok(());
    }
    if let Some(bridge) = named.filter(|_| !flags.dry_run)
        && routed::private_stop(kernel, &places, &bridge, flags.how.force)?
    {
        done(&format!("{bridge} is gone"), &[("bridge", bridge.as_str())]);
        return Ok(());
    }
    let Some(record) = network::started(kernel, records, arguments)? else {
        announce("that network was not started; there is nothing to stop");
        return Ok(());
    };
    let bridge = &record.bridge.name;
    if flags.dry_run {
        let plan = network::stop_plan(kernel, records, bridge, flags.how.force)?;
        print_plan(plan.as_ref(), flags, &format!("{bridge} is gone already; there is nothing to stop"));
        return Ok(());
    }
    begin()?;
    let message = match network::stop(kernel, records, bridge, flags.how.force)? {
        Stopped::Now => format!("{bridge} is gone, and {} is as it was", record.before.name),
        Stopped::WithoutCard => {
            format!("{bridge} is gone with its addresses, which {} was not there to get", record.before.name)
        }
        Stopped::Before(recovered) => recovered.to_string(),
        Stopped::Never => return Ok(()),
    };
    done(&message, &[("bridge", bridge.as_str())]);
    Ok(())
}

fn print_plan(plan: Option<&Plan>, flags: &Flags, nothing: &str) {
    if flags.json {
        super::output::json(plan.unwrap_or(&Plan::new()));
    } else {
        out(&plan.map_or_else(|| format!("{nothing}\n"), Plan::to_string));
    }
}

fn done(message: &str, fields: &[(&str, &str)]) {
    announce(message);
    complain(Level::Info, message, fields);
}

fn complain(level: Level, message: &str, fields: &[(&str, &str)]) {
    // A terminal has been told already.
    if level == Level::Info && super::output::is_terminal() {
        return;
    }
    tell(&Event { program: PROGRAM, level, message, fields });
}

fn bad_call(error: &dyn Display) -> u8 {
    complain(Level::Error, &format!("{error}; network-bridge --help shows how it is called"), &[]);
    2
}
