//! `--confirm`: a start that goes back by itself, and the command that says that it need not.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;
use dom0net::log::{Event, Level, tell};
use dom0net::network::{self, Records, Ticket, Watched};
use dom0net::places::Places;
use netkernel::link::LinkName;

use super::fail;
use super::output::announce;

/// What the watching process says when it depends on nobody any more.
const READY: &str = "ready";

/// The name of the command that watches.
const WATCH: &str = "watch-start";

#[derive(Args)]
pub(crate) struct Confirm {
    /// The bridge; without it, all that wait to be confirmed.
    bridge: Option<LinkName>,
}

impl Confirm {
    pub(crate) fn run(&self) -> u8 {
        let records = Records::of(&Places::from_environment());
        match network::confirm(&records, self.bridge.as_ref()) {
            Ok(confirmed) if confirmed.is_empty() => fail(&"no start waits to be confirmed"),
            Ok(confirmed) => {
                for record in confirmed {
                    announce(&format!("{} is confirmed, and stays", record.bridge));
                }
                0
            }
            Err(error) => fail(&error),
        }
    }
}

#[derive(Args)]
pub(crate) struct Watch {
    bridge: LinkName,
    ticket: Ticket,
    seconds: u64,
}

impl Watch {
    /// Watches a start, in a process that belongs to no terminal.
    pub(crate) fn run(&self) -> u8 {
        // Fails for the leader of a process group, which whoever starts this does not make it.
        let _ = nix::unistd::setsid();
        let _ = writeln!(io::stdout(), "{READY}");
        let records = Records::of(&Places::from_environment());
        let patience = Duration::from_secs(self.seconds);
        let (level, message, status) = match network::watch(&records, &self.bridge, self.ticket, patience) {
            Ok(Watched::Settled) => return 0,
            Ok(Watched::WentBack) => {
                let message = format!(
                    "{}: nobody confirmed it within {} seconds; all is as it was before",
                    self.bridge, self.seconds
                );
                (Level::Warning, message, 0)
            }
            Err(error) => {
                let message =
                    format!("{}: nobody confirmed it, and it cannot be undone: {error}", self.bridge);
                (Level::Error, message, 1)
            }
        };
        let fields = [("bridge", self.bridge.as_str())];
        tell(&Event { program: "dom0net", level, message: &message, fields: &fields });
        status
    }
}

/// How long is waited for a confirmation: `60`, `60s` or `2m`.
pub(crate) fn patience(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        _ => 0,
    };
    match digits.parse::<u64>() {
        Ok(number @ 1..=86400) if unit > 0 => Ok(Duration::from_secs(number * unit)),
        _ => Err(format!("--confirm {text} is no time; write it like 60s or 2m")),
    }
}

/// Starts the process that takes the start with this ticket back. It survives the terminal, the session and this
/// process.
pub(crate) fn start_watch(bridge: &LinkName, ticket: Ticket, patience: Duration) -> Result<(), NoWatch> {
    let mut child = Command::new(std::env::current_exe().map_err(NoWatch)?)
        .arg(WATCH)
        .args([bridge.as_str(), &ticket.to_string(), &patience.as_secs().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .current_dir("/")
        .spawn()
        .map_err(NoWatch)?;
    let mut line = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output).read_line(&mut line).map_err(NoWatch)?;
    }
    if line.trim_end() == READY { Ok(()) } else { Err(NoWatch(io::ErrorKind::UnexpectedEof.into())) }
}

/// There is nobody who would take the start back, so that it is not made.
#[derive(Debug)]
pub(crate) struct NoWatch(io::Error);

impl fmt::Display for NoWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot start the process that would go back, so nothing was changed: {}", self.0)
    }
}

impl std::error::Error for NoWatch {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_or_are_seconds() {
        assert_eq!(patience("60"), Ok(Duration::from_mins(1)));
        assert_eq!(patience("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(patience("2m"), Ok(Duration::from_mins(2)));
        for text in ["", "0", "s", "5h", "-1", "1.5s", "99999999999999999999s"] {
            assert!(patience(text).is_err(), "{text}");
        }
    }
}
