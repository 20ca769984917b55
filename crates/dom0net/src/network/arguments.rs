//! What `network-bridge` is asked to do: a command and words of the form `name=value`, as Xen's own script takes them.

use std::ffi::OsString;
use std::fmt;

use netkernel::link::{InvalidLinkName, LinkName};

use super::layout::Layout;

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

/// A call of `network-bridge`.
///
/// ```
/// use dom0net::network::{Arguments, Command};
///
/// let words = ["start", "netdev=eth1", "bridge=xenbr1", "antispoof=yes"];
/// let arguments = Arguments::parse(words.map(Into::into))?;
/// assert_eq!(arguments.command, Command::Start);
/// assert_eq!(arguments.bridge.as_ref().map(|name| name.as_str()), Some("xenbr1"));
/// # Ok::<(), dom0net::network::BadWord>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// What to do.
    pub command: Command,
    /// The number of the bridge, from which its name and its device's are made where they are not given.
    pub vifnum: Option<u32>,
    /// The bridge's name.
    pub bridge: Option<LinkName>,
    /// `bridge=null`: there shall be no bridge, and nothing is done.
    pub no_bridge: bool,
    /// The device that the bridge leads out through.
    pub netdev: Option<LinkName>,
    /// Whether guests with `ip=` are kept to their addresses. They are unless this is `Some(false)`.
    pub antispoof: Option<bool>,
    /// Whether the bridge speaks the spanning tree protocol.
    pub stp: Option<bool>,
    /// Who is called what. Without it, a bridge that shall have the card's name means [`Layout::BridgeIsCard`].
    pub layout: Option<Layout>,
    /// What the card is called meanwhile, in the layouts in which it gets another name.
    pub pdev: Option<LinkName>,
    /// Words that mean nothing here, for a warning.
    pub unknown: Vec<String>,
}

/// A word of the call cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadWord {
    /// No command, or one that is not known.
    Command(Option<String>),
    /// A variable that must be yes or no is neither.
    Truth {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// `layout` is none that there is.
    Layout(String),
    /// `vifnum` is no number.
    Number(String),
    /// A name that no device can have.
    Name {
        /// The variable.
        variable: &'static str,
        /// What is wrong.
        error: InvalidLinkName,
    },
    /// The word is not UTF-8.
    NotText,
}

impl Arguments {
    /// Understands the words behind the script's name. The first without `=` is the command.
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Self, BadWord> {
        let mut command = None;
        let mut arguments = Self {
            command: Command::Status,
            vifnum: None,
            bridge: None,
            no_bridge: false,
            netdev: None,
            antispoof: None,
            stp: None,
            layout: None,
            pdev: None,
            unknown: Vec::new(),
        };
        for word in words {
            let word = word.into_string().map_err(|_| BadWord::NotText)?;
            match word.split_once('=') {
                Some((name, value)) => arguments.set(name, value)?,
                None if command.is_none() => command = Some(word),
                None => arguments.unknown.push(word),
            }
        }
        arguments.command = match command.as_deref() {
            Some("start") => Command::Start,
            Some("stop") => Command::Stop,
            Some("status") => Command::Status,
            _ => return Err(BadWord::Command(command)),
        };
        Ok(arguments)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), BadWord> {
        match name {
            "vifnum" => {
                self.vifnum = Some(value.parse().map_err(|_| BadWord::Number(value.to_owned()))?);
            }
            "bridge" if value == "null" => self.no_bridge = true,
            "bridge" => self.bridge = device_name("bridge", value)?,
            "netdev" => self.netdev = device_name("netdev", value)?,
            "antispoof" => self.antispoof = Some(truth("antispoof", value)?),
            "stp" => self.stp = Some(truth("stp", value)?),
            "layout" if value.is_empty() => {}
            "layout" => self.layout = Some(value.parse().map_err(|_| BadWord::Layout(value.to_owned()))?),
            "pdev" => self.pdev = device_name("pdev", value)?,
            // How many pairs of devices there may be: as many as one likes. Old words for what the layout names.
            "nloopbacks" | "veth" | "vif0" => {}
            _ => self.unknown.push(format!("{name}={value}")),
        }
        Ok(())
    }
}

/// An empty value is as good as none: that is how scripts pass on what they were not given.
fn device_name(variable: &'static str, value: &str) -> Result<Option<LinkName>, BadWord> {
    if value.is_empty() {
        return Ok(None);
    }
    LinkName::new(value).map(Some).map_err(|error| BadWord::Name { variable, error })
}

/// What xend took for yes and no.
fn truth(name: &'static str, value: &str) -> Result<bool, BadWord> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "y" | "1" | "on" | "true" | "t" => Ok(true),
        "no" | "n" | "0" | "off" | "false" | "f" => Ok(false),
        _ => Err(BadWord::Truth { name, value: value.to_owned() }),
    }
}

impl fmt::Display for BadWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(None) => f.write_str("say what to do: start, stop or status"),
            Self::Command(Some(word)) => write!(f, "{word:?} is not known; it is start, stop or status"),
            Self::Truth { name, value } => write!(f, "{name}={value} is neither yes nor no"),
            Self::Layout(value) => {
                let words = Layout::ALL.map(Layout::word).join(", ");
                write!(f, "layout={value} is not known; it is one of {words}")
            }
            Self::Number(value) => write!(f, "vifnum={value} is not a number"),
            Self::Name { variable, error } => write!(f, "{variable}: {error}"),
            Self::NotText => f.write_str("an argument is not valid UTF-8"),
        }
    }
}

impl std::error::Error for BadWord {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments, BadWord> {
        Arguments::parse(words.iter().map(Into::into))
    }

    #[test]
    fn the_words_of_the_documents_are_understood() {
        let arguments = parse(&["start", "vifnum=1", "netdev=eth1", "bridge=xenbr1"]).unwrap();
        assert_eq!((arguments.command, arguments.vifnum), (Command::Start, Some(1)));
        assert_eq!(arguments.netdev.unwrap().as_str(), "eth1");
        assert!(parse(&["stop", "bridge=null"]).unwrap().no_bridge);
        let layout = |word: &str| parse(&["start", word]).unwrap().layout;
        assert_eq!((layout("layout=classic"), layout("layout=")), (Some(Layout::Classic), None));
        assert_eq!(parse(&["antispoof=Yes", "start"]).unwrap().antispoof, Some(true));
        assert!(parse(&["start", "nloopbacks=64"]).unwrap().unknown.is_empty());
    }

    #[test]
    fn what_a_wrapper_was_not_given_is_not_given() {
        let arguments = parse(&["start", "", "netdev="]);
        assert!(arguments.is_ok_and(|arguments| arguments.netdev.is_none()));
    }

    #[test]
    fn words_that_mean_nothing_are_kept_for_a_warning() {
        let arguments = parse(&["start", "brigde=xenbr1", "restart"]).unwrap();
        assert_eq!(arguments.unknown, ["brigde=xenbr1", "restart"]);
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_could() {
        for (words, part) in [
            (&[][..], "start, stop or status"),
            (&["up"], "\"up\" is not known"),
            (&["start", "antispoof=maybe"], "neither yes nor no"),
            (&["start", "vifnum=x"], "not a number"),
            (&["start", "layout=clasic"], "today, bridge-is-eth0, classic"),
            (&["start", "bridge=a/b"], "bridge: "),
        ] {
            let error = parse(words).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
