//! ARP (RFC 826), and its reverse (RFC 903).

use std::net::Ipv4Addr;

use ethernet::MacAddress;

/// What an ARP message asks or says (`ARPOP_*`).
pub mod operation {
    /// Who has this address?
    pub const REQUEST: u16 = 1;
    /// I have.
    pub const REPLY: u16 = 2;
    /// Which address have I?
    pub const REVERSE_REQUEST: u16 = 3;
    /// This one.
    pub const REVERSE_REPLY: u16 = 4;
}

/// An ARP message. All fields can be set to what they should not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// The kind of hardware; 1 is Ethernet.
    pub hardware: u16,
    /// The kind of protocol, as an ethertype; 0x0800 is IPv4.
    pub protocol: u16,
    /// How long hardware addresses are said to be; 6 are there.
    pub hardware_length: u8,
    /// How long protocol addresses are said to be; 4 are there.
    pub protocol_length: u8,
    /// See [`operation`].
    pub operation: u16,
    /// Who says it.
    pub sender_mac: MacAddress,
    /// The sender's address.
    pub sender_ip: Ipv4Addr,
    /// Whom it is said to; zero in a request.
    pub target_mac: MacAddress,
    /// The address that is asked for, or that of the one who asked.
    pub target_ip: Ipv4Addr,
}

impl Arp {
    /// Bytes of a message with six-byte and four-byte addresses.
    pub const LENGTH: usize = 28;

    /// A message with Ethernet and IPv4 addresses.
    #[must_use]
    pub fn new(
        operation: u16,
        sender: (MacAddress, impl Into<Ipv4Addr>),
        target: (MacAddress, impl Into<Ipv4Addr>),
    ) -> Self {
        Self {
            hardware: 1,
            protocol: super::ethertype::IPV4,
            hardware_length: 6,
            protocol_length: 4,
            operation,
            sender_mac: sender.0,
            sender_ip: sender.1.into(),
            target_mac: target.0,
            target_ip: target.1.into(),
        }
    }

    /// Who has `target`? Tell `sender`.
    #[must_use]
    pub fn request(
        sender: MacAddress,
        sender_ip: impl Into<Ipv4Addr>,
        target_ip: impl Into<Ipv4Addr>,
    ) -> Self {
        Self::new(operation::REQUEST, (sender, sender_ip), (MacAddress::ZERO, target_ip))
    }

    /// `sender_ip` is at `sender`.
    #[must_use]
    pub fn reply(
        sender: MacAddress,
        sender_ip: impl Into<Ipv4Addr>,
        target: MacAddress,
        target_ip: impl Into<Ipv4Addr>,
    ) -> Self {
        Self::new(operation::REPLY, (sender, sender_ip), (target, target_ip))
    }

    /// A request for the sender's own address, which tells everybody where it is.
    #[must_use]
    pub fn gratuitous(sender: MacAddress, ip: impl Into<Ipv4Addr>) -> Self {
        let ip = ip.into();
        Self::request(sender, ip, ip)
    }

    /// A request for `target` by somebody who has no address yet (RFC 5227).
    #[must_use]
    pub fn probe(sender: MacAddress, target: impl Into<Ipv4Addr>) -> Self {
        Self::request(sender, Ipv4Addr::UNSPECIFIED, target)
    }

    /// The message as it goes on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[0..2].copy_from_slice(&self.hardware.to_be_bytes());
        bytes[2..4].copy_from_slice(&self.protocol.to_be_bytes());
        bytes[4] = self.hardware_length;
        bytes[5] = self.protocol_length;
        bytes[6..8].copy_from_slice(&self.operation.to_be_bytes());
        bytes[8..14].copy_from_slice(&self.sender_mac.octets());
        bytes[14..18].copy_from_slice(&self.sender_ip.octets());
        bytes[18..24].copy_from_slice(&self.target_mac.octets());
        bytes[24..28].copy_from_slice(&self.target_ip.octets());
        bytes
    }

    /// Reads a message; none when it is too short. What its fields say is not judged.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<{ Self::LENGTH }>()?;
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let mac = |at: usize| MacAddress::new(std::array::from_fn(|index| bytes[at + index]));
        let ip = |at: usize| Ipv4Addr::from(std::array::from_fn::<u8, 4, _>(|index| bytes[at + index]));
        Some(Self {
            hardware: word(0),
            protocol: word(2),
            hardware_length: bytes[4],
            protocol_length: bytes[5],
            operation: word(6),
            sender_mac: mac(8),
            sender_ip: ip(14),
            target_mac: mac(18),
            target_ip: ip(24),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_what_another_program_takes_it_for() {
        let mac = MacAddress::new([0, 0x16, 0x3e, 0, 0, 1]);
        let bytes = Arp::request(mac, [10, 0, 0, 1], [10, 0, 0, 2]).to_bytes();
        let read = etherparse::ArpPacketSlice::from_slice(&bytes).unwrap();
        assert_eq!(read.operation(), etherparse::ArpOperation::REQUEST);
        assert_eq!(read.hw_addr_type(), etherparse::ArpHardwareId::ETHERNET);
        assert_eq!(read.sender_hw_addr(), mac.octets());
        assert_eq!(read.sender_protocol_addr(), [10, 0, 0, 1]);
        assert_eq!(read.target_hw_addr(), [0; 6]);
        assert_eq!(read.target_protocol_addr(), [10, 0, 0, 2]);
    }

    #[test]
    fn messages_read_back_as_written_and_short_ones_not_at_all() {
        let mac = MacAddress::new([2, 0, 0, 0, 0, 1]);
        let mut arp = Arp::gratuitous(mac, [10, 0, 0, 1]);
        arp.hardware = 6;
        arp.protocol_length = 16;
        assert_eq!(Arp::read(&arp.to_bytes()), Some(arp));
        assert_eq!(Arp::read(&arp.to_bytes()[..27]), None);
    }
}
