//! How DHCP clients are called.

use std::fmt;
use std::path::{Path, PathBuf};

use netkernel::link::LinkName;
use serde::{Deserialize, Serialize};

use super::script::{BOUND_VARIABLE, SCRIPT, SCRIPT_VARIABLE};

/// A client that can be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// ISC's, of both families: `dhclient(8)`.
    Dhclient,
    /// That of busybox, of IPv4.
    Udhcpc,
}

impl Program {
    /// The name of its processes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dhclient => "dhclient",
            Self::Udhcpc => "udhcpc",
        }
    }

    /// The option that names its script.
    const fn script_option(self) -> &'static str {
        match self {
            Self::Dhclient => "-sf",
            Self::Udhcpc => "-s",
        }
    }

    /// Where distributions have its script, when nothing is said.
    const fn usual_scripts(self) -> [&'static str; 2] {
        match self {
            Self::Dhclient => ["/sbin/dhclient-script", "/usr/sbin/dhclient-script"],
            Self::Udhcpc => ["/etc/udhcpc/default.script", "/usr/share/udhcpc/default.script"],
        }
    }
}

/// A client that runs on a device, and how to run it on another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Which.
    pub program: Program,
    /// Its file.
    pub executable: PathBuf,
    /// The words that it was called with, its own name the first.
    pub words: Vec<String>,
    /// What its script may want to find in its environment.
    pub environment: Vec<(String, String)>,
    /// The device among the words.
    pub device: LinkName,
    /// What it calls to have addresses set.
    pub script: PathBuf,
    /// What it remembers its leases in, where it does.
    pub leases: Option<PathBuf>,
    /// Where our own files for it are.
    pub folder: PathBuf,
}

/// Why a client cannot be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// It was not told which devices it is for, so that it cannot be told of another.
    AllDevices,
    /// Something waits for its end, and would start it anew.
    Foreground,
    /// Its program or its script is not there any more.
    Missing(PathBuf),
    /// How it was called cannot be read.
    Call,
}

impl fmt::Display for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllDevices => f.write_str("it was started for all devices, without naming this one"),
            Self::Foreground => {
                f.write_str("it runs in the foreground of another program, which would start it anew")
            }
            Self::Missing(path) => write!(f, "there is no {}", path.display()),
            Self::Call => f.write_str("how it was called cannot be read"),
        }
    }
}

impl Client {
    /// The client with this program that was called with these words.
    pub fn understand(
        program: Program,
        executable: PathBuf,
        words: &[String],
        environment: Vec<(String, String)>,
        device: &LinkName,
        folder: PathBuf,
    ) -> Result<Self, NotTaken> {
        let script = ours_in(program, words).map_or_else(
            || value_of(words, program.script_option()),
            |_| script_before_ours(words, &environment),
        );
        let words = without_ours(program, words);
        if words.is_empty() {
            return Err(NotTaken::Call);
        }
        if !names(program, words, device) {
            return Err(NotTaken::AllDevices);
        }
        if is_in_foreground(program, words) {
            return Err(NotTaken::Foreground);
        }
        let usual = || program.usual_scripts().into_iter().map(PathBuf::from);
        let script = script.map_or_else(|| usual().find(|path| path.exists()), |path| Some(path.into()));
        let script = script.ok_or_else(|| NotTaken::Missing(program.usual_scripts()[0].into()))?;
        if let Some(missing) = [&script, &executable].into_iter().find(|path| !path.exists()) {
            return Err(NotTaken::Missing(missing.clone()));
        }
        Ok(Self {
            program,
            executable,
            words: words.to_vec(),
            environment: environment.into_iter().filter(|(name, _)| is_for_script(name)).collect(),
            device: device.clone(),
            script,
            leases: (program == Program::Dhclient).then(|| leases_file(words)).flatten(),
            folder,
        })
    }

    /// True when these are the words with which this client runs on a device, with our own or without.
    #[must_use]
    pub fn is_called_by(&self, words: &[String], on: &LinkName) -> bool {
        without_ours(self.program, words) == renamed(self.program, &self.words, &self.device, on)
    }

    /// The words that it is to be called with on a device, its own name the first.
    #[must_use]
    pub fn call(&self, on: &LinkName) -> Vec<String> {
        let mut words = renamed(self.program, &self.words, &self.device, on);
        // Behind all others: of options that are there twice, the last counts.
        words.extend([self.program.script_option().to_owned(), self.our_script().display().to_string()]);
        if self.program == Program::Dhclient {
            // It gives its script an environment of its own.
            for (name, value) in self.own_environment(on) {
                words.extend(["-e".to_owned(), format!("{name}={value}")]);
            }
            if let Some(leases) = self.leases_on(on).filter(|_| *on != self.device) {
                words.extend(["-lf".to_owned(), leases.display().to_string()]);
            }
        }
        words
    }

    /// What our script must find in its environment.
    pub(super) fn own_environment(&self, on: &LinkName) -> [(&'static str, String); 2] {
        [
            (SCRIPT_VARIABLE, self.script.display().to_string()),
            (BOUND_VARIABLE, self.bound_mark(on).display().to_string()),
        ]
    }

    /// The link to our program under which it is the client's script.
    pub(super) fn our_script(&self) -> PathBuf {
        self.folder.join(SCRIPT)
    }

    /// The file that is there when the client on this device has got its lease.
    pub(super) fn bound_mark(&self, on: &LinkName) -> PathBuf {
        let family = if self.is_for_six() { 6 } else { 4 };
        self.folder.join(format!("{on}.{}{family}", self.program.name()))
    }

    /// What it remembers its leases in on this device: beside its own file, where it may write.
    pub(super) fn leases_on(&self, on: &LinkName) -> Option<PathBuf> {
        let leases = self.leases.as_ref()?;
        if *on == self.device {
            return Some(leases.clone());
        }
        let family = if self.is_for_six() { "6" } else { "" };
        Some(leases.with_file_name(format!("dhclient{family}.{on}.dom0net.leases")))
    }

    /// Its memory of the leases of one device as that of another. dhclient keeps a text, in which each lease has a line
    /// with its device's name between quotation marks (`dhclient.leases(5)`).
    pub(super) fn translate_leases(memory: &str, from: &LinkName, to: &LinkName) -> String {
        memory.replace(&format!("interface \"{from}\";"), &format!("interface \"{to}\";"))
    }

    fn is_for_six(&self) -> bool {
        self.program == Program::Dhclient && is_for_six(&self.words)
    }
}

/// True when the client was called for this device.
pub(crate) fn names(program: Program, words: &[String], device: &LinkName) -> bool {
    // A name that no device has tells whether there is one to replace.
    renamed_words(program, words, device, "/").iter().zip(words).any(|(one, other)| one != other)
}

fn is_for_six(words: &[String]) -> bool {
    words.iter().any(|word| word == "-6")
}

/// A client under a supervisor must stay that one's child.
fn is_in_foreground(program: Program, words: &[String]) -> bool {
    words.iter().any(|word| match program {
        Program::Dhclient => word == "-d",
        Program::Udhcpc => {
            // Letters without a value can stand behind one dash.
            let letters = word.strip_prefix('-').filter(|rest| !rest.starts_with('-')).unwrap_or_default();
            word == "--foreground"
                || letters.chars().take_while(|c| "bBnqRSoCvf".contains(*c)).any(|c| c == 'f')
        }
    })
}

fn renamed(program: Program, words: &[String], from: &LinkName, to: &LinkName) -> Vec<String> {
    renamed_words(program, words, from, to.as_str())
}

/// The words with another device. A word that is an option's value is not taken for one, though it may look like it.
fn renamed_words(program: Program, words: &[String], from: &LinkName, to: &str) -> Vec<String> {
    let from = from.as_str();
    let rename = |(position, word): (usize, &String)| {
        let before = position.checked_sub(1).and_then(|before| words.get(before)).map_or("", String::as_str);
        let is_device = match program {
            Program::Dhclient => position > 0 && !["-H", "-F", "-V", "-C", "-e"].contains(&before),
            Program::Udhcpc => {
                before == "--interface"
                    || (before.starts_with('-') && !before.starts_with("--") && before.ends_with('i'))
            }
        };
        if word == from && is_device {
            return to.to_owned();
        }
        let joined = ["-i", "--interface="].into_iter().find(|option| {
            program == Program::Udhcpc && word.strip_prefix(option).is_some_and(|name| name == from)
        });
        joined.map_or_else(|| word.clone(), |option| format!("{option}{to}"))
    };
    words.iter().enumerate().map(rename).collect()
}

/// Where our own words begin.
fn ours_in(program: Program, words: &[String]) -> Option<usize> {
    words.windows(2).position(|pair| {
        matches!(pair, [option, path] if option == program.script_option()
            && Path::new(path).file_name().is_some_and(|name| name == SCRIPT))
    })
}

fn without_ours(program: Program, words: &[String]) -> &[String] {
    ours_in(program, words).and_then(|position| words.get(..position)).unwrap_or(words)
}

/// The script that ours stands in front of.
fn script_before_ours(words: &[String], environment: &[(String, String)]) -> Option<String> {
    let in_words = words.iter().find_map(|word| word.strip_prefix(SCRIPT_VARIABLE)?.strip_prefix('='));
    let in_environment = || environment.iter().find(|(name, _)| name == SCRIPT_VARIABLE);
    in_words.map(ToOwned::to_owned).or_else(|| in_environment().map(|(_, value)| value.clone()))
}

/// The value of an option, the last one where it is there more than once.
fn value_of(words: &[String], option: &str) -> Option<String> {
    words.windows(2).rev().find_map(|pair| match pair {
        [name, value] if name == option => Some(value.clone()),
        _ => None,
    })
}

fn leases_file(words: &[String]) -> Option<PathBuf> {
    if let Some(path) = value_of(words, "-lf") {
        return Some(path.into());
    }
    let name = if is_for_six(words) { "dhclient6.leases" } else { "dhclient.leases" };
    let usual = ["/var/lib/dhcp", "/var/lib/dhclient"].into_iter().map(|folder| Path::new(folder).join(name));
    usual.into_iter().find(|path| path.exists())
}

/// What ifupdown says, and where programs are: the rest of an administrator's environment is nobody's business.
fn is_for_script(name: &str) -> bool {
    name == "PATH"
        || name.starts_with("IF_")
        || ["IFACE", "METHOD", "MODE", "LOGICAL", "ADDRFAM"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> LinkName {
        LinkName::new(text).unwrap()
    }

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(ToOwned::to_owned).collect()
    }

    fn client(program: Program, text: &str) -> Result<Client, NotTaken> {
        let environment = vec![("IF_METRIC".into(), "5".into()), ("SECRET".into(), "x".into())];
        let folder = "/run/dom0net/dhcp".into();
        Client::understand(program, "/bin/sh".into(), &words(text), environment, &name("eth0"), folder)
    }

    #[test]
    fn a_client_is_called_as_it_was_but_for_the_device() {
        let text =
            "dhclient -4 -sf /bin/true -H eth0 -pf /run/d.pid -lf /var/lib/dhcp/dhclient.eth0.leases eth0";
        let client = client(Program::Dhclient, text).unwrap();
        assert_eq!(client.environment, [("IF_METRIC".into(), "5".into())]);
        let call = client.call(&name("xenbr0"));
        let expected = text.replace(".leases eth0", ".leases xenbr0")
            + " -sf /run/dom0net/dhcp/dom0net-dhcp-script -e DOM0NET_DHCP_SCRIPT=/bin/true"
            + " -e DOM0NET_DHCP_BOUND=/run/dom0net/dhcp/xenbr0.dhclient4"
            + " -lf /var/lib/dhcp/dhclient.xenbr0.dom0net.leases";
        assert_eq!(call, words(&expected));
        assert!(client.is_called_by(&call, &name("xenbr0")));
        assert!(!client.is_called_by(&call, &name("eth0")));
        assert!(client.is_called_by(&words(text), &name("eth0")));
    }

    #[test]
    fn a_client_that_was_moved_before_is_understood_as_what_it_was() {
        for (program, text) in [
            (Program::Dhclient, "dhclient -sf /bin/true -lf /tmp/leases eth0"),
            (Program::Udhcpc, "udhcpc -n -s /bin/true -i eth0"),
        ] {
            let first = client(program, text).unwrap();
            let call = first.call(&name("eth0"));
            let mut environment: Vec<(String, String)> = first
                .own_environment(&name("eth0"))
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            environment.push(("IF_METRIC".into(), "5".into()));
            let folder = first.folder.clone();
            let again =
                Client::understand(program, "/bin/sh".into(), &call, environment, &name("eth0"), folder);
            assert_eq!(again, Ok(first));
        }
    }

    #[test]
    fn devices_stand_where_each_program_has_them() {
        let is_for = |program, text: &str| names(program, &words(text), &name("eth0"));
        assert!(is_for(Program::Dhclient, "dhclient -v eth1 eth0"));
        assert!(!is_for(Program::Dhclient, "dhclient -H eth0 eth1"));
        assert!(!is_for(Program::Dhclient, "dhclient"));
        for text in ["udhcpc -i eth0", "udhcpc -ieth0", "udhcpc -ni eth0", "udhcpc --interface=eth0"] {
            assert!(is_for(Program::Udhcpc, text), "{text}");
        }
        assert!(!is_for(Program::Udhcpc, "udhcpc -F eth0 -i eth1"));
    }

    #[test]
    fn what_cannot_be_taken_over_is_told() {
        for (program, text, reason) in [
            (Program::Dhclient, "dhclient -v", NotTaken::AllDevices),
            (Program::Dhclient, "dhclient -d eth0", NotTaken::Foreground),
            (Program::Udhcpc, "udhcpc -nf -i eth0", NotTaken::Foreground),
            (Program::Dhclient, "dhclient -sf /no/script eth0", NotTaken::Missing("/no/script".into())),
        ] {
            assert_eq!(client(program, text), Err(reason), "{text}");
        }
        assert!(client(Program::Udhcpc, "udhcpc -s /bin/true -t 5 -i eth0").is_ok());
    }

    #[test]
    fn the_memory_of_leases_is_of_another_device() {
        let memory = "lease {\n  interface \"eth0\";\n  option host-name \"eth0\";\n}\n";
        let moved = Client::translate_leases(memory, &name("eth0"), &name("xenbr0"));
        assert_eq!(moved, "lease {\n  interface \"xenbr0\";\n  option host-name \"eth0\";\n}\n");
    }
}
