//! Other programs that manage a card: they would take back what is moved away from it.
//!
//! Only programs that run count, and only those in our own network namespace: what they leave in `/run` may be old, or be
//! about a device of another namespace with the same number.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use netkernel::link::LinkName;

use super::error::Error;
use crate::dhcp::{self, Client};
use crate::plan::Device;

/// Which program manages a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// systemd-networkd.
    Networkd,
    /// NetworkManager.
    NetworkManager,
    /// A DHCP client, by this name.
    DhcpClient(&'static str),
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Networkd => "systemd-networkd",
            Self::NetworkManager => "NetworkManager",
            Self::DhcpClient(name) => name,
        })
    }
}

impl Program {
    /// What `dom0net export --to` calls the configuration in which the bridge should be.
    #[must_use]
    pub const fn configuration(self) -> &'static str {
        match self {
            Self::Networkd => "networkd",
            Self::NetworkManager => "networkmanager",
            Self::DhcpClient(_) => "ifupdown",
        }
    }

    /// The client that this is, if it can go with a card's addresses.
    #[must_use]
    pub fn movable_client(self) -> Option<dhcp::Program> {
        match self {
            Self::DhcpClient(name) => {
                [dhcp::Program::Dhclient, dhcp::Program::Udhcpc].into_iter().find(|it| it.name() == name)
            }
            Self::Networkd | Self::NetworkManager => None,
        }
    }
}

/// A program that manages a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// Which.
    pub program: Program,
    /// The number of its process.
    pub process: u32,
    /// The file that makes it do so, where it says.
    pub file: Option<PathBuf>,
}

/// The names that processes have, which the kernel cuts after 15 bytes, and whose they are.
const PROCESSES: [(&str, Program); 6] = [
    ("systemd-network", Program::Networkd),
    ("NetworkManager", Program::NetworkManager),
    ("dhclient", Program::DhcpClient("dhclient")),
    ("dhcpcd", Program::DhcpClient("dhcpcd")),
    ("udhcpc", Program::DhcpClient("udhcpc")),
    ("pump", Program::DhcpClient("pump")),
];

/// Where the files are that tell: `/`, but for tests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root<'a>(pub(super) &'a Path);

/// Who manages this card; none: nobody who would mind.
pub(super) fn manager_of(root: Root<'_>, card: &Device) -> Option<Manager> {
    managers_of(root, card).into_iter().next()
}

/// The DHCP clients that manage this card, with `folder` for our own files about them.
///
/// # Errors
/// When one of them, or another manager, cannot go with the card's addresses.
pub(super) fn clients_of(root: Root<'_>, card: &Device, folder: &Path) -> Result<Vec<Client>, Error> {
    let name = &card.name;
    let mut clients = Vec::new();
    for manager in managers_of(root, card) {
        let Some(program) = manager.program.movable_client() else {
            return Err(Error::Managed { name: name.clone(), manager });
        };
        let process = root.0.join("proc").join(manager.process.to_string());
        let understood = || {
            let words = dhcp::words_of(&process.join("cmdline")).ok_or(dhcp::NotTaken::Call)?;
            let called = words.first().ok_or(dhcp::NotTaken::Call)?;
            let (executable, environment) = dhcp::program_of(&process, called).ok_or(dhcp::NotTaken::Call)?;
            Client::understand(program, executable, &words, environment, name, folder.to_owned())
        };
        match understood() {
            // A client that calls its script, or goes into the background, is two processes for a moment.
            Ok(client) if clients.iter().any(|known: &Client| known.words == client.words) => {}
            Ok(client) => clients.push(client),
            Err(reason) => return Err(Error::NotTaken { name: name.clone(), manager, reason }),
        }
    }
    Ok(clients)
}

fn managers_of(root: Root<'_>, card: &Device) -> Vec<Manager> {
    let (Ok(entries), Some(own)) = (fs::read_dir(root.0.join("proc")), root.namespace_of("self")) else {
        return Vec::new();
    };
    let processes = entries.flatten().filter_map(|entry| {
        let process: u32 = entry.file_name().to_str()?.parse().ok()?;
        let name = root.read(&format!("proc/{process}/comm"))?;
        let (_, program) = PROCESSES.into_iter().find(|(known, _)| name.trim_end() == *known)?;
        (root.namespace_of(&process.to_string())? == own).then_some((process, program))
    });
    processes.into_iter().filter_map(|(process, program)| root.manages(process, program, card)).collect()
}

impl Root<'_> {
    fn read(&self, path: &str) -> Option<String> {
        let bytes = fs::read(self.0.join(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The network namespace of a process.
    fn namespace_of(&self, process: &str) -> Option<PathBuf> {
        fs::read_link(self.0.join("proc").join(process).join("ns/net")).ok()
    }

    /// A client that was called without a device listens on all.
    fn listens(&self, process: u32, card: &Device) -> bool {
        let sockets = self.read("proc/self/net/packet").unwrap_or_default();
        // Columns: address, references, type, protocol, device, …, user, inode.
        let on_card = sockets.lines().skip(1).filter_map(|line| {
            let mut words = line.split_whitespace();
            (words.nth(4)? == card.index.to_string()).then(|| words.last()).flatten()
        });
        let inodes: Vec<String> = on_card.map(|inode| format!("socket:[{inode}]")).collect();
        let files = fs::read_dir(self.0.join(format!("proc/{process}/fd"))).into_iter().flatten().flatten();
        let links = files.filter_map(|file| fs::read_link(file.path()).ok());
        links.into_iter().any(|link| inodes.iter().any(|inode| link == Path::new(inode)))
    }

    fn manages(&self, process: u32, program: Program, card: &Device) -> Option<Manager> {
        let (manages, file) = match program {
            Program::Networkd => {
                let state = self.read(&format!("run/systemd/netif/links/{}", card.index))?;
                (is_configured(&state), value_of(&state, "NETWORK_FILE").map(PathBuf::from))
            }
            Program::NetworkManager => {
                let state = self.read(&format!("run/NetworkManager/devices/{}", card.index))?;
                (value_of(&state, "managed") == Some("true"), None)
            }
            Program::DhcpClient(client) => {
                let words = self.read(&format!("proc/{process}/cmdline"))?;
                (is_called_for(client, &words, card) || self.listens(process, card), None)
            }
        };
        manages.then_some(Manager { program, process, file })
    }
}

/// What networkd says of a device that it has a configuration for.
fn is_configured(state: &str) -> bool {
    let words = ["pending", "initialized", "configuring", "configured", "degraded"];
    value_of(state, "ADMIN_STATE").is_some_and(|word| words.contains(&word))
}

/// The value in the line `NAME=value`.
fn value_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))
}

/// A DHCP client is called with the names of its devices.
fn is_called_for(client: &str, command_line: &str, card: &Device) -> bool {
    let name = card.name.as_str();
    match client {
        // It writes what it does over the words that it was called with, and as the manager it is for all devices.
        "dhcpcd" => {
            let words = command_line.split(['\0', ' ']).skip(1);
            words.into_iter().any(|word| [name, "[manager]", "[master]"].contains(&word))
        }
        _ => command_line.split('\0').skip(1).any(|word| {
            let joined = ["-i", "--interface="].into_iter().find_map(|option| word.strip_prefix(option));
            word == name || joined == Some(name)
        }),
    }
}

/// True when the device is wireless: an access point takes frames of the host alone, so that it cannot be a bridge's
/// uplink.
pub(super) fn is_wireless(root: Root<'_>, card: &LinkName) -> bool {
    let folder = root.0.join("sys/class/net").join(card.as_str());
    ["phy80211", "wireless"].iter().any(|name| folder.join(name).exists())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const CARD: u32 = 7;

    fn card() -> Device {
        Device { index: CARD, name: LinkName::new("eth0").unwrap() }
    }

    /// A root with one process, in our network namespace or in another.
    fn with_process(comm: &str, words: &str, namespace: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (process, namespace) in [("self", "net:[1]"), ("42", namespace)] {
            let folder = root.path().join("proc").join(process);
            fs::create_dir_all(folder.join("ns")).unwrap();
            symlink(namespace, folder.join("ns/net")).unwrap();
            fs::write(folder.join("comm"), format!("{comm}\n")).unwrap();
            fs::write(folder.join("cmdline"), words).unwrap();
        }
        root
    }

    fn put(root: &tempfile::TempDir, path: &str, text: &str) {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn networkd_manages_what_it_has_configured() {
        let root = with_process("systemd-network", "", "net:[1]");
        assert_eq!(manager_of(Root(root.path()), &card()), None);
        let state =
            "ADMIN_STATE=configured\nOPER_STATE=routable\nNETWORK_FILE=/etc/systemd/network/a.network\n";
        put(&root, "run/systemd/netif/links/7", state);
        let manager = manager_of(Root(root.path()), &card()).unwrap();
        assert_eq!(manager.program, Program::Networkd);
        assert_eq!(manager.file.as_deref(), Some(Path::new("/etc/systemd/network/a.network")));
        put(&root, "run/systemd/netif/links/7", "ADMIN_STATE=unmanaged\nOPER_STATE=routable\n");
        assert_eq!(manager_of(Root(root.path()), &card()), None);
    }

    #[test]
    fn network_manager_says_what_it_manages() {
        let root = with_process("NetworkManager", "", "net:[1]");
        put(&root, "run/NetworkManager/devices/7", "[device]\nmanaged=true\n");
        assert_eq!(manager_of(Root(root.path()), &card()).unwrap().program, Program::NetworkManager);
        put(&root, "run/NetworkManager/devices/7", "[device]\nmanaged=false\n");
        assert_eq!(manager_of(Root(root.path()), &card()), None);
    }

    #[test]
    fn a_dhcp_client_is_for_the_devices_in_its_call() {
        let words = "dhclient\0-4\0-lf\0/var/lib/dhcp/dhclient.eth0.leases\0eth0\0";
        let root = with_process("dhclient", words, "net:[1]");
        assert_eq!(manager_of(Root(root.path()), &card()).unwrap().process, 42);
        let root = with_process("dhclient", &words.replace("\0eth0\0", "\0eth1\0"), "net:[1]");
        assert_eq!(manager_of(Root(root.path()), &card()), None);
    }

    #[test]
    fn a_dhcp_client_that_is_two_processes_for_a_moment_is_one() {
        let words = "udhcpc\0-s\0/bin/true\0-i\0eth0\0";
        let root = with_process("udhcpc", words, "net:[1]");
        let twin = root.path().join("proc/43");
        fs::create_dir_all(twin.join("ns")).unwrap();
        symlink("net:[1]", twin.join("ns/net")).unwrap();
        fs::write(twin.join("comm"), "udhcpc\n").unwrap();
        fs::write(twin.join("cmdline"), words).unwrap();
        for process in ["42", "43"] {
            symlink("/bin/sh", root.path().join("proc").join(process).join("exe")).unwrap();
        }
        assert_eq!(managers_of(Root(root.path()), &card()).len(), 2);
        let clients = clients_of(Root(root.path()), &card(), Path::new("/run/dhcp")).unwrap();
        assert_eq!(clients.len(), 1);
    }

    #[test]
    fn a_dhcp_client_without_a_device_is_for_those_that_it_listens_on() {
        let root = with_process("dhclient", "dhclient\0-v\0", "net:[1]");
        assert_eq!(manager_of(Root(root.path()), &card()), None);
        put(
            &root,
            "proc/self/net/packet",
            "sk RefCnt Type Proto Iface R Rmem User Inode\n0 3 3 0003 7 1 0 0 4711\n",
        );
        let files = root.path().join("proc/42/fd");
        fs::create_dir_all(&files).unwrap();
        symlink("socket:[4711]", files.join("5")).unwrap();
        assert_eq!(manager_of(Root(root.path()), &card()).unwrap().process, 42);
    }

    #[test]
    fn dhcpcd_says_in_its_title_what_it_is_for() {
        for (title, manages) in [
            ("dhcpcd: eth0 [ip4]", true),
            ("dhcpcd: [manager] [ip4] [ip6]", true),
            ("dhcpcd: eth1 [ip4]", false),
        ] {
            let root = with_process("dhcpcd", title, "net:[1]");
            assert_eq!(manager_of(Root(root.path()), &card()).is_some(), manages, "{title}");
        }
    }

    #[test]
    fn what_runs_in_another_network_namespace_is_not_about_our_card() {
        let root = with_process("NetworkManager", "", "net:[2]");
        put(&root, "run/NetworkManager/devices/7", "[device]\nmanaged=true\n");
        assert_eq!(manager_of(Root(root.path()), &card()), None);
    }

    #[test]
    fn a_wireless_card_has_a_radio() {
        let root = tempfile::tempdir().unwrap();
        put(&root, "sys/class/net/eth0/address", "");
        let name = LinkName::new("eth0").unwrap();
        assert!(!is_wireless(Root(root.path()), &name));
        put(&root, "sys/class/net/eth0/phy80211/name", "phy0");
        assert!(is_wireless(Root(root.path()), &name));
    }
}
