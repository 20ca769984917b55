//! A guarded device, and counters behind its guard: for many frames.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use dom0net::guard::{Guard, Policy, Reason};
use dom0net::vif::{Port, PortKind, Vif};
use lab::frame::Frame;
use netkernel::link::{BridgeOptions, LinkChange, LinkKind, index_of};
use netkernel::namespace::Namespace;
use netkernel::nftables::{
    Batch, Field, Hook, Match, NfTables, Policy as Otherwise, Rule, Statement, Table, TableFamily,
    Verdict as Then,
};
use netkernel::packet::PacketSocket;
use netkernel::sysctl::Sysctl;
use netkernel::{Family, Rtnetlink};

use super::stage::{NEIGHBOUR, guard_neighbour, name};

const PORT: Port = Port { vif: Vif { domid: 1, devid: 0 }, kind: PortKind::Vif };
const BEHIND: Table<'_> = Table { family: TableFamily::Netdev, name: "behind-the-guard" };

/// A guarded device, and behind the guard a rule that counts and drops all that passes.
pub(crate) struct Gauge {
    host: Namespace,
    _guest: Namespace,
    sender: PacketSocket,
}

/// How many frames came to each end.
pub(crate) type Tally = BTreeMap<Option<Reason>, u64>;

impl Gauge {
    pub(crate) fn new(policy: &Policy) -> Option<Self> {
        let (host, guest) = (testkit::namespace()?, testkit::namespace()?);
        for namespace in [&host, &guest] {
            namespace
                .run(|| Sysctl::default_of_links(Family::Inet6, "disable_ipv6").write("1").unwrap())
                .unwrap();
        }
        let up = LinkChange { up: Some(true), ..LinkChange::default() };
        host.run(|| {
            let mut kernel = Rtnetlink::open().unwrap();
            let kind = LinkKind::Veth {
                peer: name("eth0"),
                peer_index: None,
                peer_change: LinkChange::default(),
                peer_namespace: Some(guest.as_fd()),
            };
            kernel.create_link(&name("vif1.0"), &kind, &LinkChange::default()).unwrap();
            let neighbour = LinkKind::Bridge(BridgeOptions::default());
            kernel.create_link(&name("vif2.0"), &neighbour, &LinkChange::default()).unwrap();
            let mut filter = NfTables::open().unwrap();
            guard_neighbour();
            Guard::of(PORT).install(&mut filter, &name("vif1.0"), policy).unwrap();
            let mut batch = Batch::new();
            batch.add_table(BEHIND);
            let devices = [name("vif1.0")];
            let hook =
                Hook { kind: "filter", number: 0, priority: 0, policy: Otherwise::Drop, devices: &devices };
            batch.add_base_chain(BEHIND, "passed", &hook);
            let count = |matches| {
                let statements = vec![Statement::Count, Statement::Verdict(Then::Drop)];
                Rule { matches, statements, ..Rule::default() }
            };
            // Who comes behind the guard would take its mark for one of theirs.
            let is_marked = Match::is_not(Field::Mark, [0; 4]);
            batch.add_rule(BEHIND, "passed", &count(vec![is_marked]));
            batch.add_rule(BEHIND, "passed", &count(Vec::new()));
            filter.commit(&batch).unwrap();
            kernel.change_link(index_of(&name("vif1.0")).unwrap(), &up).unwrap();
        })
        .unwrap();
        let sender = guest
            .run(|| {
                Rtnetlink::open().unwrap().change_link(index_of(&name("eth0")).unwrap(), &up).unwrap();
                PacketSocket::open(&name("eth0")).unwrap()
            })
            .unwrap();
        Some(Self { host, _guest: guest, sender })
    }

    /// What the kernel has done with all frames so far.
    pub(crate) fn tally(&self) -> Tally {
        let read =
            || Guard::of(PORT).state(&mut NfTables::open().unwrap()).unwrap().unwrap_or_default().dropped;
        let dropped = self.host.run(read).unwrap();
        let mut tally: Tally = dropped.into_iter().map(|(reason, frames)| (Some(reason), frames)).collect();
        tally.insert(None, self.passed().0);
        tally.retain(|_, frames| *frames > 0);
        tally
    }

    /// How many frames have passed without a mark, and their bytes behind the Ethernet header.
    pub(crate) fn passed(&self) -> (u64, u64) {
        self.counted_behind(1)
    }

    /// How many frames have passed with a mark of the guard's.
    pub(crate) fn passed_with_a_mark(&self) -> u64 {
        self.counted_behind(0).0
    }

    fn counted_behind(&self, rule: usize) -> (u64, u64) {
        let read = || NfTables::open().unwrap().rules(BEHIND, None).unwrap()[rule].counted.unwrap();
        self.host.run(read).unwrap()
    }

    /// Sends a frame.
    pub(crate) fn send(&self, frame: &Frame) {
        self.sender.send(frame).unwrap_or_else(|error| panic!("{error}: {frame:?}"));
    }

    /// Does something with the packet filter of the host.
    pub(crate) fn on_host(&self, work: impl FnOnce(&mut NfTables) + Send) {
        self.host.run(|| work(&mut NfTables::open().unwrap())).unwrap();
    }

    /// Puts another policy in force.
    pub(crate) fn change(&self, policy: &Policy) {
        let install =
            || Guard::of(PORT).install(&mut NfTables::open().unwrap(), &name("vif1.0"), policy).unwrap();
        self.host.run(install).unwrap();
    }

    /// Puts a policy in force as whoever loads by hand what the guard prints of itself.
    pub(crate) fn load(&self, policy: &Policy) {
        let text = Guard::of(PORT).text(&name("vif1.0"), policy);
        let load = || {
            let mut filter = NfTables::open().unwrap();
            Guard::of(PORT).remove(&mut filter).unwrap();
            // With the table goes what the other guard needs too, and would be there twice.
            Guard::of(NEIGHBOUR).remove(&mut filter).unwrap();
            let mut nft = Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
            nft.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
            assert!(nft.wait().unwrap().success(), "{text}");
            // It has choked on rules that the kernel takes.
            assert!(
                Command::new("nft").args(["list", "ruleset"]).output().unwrap().status.success(),
                "{text}"
            );
        };
        self.host.run(load).unwrap();
    }

    /// Sends frames, and says what the kernel did with them.
    pub(crate) fn outcome(&self, frames: &[Frame]) -> Tally {
        let before = self.tally();
        for frame in frames {
            self.send(frame);
        }
        let mut after = self.tally();
        for (end, frames) in &mut after {
            *frames -= before.get(end).copied().unwrap_or(0);
        }
        after.retain(|_, frames| *frames > 0);
        after
    }
}
