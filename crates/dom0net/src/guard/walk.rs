//! A frame as the packet filter sees it at the ingress of a device: which bytes are which header.
//!
//! The kernel takes one VLAN tag off first (`skb_vlan_untag`), checks the IP header (`nf_tables_ipv4.h`,
//! `nf_tables_ipv6.h`), and walks IPv6 extension headers (`ipv6_find_hdr`). What follows does the same, from the
//! frame's bytes alone. A property test holds it against the kernel.

/// Where the network header is when there is no tag.
const ETHERNET: usize = 14;
/// And behind a tag.
const TAGGED: usize = 18;
/// The kernel drops tagged frames that have not two bytes behind the inner type, before any filter sees them.
const SHORTEST_TAGGED: usize = 20;

const TAGS: [u16; 2] = [0x8100, 0x88a8];
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const NOTHING: u8 = 59;

/// A frame, and where its headers are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk<'a> {
    frame: &'a [u8],
    /// Where the network header begins.
    network: usize,
    transport: Option<Transport>,
}

/// What an IP packet whose header is sound carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Transport {
    protocol: u8,
    /// Where its header begins; none in fragments but the first.
    at: Option<usize>,
}

impl<'a> Walk<'a> {
    /// Walks a frame; none for one that no packet filter ever sees.
    pub(super) fn new(frame: &'a [u8]) -> Option<Self> {
        let outer = be16(frame, 12)?;
        let is_tagged = TAGS.contains(&outer);
        if is_tagged && frame.len() < SHORTEST_TAGGED {
            return None;
        }
        let network = if is_tagged { TAGGED } else { ETHERNET };
        let kind = be16(frame, network - 2)?;
        let packet = frame.get(network..).unwrap_or_default();
        let transport = match kind {
            IPV4 => ipv4(packet),
            IPV6 => ipv6(packet),
            _ => None,
        };
        Some(Self { frame, network, transport })
    }

    /// Bytes of the Ethernet header, the tag included.
    pub(super) fn link<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        array(self.frame, at)
    }

    /// Bytes of the IP or ARP header.
    pub(super) fn network<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        array(self.frame, self.network + at)
    }

    /// Bytes of the transport header.
    pub(super) fn transport<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        array(self.frame, self.network + self.transport?.at? + at)
    }

    /// The number of the transport protocol; none when the IP header is not sound.
    pub(super) fn protocol(&self) -> Option<u8> {
        Some(self.transport?.protocol)
    }

    /// Whether an IPv6 packet has a fragment header that can be found.
    pub(super) fn has_fragment_header(&self) -> bool {
        let packet = self.frame.get(self.network..).unwrap_or_default();
        packet.get(6).is_some_and(|&number| find_fragment_header(packet, number).is_some())
    }

    /// The frame's ethertype; with a tag, that of the tag.
    pub(super) fn outer_type(&self) -> Option<u16> {
        be16(self.frame, 12)
    }

    /// What is behind a tag, if there is one.
    pub(super) fn inner_type(&self) -> Option<u16> {
        (self.network == TAGGED).then(|| be16(self.frame, 16))?
    }

    /// The number of the VLAN that the tag names.
    pub(super) fn vlan(&self) -> Option<u16> {
        (self.network == TAGGED).then(|| be16(self.frame, 14)).flatten().map(|control| control & 0x0fff)
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

fn ipv4(packet: &[u8]) -> Option<Transport> {
    let header: [u8; 20] = array(packet, 0)?;
    let header_length = usize::from(header[0] & 0x0f) * 4;
    let length = usize::from(be16(packet, 2)?);
    if header[0] >> 4 != 4 || header_length < 20 || length > packet.len() || length < header_length {
        return None;
    }
    let is_later_fragment = be16(packet, 6)? & 0x1fff != 0;
    Some(Transport { protocol: header[9], at: (!is_later_fragment).then_some(header_length) })
}

fn ipv6(packet: &[u8]) -> Option<Transport> {
    let header: [u8; 40] = array(packet, 0)?;
    let length = usize::from(be16(packet, 4)?) + header.len();
    if header[0] >> 4 != 6 || length > packet.len() {
        return None;
    }
    let mut at = header.len();
    let mut number = header[6];
    while is_extension(number) && number != NOTHING {
        let [next, units]: [u8; 2] = array(packet, at)?;
        at += match number {
            // As far as the kernel goes.
            AUTHENTICATION => break,
            ROUTING => {
                array::<4>(packet, at)?;
                (usize::from(units) + 1) * 8
            }
            FRAGMENT => {
                let offset = be16(packet, at + 2)? & !7;
                if offset != 0 {
                    // Nobody knows what is behind a header that an earlier fragment has begun.
                    let is_known = !is_extension(next) || next == NOTHING;
                    return is_known.then_some(Transport { protocol: next, at: None });
                }
                8
            }
            _ => (usize::from(units) + 1) * 8,
        };
        number = next;
    }
    Some(Transport { protocol: number, at: Some(at) })
}

/// The same walk with an aim: it does not stop at an authentication header, and ends at the fragment header.
fn find_fragment_header(packet: &[u8], mut number: u8) -> Option<()> {
    let mut at = 40;
    while is_extension(number) && number != NOTHING {
        let [next, units]: [u8; 2] = array(packet, at)?;
        at += match number {
            FRAGMENT => return be16(packet, at + 2).map(drop),
            AUTHENTICATION => (usize::from(units) + 2) * 4,
            ROUTING => {
                array::<4>(packet, at)?;
                (usize::from(units) + 1) * 8
            }
            _ => (usize::from(units) + 1) * 8,
        };
        number = next;
    }
    None
}

/// `ipv6_ext_hdr` of the kernel.
fn is_extension(number: u8) -> bool {
    matches!(number, 0 | 43 | FRAGMENT | AUTHENTICATION | NOTHING | 60)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_can_be_walked(mut frame: Vec<u8>, kind in 0_usize..4) {
            if frame.len() >= 14 {
                frame[12..14].copy_from_slice(&[IPV4, IPV6, 0x8100, 0x88a8][kind].to_be_bytes());
            }
            if let Some(walk) = Walk::new(&frame) {
                let _ = (walk.transport::<4>(0), walk.network::<4>(0), walk.link::<6>(6), walk.vlan());
            }
        }
    }
}
