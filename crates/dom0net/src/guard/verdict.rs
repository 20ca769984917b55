//! What becomes of a frame: the policy, put into words of its own.
//!
//! This says the same as the rules that [`compile`](super::compile) makes, in another way: there as tests of fields in
//! an order that is fast, here as questions about what a frame says. A property test sends random frames past the
//! kernel and asks both.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ethernet::MacAddress;

use super::frame::{FRAGMENT_HEADER, ethertype, protocol};
use super::policy::{Mode, Policy, Protocols, Vlans};
use super::reason::Reason;
use super::walk::Walk;

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passes.
    Pass,
    /// The guard drops it, and counts why.
    Drop(Reason),
    /// It is too short to be seen by the guard: the kernel itself drops it.
    Unseen,
}

/// Reads a frame by a policy.
///
/// Making one costs a little; judging costs the least that it can.
#[derive(Clone, Debug)]
pub struct Judge<'a> {
    policy: &'a Policy,
    macs: Vec<MacAddress>,
    ipv6: Vec<ipnet::Ipv6Net>,
}

/// Drops, or leaves the decision to what follows.
type Step = Result<(), Reason>;

impl Policy {
    /// What becomes of a frame: Ethernet, from the destination's MAC address on, without the check sequence.
    ///
    /// ```
    /// use dom0net::guard::{Policy, Reason, Verdict};
    /// use lab::frame::{Arp, Ethernet};
    ///
    /// let own = "00:16:3e:00:00:01".parse()?;
    /// let policy = Policy::locked(own, ["10.0.0.1/32".parse()?]);
    /// let forged = Ethernet::broadcast(own).arp(&Arp::gratuitous(own, [10, 0, 0, 254]));
    /// assert_eq!(policy.verdict(&forged), Verdict::Drop(Reason::Arp));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn verdict(&self, frame: &[u8]) -> Verdict {
        Judge::new(self).verdict(frame)
    }
}

impl<'a> Judge<'a> {
    /// A judge by this policy.
    #[must_use]
    pub fn new(policy: &'a Policy) -> Self {
        Self { policy, macs: policy.macs(), ipv6: policy.all_ipv6() }
    }

    /// What becomes of a frame.
    #[must_use]
    pub fn verdict(&self, frame: &[u8]) -> Verdict {
        let Some(walk) = Walk::new(frame) else { return Verdict::Unseen };
        if self.policy.mode == Mode::Disabled {
            return Verdict::Pass;
        }
        match self.outermost(&walk) {
            Ok(()) => Verdict::Pass,
            Err(reason) => Verdict::Drop(reason),
        }
    }

    fn outermost(&self, frame: &Walk<'_>) -> Step {
        let kind = frame.outer_type().ok_or(Reason::Ethertype)?;
        let is_own = frame.link(6).is_some_and(|mac| self.is_own_mac(mac));
        if !is_own && self.policy.mode != Mode::Open {
            return Err(Reason::Mac);
        }
        if let Some(id) = frame.vlan() {
            if self.policy.vlans.allow(kind, id) {
                return self.in_vlan(frame);
            }
            if self.looks_at_tags(kind) {
                return Err(Reason::Vlan);
            }
        }
        self.content(frame, kind)
    }

    /// Whether a tag of this kind is looked at: if it is not for one of the guest's VLANs, the frame drops for that.
    fn looks_at_tags(&self, kind: u16) -> bool {
        match (&self.policy.vlans, &self.policy.protocols) {
            (Vlans::All, _) | (_, Protocols::All) => true,
            (Vlans::Only(ranges), _) => kind == 0x8100 && !ranges.is_empty(),
        }
    }

    fn in_vlan(&self, frame: &Walk<'_>) -> Step {
        match frame.inner_type() {
            None | Some(0x8100 | 0x88a8) => Err(Reason::Ethertype),
            Some(kind) => self.content(frame, kind),
        }
    }

    fn content(&self, frame: &Walk<'_>, kind: u16) -> Step {
        if !self.policy.protocols.allow(kind) {
            return Err(Reason::Ethertype);
        }
        match kind.to_be_bytes() {
            ethertype::ARP => self.arp(frame),
            ethertype::IPV4 => self.ipv4(frame),
            ethertype::IPV6 => self.ipv6(frame),
            // Groups that no bridge may pass on (IEEE 802.1D, table 7-10).
            _ if frame
                .link(0)
                .is_some_and(|to: [u8; 6]| to[..5] == [0x01, 0x80, 0xc2, 0, 0] && to[5] < 0x10) =>
            {
                Err(Reason::Ethertype)
            }
            _ => Ok(()),
        }
    }

    fn arp(&self, frame: &Walk<'_>) -> Step {
        let is_sound = || {
            let sender_is_own = frame.network(8).is_some_and(|mac| self.is_own_mac(mac));
            if self.policy.mode != Mode::Locked {
                return Some(sender_is_own);
            }
            // Ethernet, IPv4, six bytes, four bytes; request or reply.
            let [0, 1, 8, 0, 6, 4, 0, operation @ (1 | 2)] = frame.network(0)? else { return Some(false) };
            let address: [u8; 4] = frame.network(14)?;
            let is_probe = operation == 1 && address == [0; 4];
            Some(sender_is_own && (is_probe || self.is_own(Ipv4Addr::from(address))))
        };
        if self.policy.mode == Mode::Open || is_sound().unwrap_or(false) { Ok(()) } else { Err(Reason::Arp) }
    }

    fn ipv4(&self, frame: &Walk<'_>) -> Step {
        if self.policy.mode == Mode::Locked {
            let source = frame.network(12).map(Ipv4Addr::from);
            if !source.is_some_and(|source| self.is_own(source)) {
                let asks = source == Some(Ipv4Addr::UNSPECIFIED) && self.is_dhcp_request(frame);
                return if asks { Ok(()) } else { Err(Reason::Ipv4Source) };
            }
        }
        let kind = frame.transport(0).map(|[kind]: [u8; 1]| kind);
        match frame.protocol().ok_or(Reason::Malformed)? {
            protocol::VRRP => self.virtual_router(),
            protocol::UDP => self.udp4(frame),
            protocol::ICMP if matches!(kind, Some(5 | 9)) => self.router(),
            protocol::IGMP if matches!(kind, Some(0x11 | 0x30)) => self.router(),
            protocol::PIM if !is_later_fragment(frame) => self.router(),
            _ => Ok(()),
        }
    }

    fn udp4(&self, frame: &Walk<'_>) -> Step {
        if self.policy.dhcp_server {
            return Ok(());
        }
        let is_harmless = match ports(frame) {
            Some((source, destination)) => source != 67 && !matches!(destination, 67 | 68),
            None => is_later_fragment(frame),
        };
        if is_harmless || self.is_dhcp_request(frame) { Ok(()) } else { Err(Reason::Dhcp) }
    }

    /// Whether a client asks for an address, for itself, and in one piece.
    fn is_dhcp_request(&self, frame: &Walk<'_>) -> bool {
        let is_whole = matches!(frame.network(6), Some([0 | 0x40 | 0x80 | 0xc0, 0]));
        let is_own_client = self.policy.mode == Mode::Open
            || frame.transport(8 + 24).is_some_and(|[relay @ .., a, b, c, d, e, f]: [u8; 10]| {
                relay == [0; 4] && self.is_own_mac([a, b, c, d, e, f])
            });
        frame.protocol() == Some(protocol::UDP)
            && is_whole
            && ports(frame) == Some((68, 67))
            && frame.transport(8) == Some([1, 1, 6])
            && is_own_client
    }

    fn ipv6(&self, frame: &Walk<'_>) -> Step {
        if self.policy.mode == Mode::Locked {
            let source = frame.network(8).map(Ipv6Addr::from).ok_or(Reason::Ipv6Source)?;
            // Nobody's address is nobody's, in whatever network it is.
            if source.is_unspecified() {
                return self.nobody(frame);
            }
            if !self.is_own(source) {
                return Err(Reason::Ipv6Source);
            }
        }
        let next: Option<[u8; 1]> = frame.network(6);
        if next == Some([protocol::TCP]) && frame.protocol() == Some(protocol::TCP) {
            return Ok(());
        }
        if next == Some([FRAGMENT_HEADER]) {
            // More headers in the fragmented part could reach into the next fragment.
            if matches!(frame.network(40), Some([0 | 43 | 44 | 51 | 60 | 135 | 139 | 140])) {
                return Err(Reason::Malformed);
            }
            if frame.network(42).is_some_and(|offset| u16::from_be_bytes(offset) & !7 != 0) {
                return Ok(());
            }
        } else if next != Some([protocol::UDP]) && frame.has_fragment_header() {
            return Err(Reason::Malformed);
        }
        // Extension headers may lead out of the packet.
        let [first]: [u8; 1] = frame.transport(0).ok_or(Reason::Malformed)?;
        match (frame.protocol().ok_or(Reason::Malformed)?, first) {
            (protocol::UDP, _) => self.udp6(frame),
            (protocol::VRRP, _) => self.virtual_router(),
            (protocol::ICMPV6, kind) if self.policy.mode == Mode::Locked => self.own_icmpv6(frame, kind),
            (protocol::ICMPV6, 130 | 134 | 137 | 151) | (protocol::PIM, _) => self.router(),
            _ => Ok(()),
        }
    }

    fn udp6(&self, frame: &Walk<'_>) -> Step {
        if self.policy.dhcp_server {
            return Ok(());
        }
        match ports(frame) {
            Some((547, _) | (_, 546)) | None => Err(Reason::Dhcp),
            // What a relay wraps could be anybody's.
            Some((_, 547)) if matches!(frame.transport(8), None | Some([12 | 13])) => Err(Reason::Dhcp),
            Some(_) => Ok(()),
        }
    }

    /// A packet from `::`.
    fn nobody(&self, frame: &Walk<'_>) -> Step {
        let has_nonce = || plain_nd(frame) == Some(32) && frame.transport(24) == Some([14, 1]);
        if frame.transport(0) == Some([135]) && (plain_nd(frame) == Some(24) || has_nonce()) {
            return self.own_target(frame);
        }
        if joins_groups(frame) { Ok(()) } else { Err(Reason::Ipv6Source) }
    }

    fn own_icmpv6(&self, frame: &Walk<'_>, kind: u8) -> Step {
        let option = |at, wanted| {
            frame.transport(at).is_some_and(|[kind, units, mac @ ..]: [u8; 8]| {
                kind == wanted && units == 1 && self.is_own_mac(mac)
            })
        };
        match (kind, plain_nd(frame)) {
            (1..=4 | 128 | 129, _) | (135, Some(24)) | (133, Some(8)) => Ok(()),
            (135, Some(32)) if option(24, 1) => Ok(()),
            (133, Some(16)) if option(8, 1) => Ok(()),
            (136, Some(24)) => self.own_target(frame),
            (136, Some(32)) if option(24, 2) => self.own_target(frame),
            (131 | 132 | 143, _) if joins_groups(frame) => Ok(()),
            (130 | 134 | 137, _) => self.router(),
            _ => Err(Reason::Neighbour),
        }
    }

    fn own_target(&self, frame: &Walk<'_>) -> Step {
        let is_own = frame.transport(8).is_some_and(|target| self.is_own(Ipv6Addr::from(target)));
        if is_own { Ok(()) } else { Err(Reason::Neighbour) }
    }

    fn router(&self) -> Step {
        if self.policy.router { Ok(()) } else { Err(Reason::Router) }
    }

    fn virtual_router(&self) -> Step {
        if self.policy.vrrp.is_empty() { Err(Reason::Router) } else { Ok(()) }
    }

    fn is_own_mac(&self, octets: [u8; 6]) -> bool {
        self.macs.contains(&MacAddress::new(octets))
    }

    fn is_own(&self, address: impl Into<IpAddr>) -> bool {
        match address.into() {
            IpAddr::V4(address) => self.policy.ipv4.iter().any(|net| net.contains(&address)),
            IpAddr::V6(address) => self.ipv6.iter().any(|net| net.contains(&address)),
        }
    }
}

/// A fragment of an IPv4 packet behind the first.
fn is_later_fragment(frame: &Walk<'_>) -> bool {
    frame.network(6).is_some_and(|bytes| u16::from_be_bytes(bytes) & 0x1fff != 0)
}

fn ports(frame: &Walk<'_>) -> Option<(u16, u16)> {
    let [a, b, c, d] = frame.transport(0)?;
    Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

/// The payload's length of a packet that has the form of neighbour discovery: ICMPv6 directly behind the IPv6 header,
/// with hop limit 255.
fn plain_nd(frame: &Walk<'_>) -> Option<u16> {
    match frame.network(4)? {
        [high, low, protocol::ICMPV6, 255] => Some(u16::from_be_bytes([high, low])),
        _ => None,
    }
}

/// Multicast listener discovery: behind hop-by-hop options, with hop limit 1.
fn joins_groups(frame: &Walk<'_>) -> bool {
    frame.network(6) == Some([0, 1])
        && frame.protocol() == Some(protocol::ICMPV6)
        && matches!(frame.transport(0), Some([131 | 132 | 143]))
}
