//! Ethernet frames for probes and attacks: built with types where they shall be well-formed, byte by byte where not.
//!
//! ```
//! use lab::frame::{Arp, Ethernet, Packet};
//! # let mac = |last| ethernet::MacAddress::new([0, 0x16, 0x3e, 0, 0, last]);
//! # let (mallory, victim) = (mac(1), mac(2));
//!
//! // A forged ARP reply: "I am the gateway".
//! let arp = Arp::reply(mallory, [10, 0, 0, 254], victim, [10, 0, 0, 2]);
//! let frame = Ethernet::new(mallory, victim).arp(&arp);
//! assert_eq!(frame.to_string(), "00:16:3e:00:00:01 > 00:16:3e:00:00:02, ARP reply 10.0.0.254 is at 00:16:3e:00:00:01");
//!
//! // The same behind two VLAN tags, and cut short.
//! let hidden = Ethernet::new(mallory, victim).vlan(0).vlan(7).arp(&arp).truncated(40);
//!
//! // An IPv6 packet whose neighbour advertisement is behind an extension header.
//! let packet = Packet::v6("fe80::1".parse()?, "ff02::1".parse()?)
//!     .neighbour_advertisement("fe80::fe".parse()?, Some(mallory))
//!     .destination_options();
//! let advertisement = Ethernet::new(mallory, packet.group_mac()).ip(&packet);
//! # let _ = (hidden, advertisement);
//! # Ok::<(), std::net::AddrParseError>(())
//! ```
//!
//! - [`Ethernet`] is the front of a frame; its last method says what the frame carries and makes a [`Frame`].
//! - [`Arp`] and [`Packet`] (IPv4 and IPv6, with UDP, TCP, ICMP, neighbour discovery, MLD, DHCP) are what it carries.
//! - [`Frame`] is the bytes, which can be changed at will before they are sent.
//! - [`Description`] is what a frame says, read from bytes that may be anything.

mod arp;
mod describe;
mod dhcp;
mod discovery;
mod extension;
mod packet;

use std::fmt;
use std::ops::Deref;

use ethernet::MacAddress;

pub use arp::{Arp, operation};
pub use describe::{Content, Description, IpContent, Message};
pub use dhcp::DhcpMessage;
pub use discovery::RouterAdvertisement;
pub use packet::Packet;

/// Numbers of what an Ethernet frame carries (`linux/if_ether.h`).
pub mod ethertype {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// ARP.
    pub const ARP: u16 = 0x0806;
    /// Wake-on-LAN.
    pub const WAKE_ON_LAN: u16 = 0x0842;
    /// Reverse ARP.
    pub const RARP: u16 = 0x8035;
    /// `AppleTalk`.
    pub const APPLETALK: u16 = 0x809b;
    /// A VLAN tag (802.1Q).
    pub const VLAN: u16 = 0x8100;
    /// IPX.
    pub const IPX: u16 = 0x8137;
    /// IPv6.
    pub const IPV6: u16 = 0x86dd;
    /// Pause frames and the like.
    pub const FLOW_CONTROL: u16 = 0x8808;
    /// Link aggregation.
    pub const SLOW: u16 = 0x8809;
    /// The outer tag of two (802.1ad).
    pub const SERVICE_VLAN: u16 = 0x88a8;
    /// ATA over Ethernet.
    pub const AOE: u16 = 0x88a2;
    /// LLDP.
    pub const LLDP: u16 = 0x88cc;
}

/// The shortest frame that goes over a wire, without its check sequence; shorter ones are padded by hardware.
pub const SHORTEST: usize = 60;

/// A frame from the destination's MAC address on, without preamble and check sequence.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Frame(Vec<u8>);

impl Frame {
    /// A frame of these bytes, whatever they are.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The same with these bytes from `offset` on; it grows when it must.
    #[must_use]
    pub fn with(mut self, offset: usize, bytes: &[u8]) -> Self {
        let end = offset + bytes.len();
        if self.0.len() < end {
            self.0.resize(end, 0);
        }
        self.0[offset..end].copy_from_slice(bytes);
        self
    }

    /// The same from another sender, as far as the Ethernet header says.
    #[must_use]
    pub fn from_mac(self, source: MacAddress) -> Self {
        self.with(6, &source.octets())
    }

    /// The same, cut after `length` bytes.
    #[must_use]
    pub fn truncated(mut self, length: usize) -> Self {
        self.0.truncate(length);
        self
    }

    /// The same with zeros behind it up to `length` bytes; [`SHORTEST`] is what hardware does.
    #[must_use]
    pub fn padded(mut self, length: usize) -> Self {
        if self.0.len() < length {
            self.0.resize(length, 0);
        }
        self
    }

    /// What it says.
    #[must_use]
    pub fn describe(&self) -> Description {
        Description::read(&self.0)
    }

    /// The bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Frame {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

/// In one line, as far as it can be understood.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.describe().fmt(f)
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({self}; {} bytes:", self.0.len())?;
        self.0.iter().try_for_each(|byte| write!(f, " {byte:02x}"))?;
        f.write_str(")")
    }
}

/// The front of a frame: from whom, to whom, behind which tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ethernet {
    source: MacAddress,
    destination: MacAddress,
    tags: Vec<(u16, u16)>,
    snap: bool,
}

impl Ethernet {
    /// A frame from `source` to `destination`.
    #[must_use]
    pub const fn new(source: MacAddress, destination: MacAddress) -> Self {
        Self { source, destination, tags: Vec::new(), snap: false }
    }

    /// A frame from `source` to everybody.
    #[must_use]
    pub const fn broadcast(source: MacAddress) -> Self {
        Self::new(source, MacAddress::BROADCAST)
    }

    /// Adds a VLAN tag (802.1Q) behind those that are there. Identifier 0 is a tag with nothing but a priority.
    #[must_use]
    pub fn vlan(self, id: u16) -> Self {
        self.tag(ethertype::VLAN, id)
    }

    /// Adds a service VLAN tag (802.1ad) behind those that are there.
    #[must_use]
    pub fn service_vlan(self, id: u16) -> Self {
        self.tag(ethertype::SERVICE_VLAN, id)
    }

    /// Adds a tag of any kind: what announces it, and its priority (3 bits), drop bit and identifier (12 bits).
    #[must_use]
    pub fn tag(mut self, protocol: u16, control: u16) -> Self {
        self.tags.push((protocol, control));
        self
    }

    /// Says what the frame carries the 802.3 way: a length, an LLC and a SNAP header, and only then the type.
    #[must_use]
    pub const fn snap(mut self) -> Self {
        self.snap = true;
        self
    }

    /// A frame that carries `payload` of this [`ethertype`].
    #[must_use]
    pub fn payload(&self, ethertype: u16, payload: &[u8]) -> Frame {
        if self.snap {
            // DSAP and SSAP AA, unnumbered information, and the organisation that numbers as Ethernet does.
            let mut body = vec![0xaa, 0xaa, 0x03, 0, 0, 0];
            body.extend_from_slice(&ethertype.to_be_bytes());
            body.extend_from_slice(payload);
            return self.sized(&body);
        }
        self.finish(ethertype, payload)
    }

    /// An 802.3 frame with an LLC header: service access points and control.
    #[must_use]
    pub fn llc(&self, destination: u8, source: u8, control: u8, payload: &[u8]) -> Frame {
        let mut body = vec![destination, source, control];
        body.extend_from_slice(payload);
        self.sized(&body)
    }

    /// A spanning tree configuration message that claims to be the root (802.1D): to the bridges' group.
    #[must_use]
    pub fn bpdu(source: MacAddress) -> Frame {
        let mut message = vec![0; 35];
        // Best priority for the root and the sender: everything else is zero.
        message[7..13].copy_from_slice(&source.octets());
        message[19..25].copy_from_slice(&source.octets());
        // Port 1 of it; ages in 1/256 s: at most 20 s old, hello 2 s, delay 15 s.
        message[25..].copy_from_slice(&[0x80, 0x01, 0, 0, 20, 0, 2, 0, 15, 0]);
        Self::new(source, MacAddress::new([0x01, 0x80, 0xc2, 0, 0, 0])).llc(0x42, 0x42, 0x03, &message)
    }

    /// A frame that carries ARP.
    #[must_use]
    pub fn arp(&self, arp: &Arp) -> Frame {
        self.payload(ethertype::ARP, &arp.to_bytes())
    }

    /// A frame that carries an IP packet.
    #[must_use]
    pub fn ip(&self, packet: &Packet) -> Frame {
        self.payload(packet.ethertype(), &packet.to_bytes())
    }

    /// 802.3: the body's length stands where a type would.
    fn sized(&self, body: &[u8]) -> Frame {
        // Above 1535 it would be a type; whoever builds such a frame wants to see what comes of it.
        self.finish(u16::try_from(body.len()).unwrap_or(u16::MAX), body)
    }

    fn finish(&self, length_or_type: u16, body: &[u8]) -> Frame {
        let mut bytes = Vec::with_capacity(14 + 4 * self.tags.len() + body.len());
        bytes.extend_from_slice(&self.destination.octets());
        bytes.extend_from_slice(&self.source.octets());
        for (protocol, control) in &self.tags {
            bytes.extend_from_slice(&protocol.to_be_bytes());
            bytes.extend_from_slice(&control.to_be_bytes());
        }
        bytes.extend_from_slice(&length_or_type.to_be_bytes());
        bytes.extend_from_slice(body);
        Frame(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: MacAddress = MacAddress::new([0, 0x16, 0x3e, 0, 0, 0xa]);
    const B: MacAddress = MacAddress::new([0, 0x16, 0x3e, 0, 0, 0xb]);

    #[test]
    fn tags_stand_in_the_order_in_which_they_were_added() {
        let frame = Ethernet::new(A, B).service_vlan(5).tag(0x9100, 0xe007).payload(0x1234, &[1, 2]);
        let expected = [0, 0x16, 0x3e, 0, 0, 0xb, 0, 0x16, 0x3e, 0, 0, 0xa]
            .into_iter()
            .chain([0x88, 0xa8, 0, 5, 0x91, 0, 0xe0, 7, 0x12, 0x34, 1, 2])
            .collect::<Vec<u8>>();
        assert_eq!(frame.into_bytes(), expected);
    }

    #[test]
    fn snap_frames_have_a_length_and_the_type_behind_it() {
        let frame = Ethernet::new(A, B).snap().payload(ethertype::ARP, &[9; 28]);
        assert_eq!(frame[12..22], [0, 36, 0xaa, 0xaa, 3, 0, 0, 0, 8, 6]);
    }

    #[test]
    fn frames_can_be_bent_at_will() {
        let frame = Ethernet::broadcast(A).payload(0x1234, &[]);
        assert_eq!(frame.clone().padded(SHORTEST).len(), 60);
        assert_eq!(frame.clone().from_mac(B)[6..12], B.octets());
        assert_eq!(frame.clone().with(20, &[7])[14..], [0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(frame.truncated(3).len(), 3);
    }
}
