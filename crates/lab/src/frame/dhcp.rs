//! DHCP for IPv4 (RFC 2131) and IPv6 (RFC 8415), as far as clients and false servers need it.

use std::net::{Ipv4Addr, Ipv6Addr};

use ethernet::MacAddress;

use super::Packet;

/// The ports of DHCP for IPv4.
const SERVER: u16 = 67;
const CLIENT: u16 = 68;
/// The ports of DHCP for IPv6.
const SERVER_V6: u16 = 547;
const CLIENT_V6: u16 = 546;

/// What a DHCP message is (option 53).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Discover = 1,
    Offer = 2,
    Request = 3,
    Ack = 5,
}

/// A DHCP message for IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DhcpMessage {
    kind: Kind,
    /// The client's MAC address, as the message says it: no switch looks at it.
    pub client: MacAddress,
    /// The address that the client wants or gets.
    pub address: Ipv4Addr,
    /// The server.
    pub server: Ipv4Addr,
    /// What ties requests and answers together.
    pub transaction: u32,
}

impl DhcpMessage {
    /// A client looks for servers.
    #[must_use]
    pub const fn discover(client: MacAddress) -> Self {
        Self::new(Kind::Discover, client, Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED)
    }

    /// A server offers an address.
    #[must_use]
    pub const fn offer(client: MacAddress, address: Ipv4Addr, server: Ipv4Addr) -> Self {
        Self::new(Kind::Offer, client, address, server)
    }

    /// A client takes an offer.
    #[must_use]
    pub const fn request(client: MacAddress, address: Ipv4Addr, server: Ipv4Addr) -> Self {
        Self::new(Kind::Request, client, address, server)
    }

    /// A server confirms.
    #[must_use]
    pub const fn ack(client: MacAddress, address: Ipv4Addr, server: Ipv4Addr) -> Self {
        Self::new(Kind::Ack, client, address, server)
    }

    const fn new(kind: Kind, client: MacAddress, address: Ipv4Addr, server: Ipv4Addr) -> Self {
        Self { kind, client, address, server, transaction: 0x6c61_6221 }
    }

    const fn is_from_server(&self) -> bool {
        matches!(self.kind, Kind::Offer | Kind::Ack)
    }

    /// The packet: from 0.0.0.0 port 68 when the client speaks, from the server's port 67 when the server does; to
    /// everybody.
    #[must_use]
    pub fn packet(&self) -> Packet {
        let (source, ports) = if self.is_from_server() {
            (self.server, (SERVER, CLIENT))
        } else {
            (Ipv4Addr::UNSPECIFIED, (CLIENT, SERVER))
        };
        Packet::v4(source, Ipv4Addr::BROADCAST).udp(ports.0, ports.1, &self.to_bytes())
    }

    /// The message without UDP and IP headers.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 236];
        // Request or reply, Ethernet, six bytes of address.
        bytes[0..4].copy_from_slice(&[if self.is_from_server() { 2 } else { 1 }, 1, 6, 0]);
        bytes[4..8].copy_from_slice(&self.transaction.to_be_bytes());
        // Answer by broadcast: the client has no address yet.
        bytes[10] = 0x80;
        if self.is_from_server() {
            bytes[16..20].copy_from_slice(&self.address.octets());
        }
        bytes[28..34].copy_from_slice(&self.client.octets());
        bytes.extend_from_slice(&[0x63, 0x82, 0x53, 0x63]);
        bytes.extend_from_slice(&[53, 1, self.kind as u8]);
        if self.kind == Kind::Request {
            bytes.extend_from_slice(&[50, 4]);
            bytes.extend_from_slice(&self.address.octets());
        }
        if self.kind != Kind::Discover {
            bytes.extend_from_slice(&[54, 4]);
            bytes.extend_from_slice(&self.server.octets());
        }
        if self.is_from_server() {
            // Netmask, router, an hour.
            bytes.extend_from_slice(&[1, 4, 255, 255, 255, 0, 3, 4]);
            bytes.extend_from_slice(&self.server.octets());
            bytes.extend_from_slice(&[51, 4, 0, 0, 0x0e, 0x10]);
        }
        bytes.push(255);
        // The shortest message that every client takes.
        bytes.resize(bytes.len().max(300), 0);
        bytes
    }

    /// A client's search for DHCPv6 servers, from its link-local address.
    #[must_use]
    pub fn solicit_v6(client: MacAddress) -> Packet {
        let servers = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);
        Packet::v6(client.link_local(), servers).udp(CLIENT_V6, SERVER_V6, &message_v6(1, client))
    }

    /// A DHCPv6 server's answer to a client's search.
    #[must_use]
    pub fn advertise_v6(server: Ipv6Addr, client: Ipv6Addr, client_mac: MacAddress) -> Packet {
        Packet::v6(server, client).udp(SERVER_V6, CLIENT_V6, &message_v6(2, client_mac))
    }
}

/// A DHCPv6 message with the client's identifier: a DUID of its MAC address.
fn message_v6(kind: u8, client: MacAddress) -> Vec<u8> {
    let mut bytes = vec![kind, 0x6c, 0x61, 0x62, 0, 1, 0, 10, 0, 3, 0, 1];
    bytes.extend_from_slice(&client.octets());
    bytes
}
