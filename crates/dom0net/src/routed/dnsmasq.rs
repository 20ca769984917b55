//! DHCP and DNS for the guests of a network: dnsmasq, one for each network.
//!
//! What is known of a guest stands in a file of its own, called after its address, in a folder that dnsmasq watches, so that no
//! plug ever restarts it. A guest that goes takes its file with it, and dnsmasq is told to read the folder again.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ethernet::MacAddress;
use ipnet::{Ipv4Net, Ipv6Net};
use netkernel::link::LinkName;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::nat_arguments::Services;
use crate::places::Places;

/// How long it may take to end.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// The dnsmasq of one network.
#[derive(Clone, Debug)]
pub(super) struct Dnsmasq {
    folder: PathBuf,
    leases: PathBuf,
}

/// What it serves.
#[derive(Clone, Debug)]
pub(super) struct Serving<'a> {
    /// The devices that it listens on: a name, or the beginning of names before a `*`.
    pub(super) devices: &'a str,
    /// The host's address in the network; the addresses for guests are the others of its subnet.
    pub(super) ipv4: Option<Ipv4Net>,
    /// Whether guests that nobody knows get an address.
    pub(super) strangers: bool,
    /// The same for IPv6.
    pub(super) ipv6: Option<Ipv6Net>,
    /// Whether the host is a way out for IPv6.
    pub(super) is_way_out_ipv6: bool,
    /// What is served.
    pub(super) services: Services,
}

/// The folder with one for each network.
fn root(places: &Places) -> PathBuf {
    places.runtime.join("dnsmasq")
}

impl Dnsmasq {
    pub(super) fn of(places: &Places, network: &LinkName) -> Self {
        Self {
            folder: root(places).join(network.as_str()),
            leases: places.state.join(format!("{network}.leases")),
        }
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.join("pid")
    }

    fn config_file(&self) -> PathBuf {
        self.folder.join("dnsmasq.conf")
    }

    fn hosts(&self) -> PathBuf {
        self.folder.join("hosts")
    }

    /// Starts it, in place of one that runs.
    pub(super) fn start(&self, serving: &Serving<'_>) -> Result<(), Error> {
        let program = program().ok_or(Error::NoDnsmasq)?;
        self.end()?;
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| Error::File { verb: "write", path, error }
        };
        fs::create_dir_all(&self.folder).map_err(failed(&self.folder))?;
        if serving.services.dhcp {
            for folder in [self.hosts(), self.leases.parent().map_or_else(PathBuf::new, Path::to_owned)] {
                fs::create_dir_all(&folder).map_err(failed(&folder))?;
            }
        } else if let Err(error) = fs::remove_dir_all(self.hosts())
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(Error::File { verb: "remove", path: self.hosts(), error });
        }
        fs::write(self.config_file(), self.config(serving)).map_err(failed(&self.config_file()))?;
        // It goes into the background when all its sockets are open, and tells what is wrong before.
        let mut command = Command::new(program);
        command.arg(format!("--conf-file={}", self.config_file().display()));
        let output = command.stdin(Stdio::null()).output().map_err(Error::Dnsmasq)?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        Err(Error::DnsmasqRefused(text.trim().lines().next_back().unwrap_or_default().trim().to_owned()))
    }

    /// Ends it, and removes its files but for the leases.
    pub(super) fn stop(&self) -> Result<(), Error> {
        self.end()?;
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::File { verb: "remove", path: self.folder.clone(), error })
            }
            _ => Ok(()),
        }
    }

    fn end(&self) -> Result<(), Error> {
        let Some(process) = self.process() else { return Ok(()) };
        let end = Instant::now() + PATIENCE;
        let _ = kill(process, Signal::SIGTERM);
        while self.process().is_some() {
            if Instant::now() > end {
                return Err(Error::DnsmasqRefused(format!("process {process} does not end")));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Its process, if it runs: the number in its file may be another's by now.
    pub(super) fn process(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.pid_file()).ok()?;
        let number: i32 = text.trim().parse().ok()?;
        let words = fs::read(format!("/proc/{number}/cmdline")).ok()?;
        let own = format!("--conf-file={}", self.config_file().display());
        let is_own = words.split(|&byte| byte == 0).any(|word| word == own.as_bytes());
        is_own.then(|| Pid::from_raw(number))
    }

    /// Has it read its folder of reservations again.
    fn read_again(&self) {
        if let Some(process) = self.process() {
            let _ = kill(process, Signal::SIGHUP);
        }
    }

    fn config(&self, serving: &Serving<'_>) -> String {
        let mut text = String::from("# Made by network-nat at each start.\n");
        let mut line = |words: std::fmt::Arguments<'_>| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{words}");
        };
        line(format_args!("pid-file={}", self.pid_file().display()));
        line(format_args!("interface={}", serving.devices));
        line(format_args!("except-interface=lo\nbind-dynamic\nno-hosts"));
        if !serving.services.dns {
            line(format_args!("port=0"));
        }
        if serving.services.dhcp {
            line(format_args!("dhcp-authoritative\nno-ping"));
            line(format_args!("dhcp-leasefile={}", self.leases.display()));
            line(format_args!("dhcp-hostsdir={}", self.hosts().display()));
            if let Some(ipv4) = serving.ipv4 {
                line(format_args!("dhcp-range={}", range(ipv4, serving.strangers)));
            }
            if let Some(ipv6) = serving.ipv6 {
                let network = ipv6.network();
                line(format_args!("enable-ra\ndhcp-range={network},slaac,64,12h"));
                if !serving.is_way_out_ipv6 {
                    // Its routers advertise the network, and no way out of it.
                    line(format_args!("ra-param={},0,0", serving.devices));
                }
            }
        }
        text
    }

    /// Whether it was started, and not stopped since.
    pub(super) fn is_wanted(&self) -> bool {
        self.config_file().is_file()
    }

    /// Whether it has a folder for reservations.
    pub(super) fn serves(&self) -> bool {
        self.hosts().is_dir()
    }
}

/// The addresses for guests, as dnsmasq reads them.
fn range(own: Ipv4Net, strangers: bool) -> String {
    let mask = own.netmask();
    if !strangers {
        return format!("{},static,{mask}", own.network());
    }
    // The larger part of the subnet that the host's own address leaves in one piece.
    let [network, broadcast, own_bits] = [own.network(), own.broadcast(), own.addr()].map(u32::from);
    let above = (own_bits + 1, broadcast - 1);
    let below = (network + 1, own_bits.saturating_sub(1));
    let length = |(first, last): (u32, u32)| i64::from(last) - i64::from(first);
    let (first, last) = if length(above) >= length(below) { above } else { below };
    format!("{},{},{mask},12h", Ipv4Addr::from(first), Ipv4Addr::from(last))
}

/// Where dnsmasq is: where `DOM0NET_DNSMASQ` says, or else where programs are.
fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("DOM0NET_DNSMASQ").filter(|value| !value.is_empty()) {
        return Some(PathBuf::from(named)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join("dnsmasq"))
        .find(|candidate| candidate.is_file())
}

/// What is reserved for a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Its MAC address.
    pub mac: MacAddress,
    /// Its addresses; at most one of each family counts.
    pub addresses: Vec<IpAddr>,
    /// Its name, if that is one that a host can have.
    pub name: Option<String>,
}

impl Reservation {
    /// Whether DHCP is served in `network`.
    #[must_use]
    pub fn is_served(places: &Places, network: &LinkName) -> bool {
        Dnsmasq::of(places, network).hosts().is_dir()
    }

    /// What makes it known in `network`.
    #[must_use]
    pub fn reserved(&self, network: &LinkName) -> Reserved {
        // Under the address: who has it after another takes the place of what was reserved for that one.
        let first = self.addresses.iter().find(|it| it.is_ipv4()).or(self.addresses.first());
        let file = first.map_or_else(|| self.mac.to_string(), ToString::to_string);
        Reserved { network: network.clone(), file, line: self.line() }
    }

    /// As dnsmasq reads it.
    fn line(&self) -> String {
        let mut words = vec![self.mac.to_string()];
        words.extend(self.addresses.iter().find(|it| it.is_ipv4()).map(ToString::to_string));
        words.extend(self.addresses.iter().find(|it| it.is_ipv6()).map(|address| format!("[{address}]")));
        words.extend(self.name.as_deref().filter(|name| is_host_name(name)).map(ToOwned::to_owned));
        words.join(",") + "\n"
    }
}

/// A file of a network's DHCP server, with what is reserved for a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    network: LinkName,
    file: String,
    line: String,
}

impl Reserved {
    /// Makes it known, in place of what was reserved under the same address.
    pub fn make(&self, places: &Places) -> io::Result<()> {
        let dnsmasq = Dnsmasq::of(places, &self.network);
        let path = dnsmasq.hosts().join(&self.file);
        let before = fs::read(&path).ok();
        // Renamed into place, so that dnsmasq never reads a half: it is told of renamed files too.
        let draft = dnsmasq.folder.join(format!("{}.new", self.file));
        fs::write(&draft, &self.line)?;
        fs::rename(&draft, path)?;
        // What it has read before it forgets only when it is told to.
        if before.is_some_and(|before| before != self.line.as_bytes()) {
            dnsmasq.read_again();
        }
        Ok(())
    }

    /// Takes it back, unless something else is reserved there by now.
    pub fn withdraw(&self, places: &Places) -> io::Result<()> {
        let dnsmasq = Dnsmasq::of(places, &self.network);
        let path = dnsmasq.hosts().join(&self.file);
        match fs::read(&path) {
            Ok(line) if line == self.line.as_bytes() => {}
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => return Ok(()),
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => dnsmasq.read_again(),
        }
        Ok(())
    }
}

/// A label of RFC 1123 that cannot be taken for an address, a lease time or a keyword of dnsmasq.
fn is_host_name(name: &str) -> bool {
    let body = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(body)
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic())
        && !name.ends_with('-')
        && !["infinite", "ignore"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reservation(addresses: &[&str], name: &str) -> String {
        let reservation = Reservation {
            mac: "00:16:3e:00:00:02".parse().unwrap(),
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            name: Some(name.to_owned()),
        };
        reservation.line()
    }

    #[test]
    fn a_reservation_is_one_line_whatever_the_guest_is_called() {
        assert_eq!(
            reservation(&["10.1.0.2", "fd00::2"], "web"),
            "00:16:3e:00:00:02,10.1.0.2,[fd00::2],web\n"
        );
        for name in ["", "a,set:x", "x\ny", "10", "ignore", "infinite", "ä", &"x".repeat(64), "a b", "12h"] {
            assert_eq!(reservation(&["10.1.0.2"], name), "00:16:3e:00:00:02,10.1.0.2\n");
        }
    }

    #[test]
    fn guests_get_what_the_host_leaves() {
        let range = |own: &str| range(own.parse().unwrap(), true);
        assert_eq!(range("10.1.0.1/24"), "10.1.0.2,10.1.0.254,255.255.255.0,12h");
        assert_eq!(range("10.1.0.254/24"), "10.1.0.1,10.1.0.253,255.255.255.0,12h");
        assert_eq!(range("10.1.0.1/30"), "10.1.0.2,10.1.0.2,255.255.255.252,12h");
    }
}
