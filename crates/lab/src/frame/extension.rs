//! IPv6 extension headers (RFC 8200), which an attacker puts between the header and what it does not want seen.

use super::Packet;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
pub(super) const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;

/// An option that fills four bytes: `PadN` with two bytes of zeros.
const PADDING: [u8; 4] = [1, 2, 0, 0];
/// "Routers, look at this packet: it is MLD" (RFC 2711).
const ROUTER_ALERT: [u8; 4] = [5, 2, 0, 0];

impl Packet {
    /// Adds a hop-by-hop options header that holds nothing but padding. IPv4 packets have no extension headers and
    /// stay as they are; so with the others.
    #[must_use]
    pub fn hop_by_hop(self) -> Self {
        self.options_header(HOP_BY_HOP, [PADDING, [1, 0, 0, 0]])
    }

    /// Adds a hop-by-hop options header with a router alert, which MLD must have.
    #[must_use]
    pub fn router_alert(self) -> Self {
        self.options_header(HOP_BY_HOP, [ROUTER_ALERT, [1, 0, 0, 0]])
    }

    /// Adds a destination options header that holds nothing but padding.
    #[must_use]
    pub fn destination_options(self) -> Self {
        self.options_header(DESTINATION, [PADDING, [1, 0, 0, 0]])
    }

    /// Adds a routing header of this type with no segments left.
    #[must_use]
    pub fn routing_header(self, kind: u8) -> Self {
        self.extension(ROUTING, vec![0, 0, kind, 0, 0, 0, 0, 0])
    }

    /// Adds an extension header given by its number. Its first byte is replaced by the number of what follows.
    #[must_use]
    pub fn extension(mut self, number: u8, header: Vec<u8>) -> Self {
        if self.is_v6() && !header.is_empty() {
            self.extensions.push((number, header));
        }
        self
    }

    /// Six bytes of options behind the two of every header.
    fn options_header(self, number: u8, [first, second]: [[u8; 4]; 2]) -> Self {
        let mut header = vec![0, 0];
        header.extend_from_slice(&first);
        header.extend_from_slice(&second[..2]);
        self.extension(number, header)
    }
}
