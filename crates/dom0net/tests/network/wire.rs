//! A host with a card, on a wire with a gateway that answers.

use std::net::{IpAddr, UdpSocket};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use netkernel::link::{LinkChange, LinkKind, index_of};
use netkernel::namespace::Namespace;
use netkernel::nftables::{
    Batch, Field, Hook, Match, NfTables, Policy, Rule, Statement, Table, TableFamily, Verdict,
};
use netkernel::sysctl::Sysctl;
use netkernel::{Family, Rtnetlink};

use crate::support::host::{Host, name};

/// The host's own addresses, those of the gateway on the wire, and those of a host behind it.
pub(crate) const HOST: [&str; 2] = ["10.0.0.250", "2001:db8::250"];
pub(crate) const GATEWAY: [&str; 2] = ["10.0.0.254", "2001:db8::fe"];
pub(crate) const FAR: [&str; 2] = ["192.0.2.1", "2001:db8:ff::1"];

pub(crate) struct Wire {
    pub(crate) host: Host,
    pub(crate) gateway: Namespace,
    ip: PathBuf,
}

impl Wire {
    /// A host whose `eth0` has addresses and default routes of both families; none, after saying so, where this
    /// cannot be.
    pub(crate) fn new() -> Option<Self> {
        Self::with_dad(true)
    }

    /// The same without the second or two in which IPv6 addresses are checked for uniqueness.
    pub(crate) fn quick() -> Option<Self> {
        Self::with_dad(false)
    }

    fn with_dad(dad: bool) -> Option<Self> {
        let host = Host::new()?;
        let gateway = testkit::namespace()?;
        if !dad {
            for namespace in [&host.namespace, &gateway] {
                let setting = Sysctl::default_of_links(Family::Inet6, "accept_dad");
                namespace.run(|| setting.write("0").unwrap()).unwrap();
            }
        }
        let ip = testkit::program("ip")?;
        let wire = Self { host, gateway, ip };
        wire.make_card(&LinkChange::default());
        for words in [
            "link set lo up",
            "addr add 10.0.0.254/24 dev eth0",
            "addr add 2001:db8::fe/64 dev eth0 nodad",
            "addr add 192.0.2.1/32 dev lo",
            "addr add 2001:db8:ff::1/128 dev lo nodad",
            "link set eth0 up",
        ] {
            wire.ip_of(&wire.gateway, words);
        }
        for words in [
            "link set lo up",
            "addr add 10.0.0.250/24 brd + dev eth0",
            "addr add 2001:db8::250/64 dev eth0 nodad",
            "link set eth0 up",
            "route add default via 10.0.0.254 dev eth0 metric 100",
            "-6 route add default via 2001:db8::fe dev eth0 metric 1024",
        ] {
            wire.ip(words);
        }
        wire.await_link();
        wire.await_addresses();
        wire.await_gateway();
        Some(wire)
    }

    /// Makes the host's card, with the gateway's at its other end.
    fn make_card(&self, change: &LinkChange) {
        self.host.kernel(|kernel| {
            let kind = LinkKind::Veth {
                peer: name("eth0"),
                peer_index: None,
                peer_change: LinkChange::default(),
                peer_namespace: Some(self.gateway.as_fd()),
            };
            kernel.create_link(&name("eth0"), &kind, change).unwrap();
        });
    }

    /// Plugs the card in again after it was unplugged.
    pub(crate) fn plug_card(&self, change: &LinkChange) {
        self.make_card(change);
        for words in
            ["addr add 10.0.0.254/24 dev eth0", "addr add 2001:db8::fe/64 dev eth0 nodad", "link set eth0 up"]
        {
            self.ip_of(&self.gateway, words);
        }
    }

    /// Runs `ip` on the host, and returns what it prints.
    pub(crate) fn ip(&self, words: &str) -> String {
        self.ip_of(&self.host.namespace, words)
    }

    pub(crate) fn ip_of(&self, namespace: &Namespace, words: &str) -> String {
        let run = || Command::new(&self.ip).args(words.split(' ')).output().unwrap();
        let output = namespace.run(run).unwrap();
        assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Calls `network-bridge` on the host.
    pub(crate) fn network_bridge(&self, words: &[&str]) -> crate::support::host::Outcome {
        self.host.run("network-bridge", words, &[])
    }

    /// Calls `network-bridge` on the host under strace, with these arguments of strace's, which does something at some calls of
    /// `call`; none, after saying so, where there is no strace.
    pub(crate) fn under_strace(
        &self,
        flags: &[&str],
        call: &str,
        what: &str,
        words: &[&str],
    ) -> Option<Output> {
        let strace = testkit::program("strace")?;
        let run = || {
            Command::new(&strace)
                .args(flags)
                .args([
                    "-o",
                    "/dev/null",
                    "-e",
                    &format!("trace={call}"),
                    "-e",
                    &format!("inject={call}:{what}"),
                ])
                .arg(self.host.script("network-bridge"))
                .args(words)
                .env_clear()
                .envs(self.host.environment())
                .output()
                .unwrap()
        };
        Some(self.host.namespace.run(run).unwrap())
    }

    /// Calls `network-bridge` on the host; it must succeed.
    pub(crate) fn succeeds(&self, words: &[&str]) {
        let outcome = self.network_bridge(words);
        assert_eq!(outcome.status, 0, "{words:?}: {outcome:?}");
    }

    /// Waits until the kernel has found out that the card's other end is up.
    fn await_link(&self) {
        let end = Instant::now() + Duration::from_secs(10);
        while !self.ip("-brief link show dev eth0").contains(" UP ") {
            assert!(Instant::now() < end, "the card never has a carrier");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until no address is checked for uniqueness any more.
    pub(crate) fn await_addresses(&self) {
        let settled = || {
            let addresses = self.host.kernel(|kernel| kernel.addresses(None).unwrap());
            let link_local = addresses.iter().any(netkernel::address::Address::is_link_local);
            link_local && !addresses.iter().any(netkernel::address::Address::is_tentative)
        };
        let end = Instant::now() + Duration::from_secs(10);
        while !settled() {
            assert!(Instant::now() < end, "the addresses never settle");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Makes the host know its gateways, as a host that is in use does.
    pub(crate) fn await_gateway(&self) {
        self.await_gateway_on("eth0");
    }

    /// The same on another device.
    pub(crate) fn await_gateway_on(&self, device: &str) {
        for (own, gateway) in HOST.into_iter().zip(GATEWAY) {
            let socket = self.host.namespace.run(|| UdpSocket::bind((own, 0)).unwrap()).unwrap();
            let target: IpAddr = gateway.parse().unwrap();
            let end = Instant::now() + Duration::from_secs(10);
            loop {
                // Nobody listens there; asking for the way is the point.
                let _ = socket.send_to(b"?", (gateway, 9));
                let index = self.host.namespace.run(|| index_of(&name(device))).unwrap().unwrap();
                let known = self.host.kernel(|kernel| kernel.neighbours(index).unwrap());
                if known.iter().any(|entry| entry.address == target && entry.is_valid()) {
                    break;
                }
                assert!(Instant::now() < end, "the gateway does not answer");
                thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Makes the gateway answer nobody behind a bridge of the host: what it says there is dropped.
    pub(crate) fn lose_gateway(&self) {
        let table = Table { family: TableFamily::Bridge, name: "lost" };
        let mut batch = Batch::new();
        batch.add_table(table);
        // NF_BR_LOCAL_IN: what a bridge gives to its host.
        let hook = Hook { kind: "filter", number: 1, priority: 0, policy: Policy::Accept, devices: &[] };
        batch.add_base_chain(table, "input", &hook);
        let arp = Rule {
            matches: vec![Match::is(Field::link(12, 2), [0x08, 0x06])],
            statements: vec![Statement::Verdict(Verdict::Drop)],
            comment: None,
        };
        batch.add_rule(table, "input", &arp);
        self.host.namespace.run(|| NfTables::open().unwrap().commit(&batch).unwrap()).unwrap();
    }

    /// All that the host's network consists of, in words, but for what passes by itself.
    pub(crate) fn state(&self) -> String {
        let mut text = String::new();
        for words in [
            "-br link",
            "-d addr show dev eth0",
            "-d link show dev eth0",
            "route show table all",
            "-6 route show table all",
            "rule",
            "-6 rule",
            "nexthop",
            "neigh show nud permanent",
            "neigh show proxy",
            "-6 neigh show proxy",
        ] {
            text.push_str(&["== ip ", words, "\n", &without_what_passes(&self.ip(words))].concat());
        }
        text.push_str(&self.host.namespace.run(settings_of_eth0).unwrap());
        text
    }

    /// Who has which addresses and which routes.
    pub(crate) fn standing(&self) -> String {
        let words =
            ["-br link", "-o addr", "route show table all", "-6 route show table all", "rule", "-6 rule"];
        let text = words.map(|words| without_what_passes(&self.ip(words))).concat();
        // The kernel lists these in the order in which it came to them.
        text.split_inclusive('\n').filter(|line| !line.starts_with("multicast")).collect()
    }
}

/// The kernel settings of `eth0`.
fn settings_of_eth0() -> String {
    let mut text = String::new();
    for family in ["ipv4", "ipv6"] {
        let folder = format!("/proc/sys/net/{family}/conf/eth0");
        let mut lines: Vec<String> = std::fs::read_dir(&folder)
            .unwrap()
            .filter_map(|entry| {
                let entry = entry.unwrap();
                // Some cannot be read.
                let value = std::fs::read_to_string(entry.path()).ok()?;
                Some(format!("{family} {} {value}", entry.file_name().display()))
            })
            .collect();
        lines.sort();
        text.push_str(&lines.concat());
    }
    text
}

/// What is left of lifetimes differs from one second to the next; that there is one does not. Of other devices only
/// the names count.
fn without_what_passes(text: &str) -> String {
    let word = |word: &str| match word.strip_suffix("sec").map(str::parse::<u32>) {
        Some(Ok(_)) => "Nsec".to_owned(),
        _ => word.to_owned(),
    };
    let line = |line: &str| {
        if line.contains("dev virbr0") {
            String::new()
        } else if line.starts_with("virbr0") {
            "virbr0\n".into()
        } else {
            line.split(' ').map(word).collect::<Vec<_>>().join(" ") + "\n"
        }
    };
    text.lines().map(line).collect()
}

/// Deletes a device of the host.
pub(crate) fn delete(kernel: &mut Rtnetlink, device: &str) {
    kernel.delete_link(index_of(&name(device)).unwrap()).unwrap();
}
