//! The file that says which guests may do more, or less, than the ordinary.
//!
//! One line for each: whom it is about, and words. What later lines say counts over earlier ones.
//!
//! ```text
//! # Whom            What
//! *                 link-local=any
//! bridge:xenbr1     isolated=yes host=dhcp,dns
//! script:vif-route  host=ping track=no
//! web               vlans=10,20-29
//! router/1          mode=mac-only router=yes
//! 00:16:3e:27:95:c0 vrrp=7
//! ```
//!
//! Before its lines count those of `dom0net.toml`: its `guard` for everybody, and those of its networks.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ethernet::MacAddress;
use xenconf::native::{self, BadConfiguration, Networks, place};

use super::network::{NetworkDraft, RoutedBy};
use super::words::{BadWord, Draft};
use crate::places::Places;

/// A file with more than this is none that a person wrote.
const LARGEST: u64 = 1024 * 1024;
/// Where `dom0net.toml` says it.
const KEY: &str = "guard";

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    file: Arc<Path>,
    number: usize,
    whom: Whom,
    words: String,
}

/// Whom a line is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Whom {
    /// `*`
    Everybody,
    /// `bridge:NAME`
    Bridge(String),
    /// `script:vif-route`, `script:vif-nat`
    Routed(RoutedBy),
    /// `NAME` or `NAME/DEVID`
    Domain(String, Option<u32>),
    /// A MAC address.
    Mac(MacAddress),
}

/// A vif, as the file may call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who<'a> {
    /// The name of its domain, if that is known.
    pub domain: Option<&'a str>,
    /// Its number in the domain.
    pub devid: u32,
    /// Its MAC address.
    pub mac: MacAddress,
    /// The bridge that it is on, if it is on one.
    pub bridge: Option<&'a str>,
    /// The script that leads to it, if it is routed to.
    pub routed: Option<RoutedBy>,
}

impl Config {
    /// Reads what these places say: the defaults of `dom0net.toml`, and the guard's own file on top of them.
    pub fn of(places: &Places) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        let is_native = places.config.extension().is_some_and(|extension| extension == "toml");
        if let Some(text) = is_native.then(|| read(&places.config)).transpose()?.flatten() {
            config.lines = defaults(&places.config, &text)?;
        }
        config.lines.extend(Self::read(&places.guard)?.lines);
        Ok(config)
    }

    /// Reads the file. One that is not there says nothing.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        read(path)?.map_or_else(|| Ok(Self::default()), |text| Self::parse(path, &text))
    }

    /// Understands the text of the file at `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let mut lines = Vec::new();
        let file: Arc<Path> = path.into();
        for (line, number) in text.lines().zip(1..) {
            let line = line.split('#').next().unwrap_or_default().trim();
            let (whom, words) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            if whom.is_empty() {
                continue;
            }
            let whom = Whom::read(whom).ok_or_else(|| ConfigError {
                path: path.to_owned(),
                fault: Fault::Whom(number, whom.chars().take(60).flat_map(char::escape_debug).collect()),
            })?;
            lines.push(Line { file: Arc::clone(&file), number, whom, words: words.trim().to_owned() });
        }
        Ok(Self { lines })
    }

    /// Puts what is said of a vif on top of `draft`.
    pub fn apply(&self, draft: &mut Draft, who: &Who<'_>) -> Result<(), ConfigError> {
        for line in self.lines.iter().filter(|line| line.whom.is(who)) {
            for word in line.words.split_ascii_whitespace().filter(|word| !line.is_of_network(word)) {
                draft.apply(word).map_err(|error| line.bad_word(error))?;
            }
        }
        Ok(())
    }

    /// What is said of a bridge as a whole.
    pub fn network(&self, bridge: &str) -> Result<NetworkDraft, ConfigError> {
        self.network_of(&Whom::Bridge(bridge.to_owned()))
    }

    /// What is said of all guests that this script leads to.
    pub fn routed(&self, script: RoutedBy) -> Result<NetworkDraft, ConfigError> {
        self.network_of(&Whom::Routed(script))
    }

    fn network_of(&self, whom: &Whom) -> Result<NetworkDraft, ConfigError> {
        let mut draft = NetworkDraft::default();
        for line in self.lines.iter().filter(|line| line.whom == *whom) {
            for word in line.words.split_ascii_whitespace().filter(|word| line.is_of_network(word)) {
                Self::apply_of_network(line, &mut draft, word)?;
            }
        }
        Ok(draft)
    }

    fn apply_of_network(line: &Line, draft: &mut NetworkDraft, word: &str) -> Result<(), ConfigError> {
        draft.apply(word).and_then(|()| line.check_of_network(word)).map_err(|error| line.bad_word(error))
    }

    /// The bridges that something is said of as a whole.
    #[must_use]
    pub fn bridges(&self) -> Vec<&str> {
        let named = self.lines.iter().filter_map(|line| match &line.whom {
            Whom::Bridge(bridge) if line.words.split_ascii_whitespace().any(NetworkDraft::knows) => {
                Some(&bridge[..])
            }
            _ => None,
        });
        let mut bridges: Vec<&str> = named.collect();
        bridges.sort_unstable();
        bridges.dedup();
        bridges
    }

    /// Checks all lines, also those that are about nobody who is there.
    pub fn check(&self) -> Result<(), ConfigError> {
        for line in &self.lines {
            let mut network = NetworkDraft::default();
            let mut draft = Draft::default();
            for word in line.words.split_ascii_whitespace() {
                if line.is_of_network(word) {
                    Self::apply_of_network(line, &mut network, word)?;
                } else {
                    draft.apply(word).map_err(|error| line.bad_word(error))?;
                }
            }
        }
        Ok(())
    }
}

/// The text of a file, if it is there.
fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    let failed = |error| ConfigError { path: path.to_owned(), fault: Fault::Io(error) };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(found) if found.len() > LARGEST => {
            return Err(failed(io::Error::other("it is larger than a mebibyte")));
        }
        Ok(_) => {}
        Err(error) => return Err(failed(error)),
    }
    fs::read_to_string(path).map(Some).map_err(failed)
}

/// What `dom0net.toml` says of the guard, as lines.
fn defaults(path: &Path, text: &str) -> Result<Vec<Line>, ConfigError> {
    // Whoever says nothing of it is not refused for the sake of what is wrong elsewhere in the file.
    if !text.contains(KEY) {
        return Ok(Vec::new());
    }
    let networks = Networks::from_toml(text)
        .map_err(|error| ConfigError { path: path.to_owned(), fault: Fault::Native(error) })?;
    let file: Arc<Path> = path.into();
    let line = |network: Option<usize>, whom: Whom, words: &str| Line {
        file: Arc::clone(&file),
        number: place(text, network, KEY).map_or(0, |at| text[..at.range().start].matches('\n').count() + 1),
        whom,
        words: words.to_owned(),
    };
    let everybody = networks.guard.iter().map(|words| line(None, Whom::Everybody, words));
    let each = networks.network.iter().enumerate().filter_map(|(number, network)| {
        let whom = match (&network.bridge, network.mode) {
            (Some(bridge), _) => Whom::Bridge(bridge.clone()),
            (None, native::Mode::Nat) => Whom::Routed(RoutedBy::Nat),
            (None, _) => Whom::Routed(RoutedBy::Route),
        };
        Some(line(Some(number), whom, network.guard.as_deref()?))
    });
    Ok(everybody.chain(each).collect())
}

/// What is wrong with words of `dom0net.toml`: of all guests, or of those of one network.
pub fn check_words(words: &str, is_network: bool) -> Result<(), BadWord> {
    let (mut network, mut draft) = (NetworkDraft::default(), Draft::default());
    words.split_ascii_whitespace().try_for_each(|word| {
        if is_network && NetworkDraft::knows(word) { network.apply(word) } else { draft.apply(word) }
    })
}

impl Line {
    fn bad_word(&self, error: BadWord) -> ConfigError {
        ConfigError { path: self.file.to_path_buf(), fault: Fault::Word(self.number, error) }
    }

    /// Whether a word is about the network and not about each of its guests.
    fn is_of_network(&self, word: &str) -> bool {
        matches!(self.whom, Whom::Bridge(_) | Whom::Routed(_)) && NetworkDraft::knows(word)
    }

    /// Finds fault with a word that is right by itself, but not for this network.
    fn check_of_network(&self, word: &str) -> Result<(), BadWord> {
        if self.whom == Whom::Routed(RoutedBy::Nat) && word == "track=no" {
            return Err(BadWord::new(
                word,
                "addresses of guests with vif-nat are translated, which needs the tracking",
            ));
        }
        Ok(())
    }
}

impl Whom {
    fn read(word: &str) -> Option<Self> {
        if word == "*" {
            return Some(Self::Everybody);
        }
        if let Some(bridge) = word.strip_prefix("bridge:") {
            return (!bridge.is_empty()).then(|| Self::Bridge(bridge.to_owned()));
        }
        if let Some(script) = word.strip_prefix("script:") {
            return RoutedBy::of_script(script).map(Self::Routed);
        }
        if let Ok(mac) = word.parse() {
            return Some(Self::Mac(mac));
        }
        if word.contains('=') {
            return None;
        }
        match word.rsplit_once('/') {
            Some((name, devid)) if !name.is_empty() => {
                Some(Self::Domain(name.to_owned(), Some(devid.parse().ok()?)))
            }
            Some(_) => None,
            None => Some(Self::Domain(word.to_owned(), None)),
        }
    }

    fn is(&self, who: &Who<'_>) -> bool {
        match self {
            Self::Everybody => true,
            Self::Bridge(bridge) => who.bridge == Some(bridge),
            Self::Routed(script) => who.routed == Some(*script),
            Self::Domain(name, devid) => {
                who.domain == Some(name) && devid.is_none_or(|devid| devid == who.devid)
            }
            Self::Mac(mac) => who.mac == *mac,
        }
    }
}

/// The file cannot be read, or says something that cannot be.
#[derive(Debug)]
pub struct ConfigError {
    path: PathBuf,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    Io(io::Error),
    Whom(usize, String),
    Word(usize, BadWord),
    Native(BadConfiguration),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.fault {
            Fault::Io(error) => write!(f, "cannot read {path}: {error}"),
            // What is wrong there may be drawn on several lines; the first says what, and where.
            Fault::Native(error) => {
                let first = error.to_string();
                let first = first.lines().next().unwrap_or_default();
                write!(
                    f,
                    "{path} cannot be read, and with it what it says of guards: {first}; see dom0net check {path}"
                )
            }
            Fault::Whom(line, word) => write!(
                f,
                "{path}:{line}: {word} is nobody; a line begins with *, bridge:NAME, script:vif-route, \
                 script:vif-nat, a guest's name, NAME/NUMBER or a MAC address"
            ),
            Fault::Word(line, error) => write!(f, "{path}:{line}: {error}"),
        }
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::{Mode, Reach};

    const MAC: MacAddress = MacAddress::new([0, 0x16, 0x3e, 0x27, 0x95, 0xc0]);

    fn config(text: &str) -> Result<Config, ConfigError> {
        Config::parse(Path::new("guard.conf"), text)
    }

    fn said(text: &str, domain: &str, devid: u32) -> Result<Draft, ConfigError> {
        let mut draft = Draft::default();
        let who = Who { domain: Some(domain), devid, mac: MAC, bridge: Some("xenbr1"), routed: None };
        config(text)?.apply(&mut draft, &who).map(|()| draft)
    }

    #[test]
    fn a_vif_is_found_by_each_of_its_names_and_later_lines_count() {
        let text = "\
            # comment\n\n* mode=open\nbridge:xenbr1 isolated=yes host=dhcp\nweb/1 mode=mac-only # why\n\
            00:16:3E:27:95:C0 log=yes\nother mode=disabled\nbridge:xenbr2 mode=disabled\n";
        let draft = said(text, "web", 1).unwrap();
        assert_eq!(draft.to_string(), "mode=mac-only isolated=yes log=yes");
        assert_eq!(said(text, "web", 0).unwrap().policy(MAC).unwrap().mode, Mode::Open);
    }

    #[test]
    fn what_is_said_of_a_network_is_not_said_of_its_guests() {
        let config = config("bridge:xenbr1 isolated=yes host=dhcp").unwrap();
        assert_ne!(config.network("xenbr1").unwrap().policy().host, Reach::Everything);
        assert_eq!(config.network("xenbr0").unwrap(), NetworkDraft::default());
    }

    #[test]
    fn guests_that_a_script_leads_to_are_a_network_too() {
        let text = "script:vif-route isolated=yes host=dns track=no\nscript:vif-nat host=nothing\n";
        let config = config(text).unwrap();
        assert!(config.routed(RoutedBy::Route).unwrap().policy().untracked && config.check().is_ok());
        let is_isolated = |routed| {
            let mut draft = Draft::default();
            let who = Who { domain: None, devid: 0, mac: MAC, bridge: None, routed };
            config.apply(&mut draft, &who).unwrap();
            draft.policy(MAC).unwrap().isolated
        };
        assert!(
            is_isolated(Some(RoutedBy::Route)) && !is_isolated(Some(RoutedBy::Nat)) && !is_isolated(None)
        );
    }

    #[test]
    fn what_is_translated_must_be_tracked() {
        assert!(config("script:vif-bridge host=dns").is_err());
        let config = config("script:vif-nat track=no").unwrap();
        let error = config.routed(RoutedBy::Nat).unwrap_err().to_string();
        assert!(
            error.contains("guard.conf:1: track=no cannot be: addresses of guests with vif-nat"),
            "{error}"
        );
        assert!(config.check().is_err() && config.routed(RoutedBy::Route).is_ok());
    }

    #[test]
    fn errors_name_the_line_and_only_those_whom_it_is_about_fail() {
        let text = "web mode=shut\n";
        assert!(
            said(text, "web", 0).unwrap_err().to_string().starts_with("guard.conf:1: mode=shut cannot be")
        );
        assert!(said(text, "db", 0).is_ok());
        assert!(config(text).unwrap().check().is_err());
        assert!(
            config("\nmode=open\n").unwrap_err().to_string().contains("guard.conf:2: mode=open is nobody")
        );
        // On a line of a guest, a word of networks means nothing.
        assert!(said("web host=dhcp", "web", 0).is_err());
    }

    #[test]
    fn networks_have_defaults_and_the_guards_own_file_counts_over_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut places = Places::from_environment();
        (places.config, places.guard) = (path("dom0net.toml"), path("guard.conf"));
        let network = |name: &str, rest: &str| format!("[[network]]\nname = \"{name}\"\nmode = {rest}\n");
        let text = [
            "guard = \"log=yes link-local=any\"\n\n",
            &network("lan", "\"bridge\"\nbridge = \"xenbr1\"\nguard = \"isolated=yes host=dhcp log=no\""),
            &network("out", "\"route\"\nguard = \"router=yes\""),
            &network("in", "\"nat\"\nguard = \"vrrp=7\""),
        ]
        .concat();
        fs::write(&places.config, &text).unwrap();
        let said = |bridge, routed| {
            let mut draft = Draft::default();
            let who = Who { domain: Some("web"), devid: 0, mac: MAC, bridge, routed };
            Config::of(&places).and_then(|config| config.apply(&mut draft, &who)).map(|()| draft.to_string())
        };
        let lan = || said(Some("xenbr1"), None);
        assert_eq!(lan().unwrap(), "link-local=any isolated=yes log=no");
        assert_eq!(said(Some("xenbr2"), None).unwrap(), "link-local=any log=yes");
        assert_eq!(said(None, Some(RoutedBy::Route)).unwrap(), "link-local=any router=yes log=yes");
        assert_eq!(said(None, Some(RoutedBy::Nat)).unwrap(), "link-local=any vrrp=7 log=yes");
        assert_ne!(Config::of(&places).unwrap().network("xenbr1").unwrap().policy().host, Reach::Everything);
        fs::write(&places.guard, "* isolated=no\nweb log=yes\n").unwrap();
        assert_eq!(lan().unwrap(), "link-local=any isolated=no log=yes");
        // A word that cannot be refuses those whom it is about, with its place.
        fs::write(&places.config, text.replace("router=yes", "router=maybe")).unwrap();
        assert!(lan().is_ok());
        let error = said(None, Some(RoutedBy::Route)).unwrap_err().to_string();
        assert!(error.contains("dom0net.toml:11: router=maybe cannot be"), "{error}");
        // Where the file cannot be read, nobody knows whom it is about; unless it says nothing of the matter.
        fs::write(&places.config, format!("{text}]")).unwrap();
        let error = lan().unwrap_err().to_string();
        assert!(error.contains("dom0net.toml cannot be read") && !error.contains('\n'), "{error}");
        fs::write(&places.config, "]").unwrap();
        assert!(lan().is_ok());
    }

    #[test]
    fn a_file_that_is_not_there_says_nothing() {
        assert_eq!(Config::read(Path::new("/nonexistent/guard.conf")).unwrap(), Config::default());
    }
}
