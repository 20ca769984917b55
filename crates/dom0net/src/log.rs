//! Telling the host's log what happened, one line an event.
//!
//! With systemd the journal gets the fields one by one (`DOM0NET_VIF=`, `DOM0NET_BRIDGE=`…), so that
//! `journalctl DOM0NET_DOMAIN=7` finds all about a domain; else syslog gets them behind the message. `DOM0NET_LOG`
//! chooses: `stderr`, `none`, or the path of a datagram socket that speaks the journal's protocol.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::os::unix::net::UnixDatagram;

const JOURNAL: &str = "/run/systemd/journal/socket";
const SYSLOG: &str = "/dev/log";
/// `LOG_DAEMON`.
const FACILITY: u8 = 3;

/// How grave an event is (`syslog(3)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Level {
    /// Something that was asked for could not be done.
    Error = 3,
    /// Something is not as it should be.
    Warning = 4,
    /// Something was done.
    Info = 6,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// Which program says so: `vif-bridge`, `network-bridge`…
    pub program: &'a str,
    /// How grave it is.
    pub level: Level,
    /// One sentence.
    pub message: &'a str,
    /// What it is about: names in lower case, like `vif`, and values.
    pub fields: &'a [(&'a str, &'a str)],
}

/// Tells the log. A log that does not take it is no reason to fail: the event is told to standard error then.
pub fn tell(event: &Event<'_>) {
    let chosen = std::env::var_os("DOM0NET_LOG").filter(|value| !value.is_empty());
    let told = match chosen {
        Some(value) if value == "none" => true,
        Some(value) if value == "stderr" => false,
        Some(path) => send(&path, &event.for_journal()),
        // Someone is looking.
        None if std::io::stderr().is_terminal() => false,
        None => {
            send(&JOURNAL.into(), &event.for_journal()) || send(&SYSLOG.into(), event.for_syslog().as_bytes())
        }
    };
    if !told {
        // Nobody is left to tell when this fails.
        let _ = writeln!(std::io::stderr(), "{}", event.for_people());
    }
}

fn send(path: &OsString, datagram: &[u8]) -> bool {
    UnixDatagram::unbound().and_then(|socket| socket.send_to(datagram, path)).is_ok()
}

impl Event<'_> {
    fn for_people(&self) -> String {
        format!("{}: {}", self.program, one_line(self.message))
    }

    /// The journal's own protocol: a field a line. Values have no newlines, so that none can pose as another field.
    fn for_journal(&self) -> Vec<u8> {
        let mut text = String::new();
        let mut field = |name: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}={}", one_line(value));
        };
        field("MESSAGE", self.message);
        field("PRIORITY", &(self.level as u8).to_string());
        field("SYSLOG_FACILITY", &FACILITY.to_string());
        field("SYSLOG_IDENTIFIER", self.program);
        for (name, value) in self.fields {
            field(&format!("DOM0NET_{}", name.to_ascii_uppercase()), value);
        }
        text.into_bytes()
    }

    /// RFC 3164, as local daemons expect it: without a date and a host.
    fn for_syslog(&self) -> String {
        let priority = FACILITY << 3 | self.level as u8;
        let mut text =
            format!("<{priority}>{}[{}]: {}", self.program, std::process::id(), one_line(self.message));
        for (name, value) in self.fields {
            let _ = write!(text, " {name}={}", one_line(value));
        }
        text
    }
}

/// Values may come from anywhere: what is no visible character becomes a blank.
fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: Event<'static> = Event {
        program: "vif-bridge",
        level: Level::Info,
        message: "plugged\nPRIORITY=0",
        fields: &[("vif", "vif1.0"), ("bridge", "xenbr0\nMESSAGE=forged")],
    };

    #[test]
    fn the_journal_gets_each_field_on_its_own_and_no_other() {
        let text = String::from_utf8(EVENT.for_journal()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "MESSAGE=plugged PRIORITY=0");
        assert!(lines.contains(&"DOM0NET_VIF=vif1.0") && lines.contains(&"PRIORITY=6"), "{text}");
        assert_eq!(lines.len(), 6);
    }

    #[test]
    fn syslog_gets_one_line() {
        let text = EVENT.for_syslog();
        assert!(text.starts_with("<30>vif-bridge["), "{text}");
        assert!(text.ends_with("vif=vif1.0 bridge=xenbr0 MESSAGE=forged") && !text.contains('\n'), "{text}");
    }
}
