//! A host with a bridge, a guest behind the guard, and another guest whom it would deceive.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use dom0net::guard::{Guard, GuardState, Policy, Reason};
use dom0net::vif::{Port, PortKind, Vif};
use ethernet::MacAddress;
use lab::frame::{Ethernet, Frame, Packet};
use netkernel::link::{BridgeOptions, LinkChange, LinkKind, LinkName, Master, index_of};
use netkernel::namespace::Namespace;
use netkernel::nftables::NfTables;
use netkernel::packet::PacketSocket;
use netkernel::sysctl::Sysctl;
use netkernel::{Family, Rtnetlink};

pub(crate) const OWN: MacAddress = MacAddress::new([0, 0x16, 0x3e, 0, 0, 1]);
pub(crate) const VICTIM: MacAddress = MacAddress::new([0, 0x16, 0x3e, 0, 0, 2]);

const PORT: Port = Port { vif: Vif { domid: 1, devid: 0 }, kind: PortKind::Vif };
pub(crate) const NEIGHBOUR: Port = Port { vif: Vif { domid: 2, devid: 0 }, kind: PortKind::Vif };

/// A frame on a veth is there when the call that sent it returns; this is for a machine under load.
const PATIENCE: Duration = Duration::from_secs(5);

/// The stage. The guarded guest's device is `vif1.0` in the host.
pub(crate) struct Stage {
    host: Namespace,
    sender: PacketSocket,
    victim: PacketSocket,
    guest: Namespace,
    // Held so that it lives: its device does no longer than it.
    _other: Namespace,
    sent: u64,
}

pub(crate) fn name(text: &str) -> LinkName {
    LinkName::new(text).unwrap()
}

/// Guards `vif2.0` too, for whom the guest would like to be: what its table has of both, each must be alone in having.
pub(crate) fn guard_neighbour() {
    let addresses = ["10.0.0.2/32", "10.0.0.254/32", "2001:db8::2/128", "2001:db8:7::9/128", "fe80::1/128"];
    let policy = Policy::locked(VICTIM, addresses.map(|address| address.parse().unwrap()));
    Guard::of(NEIGHBOUR).install(&mut NfTables::open().unwrap(), &name("vif2.0"), &policy).unwrap();
}

impl Stage {
    /// Sets the stage, with this policy in force; none, after saying so, where namespaces cannot be made.
    pub(crate) fn new(policy: &Policy) -> Option<Self> {
        let (host, guest, other) = (testkit::namespace()?, testkit::namespace()?, testkit::namespace()?);
        for namespace in [&host, &guest, &other] {
            // What hosts say of themselves would mix with what the test says.
            namespace
                .run(|| Sysctl::default_of_links(Family::Inet6, "disable_ipv6").write("1").unwrap())
                .unwrap();
        }
        host.run(|| {
            let mut kernel = Rtnetlink::open().unwrap();
            // A bridge that looks into multicast sends it not to all.
            let quick = BridgeOptions {
                forward_delay: Some(0),
                multicast_snooping: Some(false),
                ..BridgeOptions::default()
            };
            kernel.create_link(&name("xenbr0"), &LinkKind::Bridge(quick), &LinkChange::default()).unwrap();
            plug(&mut kernel, "vif1.0", &guest);
            plug(&mut kernel, "vif2.0", &other);
            Guard::of(PORT).install(&mut NfTables::open().unwrap(), &name("vif1.0"), policy).unwrap();
            guard_neighbour();
            for device in ["xenbr0", "vif1.0", "vif2.0"] {
                raise(&mut kernel, device);
            }
        })
        .unwrap();
        let socket = |namespace: &Namespace| {
            namespace
                .run(|| {
                    raise(&mut Rtnetlink::open().unwrap(), "eth0");
                    PacketSocket::open(&name("eth0")).unwrap()
                })
                .unwrap()
        };
        let (sender, victim) = (socket(&guest), socket(&other));
        let mut stage = Self { host, sender, victim, guest, _other: other, sent: 0 };
        stage.warm_up();
        Some(stage)
    }

    /// Waits until the bridge passes frames: it learns by and by that its ports have a carrier.
    fn warm_up(&mut self) {
        let end = Instant::now() + PATIENCE;
        loop {
            let marker = self.marker();
            self.sender.send(&marker).unwrap();
            if self.victim.receive(Duration::from_millis(10)).unwrap().is_some() {
                return;
            }
            assert!(Instant::now() < end, "the bridge passes no frames");
        }
    }

    /// Sends a frame from the guarded guest, and says whether it came out unchanged at the other guest.
    pub(crate) fn passes(&mut self, frame: &Frame) -> bool {
        self.sender.send(frame).unwrap();
        self.has_passed(|received| received == &frame[..])
    }

    /// The same for a frame that the guest sends through another of its devices, which may put tags in front.
    pub(crate) fn passes_through(&mut self, link: &str, frame: &Frame) -> bool {
        let socket = self.in_guest(|| PacketSocket::open(&name(link)).unwrap());
        socket.send(frame).unwrap();
        self.has_passed(|received| without_tags(received) == without_tags(frame))
    }

    /// Does something within the guest.
    pub(crate) fn in_guest<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.guest.run(work).unwrap()
    }

    /// Does something on the host.
    pub(crate) fn on_host<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.host.run(work).unwrap()
    }

    fn has_passed(&mut self, is_it: impl Fn(&[u8]) -> bool) -> bool {
        self.arrivals().iter().any(|received| is_it(received))
    }

    /// What has come to the other guest since this was asked last.
    pub(crate) fn arrivals(&mut self) -> Vec<Vec<u8>> {
        // Frames do not overtake each other: when this one has come, the others would have.
        let last = self.marker();
        self.sender.send(&last).unwrap();
        let mut arrivals = Vec::new();
        loop {
            let received = self.victim.receive(PATIENCE).unwrap().expect("a frame of the guest's own passes");
            if received == last[..] {
                return arrivals;
            }
            arrivals.push(received);
        }
    }

    /// What the guard has dropped so far, for this reason.
    pub(crate) fn dropped(&self, reason: Reason) -> u64 {
        self.state().dropped.get(&reason).copied().unwrap_or(0)
    }

    /// What the guard has dropped so far, for any reason.
    pub(crate) fn dropped_at_all(&self) -> u64 {
        self.state().dropped.values().sum()
    }

    fn state(&self) -> GuardState {
        let read = || Guard::of(PORT).state(&mut NfTables::open().unwrap()).unwrap().unwrap();
        self.host.run(read).unwrap()
    }

    /// A frame that every policy lets pass, and that is like no other.
    fn marker(&mut self) -> Frame {
        self.sent += 1;
        // Ports mean something.
        let text = format!("the end {}", self.sent);
        let packet = Packet::v4([10, 0, 0, 1], [10, 0, 0, 2]).udp(40_000, 40_000, text.as_bytes());
        Ethernet::new(OWN, VICTIM).ip(&packet)
    }
}

/// A frame without the VLAN tags in front of what it carries.
fn without_tags(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    while matches!(frame.get(12..14), Some([0x81, 0] | [0x88, 0xa8])) && frame.len() >= 18 {
        frame.drain(12..16);
    }
    frame
}

fn plug(kernel: &mut Rtnetlink, device: &str, guest: &Namespace) {
    let kind = LinkKind::Veth {
        peer: name("eth0"),
        peer_index: None,
        peer_change: LinkChange::default(),
        peer_namespace: Some(guest.as_fd()),
    };
    kernel.create_link(&name(device), &kind, &LinkChange::default()).unwrap();
    let bridge = index_of(&name("xenbr0")).unwrap();
    let join = LinkChange { master: Some(Master::Link(bridge)), ..LinkChange::default() };
    kernel.change_link(index_of(&name(device)).unwrap(), &join).unwrap();
}

fn raise(kernel: &mut Rtnetlink, device: &str) {
    let up = LinkChange { up: Some(true), ..LinkChange::default() };
    kernel.change_link(index_of(&name(device)).unwrap(), &up).unwrap();
}
