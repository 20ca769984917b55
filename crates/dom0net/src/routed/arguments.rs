//! What `network-route` is asked to do: a command and words of the form `name=value`, as Xen's own script takes them.

use std::ffi::OsString;
use std::fmt;

use netkernel::link::{InvalidLinkName, LinkName};

use crate::translation::{BadForward, Forward};

/// What to do with the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Make it.
    Start,
    /// Undo that.
    Stop,
    /// Show it.
    Status,
}

/// A word of the call cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadWord {
    /// No command, or one that is not known.
    Command(Option<String>),
    /// A value that the variable cannot have.
    Value {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it could be.
        expected: &'static str,
    },
    /// A name that no device can have.
    Name {
        /// The variable.
        variable: &'static str,
        /// What is wrong.
        error: InvalidLinkName,
    },
    /// Something that is no forward.
    Forward(String, BadForward),
    /// Two forwards that have a port in common.
    Overlap(Forward, Forward),
    /// The word is not UTF-8.
    NotText,
}

/// A call of `network-route`.
///
/// ```
/// use dom0net::routed::{Command, RouteArguments};
///
/// let arguments = RouteArguments::parse(["start", "netdev=eth1"].map(Into::into))?;
/// assert_eq!(arguments.command, Command::Start);
/// assert_eq!(arguments.netdev.unwrap().as_str(), "eth1");
/// # Ok::<(), dom0net::routed::BadWord>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteArguments {
    /// What to do.
    pub command: Command,
    /// The device that guests' packets leave by; none: that of the default route.
    pub netdev: Option<LinkName>,
    /// Words that mean nothing here, for a warning.
    pub unknown: Vec<String>,
}

impl RouteArguments {
    /// Understands the words behind the script's name. The first without `=` is the command.
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Self, BadWord> {
        let (command, variables, mut unknown) = split(words)?;
        let mut netdev = None;
        for (name, value) in variables {
            match &*name {
                "netdev" | "gatewaydev" => netdev = device_name("netdev", &value)?,
                // What network-bridge takes, and wrappers pass on to whatever script there is.
                "vifnum" | "antispoof" | "bridge" => {}
                _ => unknown.push(format!("{name}={value}")),
            }
        }
        Ok(Self { command, netdev, unknown })
    }
}

/// The command, the variables in order, and words that are neither.
pub(super) type Words = (Command, Vec<(String, String)>, Vec<String>);

pub(super) fn split(words: impl IntoIterator<Item = OsString>) -> Result<Words, BadWord> {
    let (mut command, mut variables, mut unknown) = (None, Vec::new(), Vec::new());
    for word in words {
        let word = word.into_string().map_err(|_| BadWord::NotText)?;
        match word.split_once('=') {
            Some((name, value)) => variables.push((name.to_owned(), value.to_owned())),
            None if command.is_none() => command = Some(word),
            None => unknown.push(word),
        }
    }
    let command = match command.as_deref() {
        Some("start") => Command::Start,
        Some("stop") => Command::Stop,
        Some("status") => Command::Status,
        _ => return Err(BadWord::Command(command)),
    };
    Ok((command, variables, unknown))
}

/// An empty value is as good as none: that is how scripts pass on what they were not given.
pub(super) fn device_name(variable: &'static str, value: &str) -> Result<Option<LinkName>, BadWord> {
    if value.is_empty() {
        return Ok(None);
    }
    LinkName::new(value).map(Some).map_err(|error| BadWord::Name { variable, error })
}

impl fmt::Display for BadWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(None) => f.write_str("say what to do: start, stop or status"),
            Self::Command(Some(word)) => write!(f, "{word:?} is not known; it is start, stop or status"),
            Self::Value { name, value, expected } => {
                write!(f, "{name}={} cannot be: it is {expected}", shown(value))
            }
            Self::Forward(value, error) => write!(f, "forward={} cannot be: {error}", shown(value)),
            Self::Overlap(one, other) => write!(f, "{one} and {other} have a port in common"),
            Self::Name { variable, error } => write!(f, "{variable}: {error}"),
            Self::NotText => f.write_str("an argument is not valid UTF-8"),
        }
    }
}

/// Enough of a value to know it by.
fn shown(value: &str) -> String {
    value.chars().take(60).collect::<String>().escape_debug().collect()
}

impl std::error::Error for BadWord {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<RouteArguments, BadWord> {
        RouteArguments::parse(words.iter().map(Into::into))
    }

    #[test]
    fn words_for_other_scripts_do_no_harm_and_mistakes_are_told() {
        let arguments = parse(&["vifnum=0", "start", "netdev=", "gateway=eth0", "now"]).unwrap();
        assert_eq!((arguments.command, arguments.netdev), (Command::Start, None));
        assert_eq!(arguments.unknown, ["now", "gateway=eth0"]);
        for (words, part) in [(&[][..], "start, stop or status"), (&["start", "netdev=a/b"], "netdev: ")] {
            let error = parse(words).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
