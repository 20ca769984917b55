//! Neighbour discovery (RFC 4861) and multicast listener discovery (RFC 2710, RFC 3810).

use std::net::Ipv6Addr;

use ethernet::MacAddress;
use ipnet::Ipv6Net;

use super::Packet;

/// The sender's MAC address.
const SOURCE_LINK_LAYER: u8 = 1;
/// The target's MAC address.
const TARGET_LINK_LAYER: u8 = 2;
const PREFIX: u8 = 3;

/// Flags of a neighbour advertisement.
pub(super) mod advertisement {
    pub(crate) const ROUTER: u8 = 0x80;
    pub(crate) const SOLICITED: u8 = 0x40;
    pub(crate) const OVERRIDE: u8 = 0x20;
}

/// What a router says of itself and of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterAdvertisement {
    /// For how many seconds it is a default router; 0: not at all (which takes a router away from all who hear it).
    pub lifetime: u16,
    /// A network whose addresses hosts shall make for themselves.
    pub prefix: Option<Ipv6Net>,
    /// The router's MAC address.
    pub mac: Option<MacAddress>,
}

/// A type and a MAC address, which fill one unit of eight bytes.
fn mac_option(kind: u8, mac: Option<MacAddress>) -> Vec<u8> {
    mac.map(|mac| [&[kind, 1][..], &mac.octets()].concat()).unwrap_or_default()
}

impl Packet {
    /// Carries the question who has `target`; with the sender's MAC address, which is left out in duplicate address
    /// detection.
    #[must_use]
    pub fn neighbour_solicitation(self, target: Ipv6Addr, source_mac: Option<MacAddress>) -> Self {
        let option = mac_option(SOURCE_LINK_LAYER, source_mac);
        self.discovery(135, &[&[0; 4][..], &target.octets(), &option].concat())
    }

    /// Carries the claim that `target` is at `target_mac`, overriding what was known.
    #[must_use]
    pub fn neighbour_advertisement(self, target: Ipv6Addr, target_mac: Option<MacAddress>) -> Self {
        self.advertisement(advertisement::OVERRIDE, target, target_mac)
    }

    /// The same as the answer to a solicitation.
    #[must_use]
    pub fn solicited_advertisement(self, target: Ipv6Addr, target_mac: Option<MacAddress>) -> Self {
        self.advertisement(advertisement::SOLICITED | advertisement::OVERRIDE, target, target_mac)
    }

    /// The same from somebody who claims to be a router.
    #[must_use]
    pub fn router_neighbour_advertisement(self, target: Ipv6Addr, target_mac: Option<MacAddress>) -> Self {
        self.advertisement(advertisement::ROUTER | advertisement::OVERRIDE, target, target_mac)
    }

    fn advertisement(self, flags: u8, target: Ipv6Addr, mac: Option<MacAddress>) -> Self {
        let option = mac_option(TARGET_LINK_LAYER, mac);
        self.discovery(136, &[&[flags, 0, 0, 0][..], &target.octets(), &option].concat())
    }

    /// Carries the question whether there is a router.
    #[must_use]
    pub fn router_solicitation(self, source_mac: Option<MacAddress>) -> Self {
        let option = mac_option(SOURCE_LINK_LAYER, source_mac);
        self.discovery(133, &[&[0; 4][..], &option].concat())
    }

    /// Carries a router's claim to be one.
    #[must_use]
    pub fn router_advertisement(self, router: &RouterAdvertisement) -> Self {
        let [high, low] = router.lifetime.to_be_bytes();
        // Hop limit 64, no flags, lifetime; reachable and retransmission times unspecified.
        let mut body = vec![64, 0, high, low, 0, 0, 0, 0, 0, 0, 0, 0];
        body.extend_from_slice(&mac_option(SOURCE_LINK_LAYER, router.mac));
        if let Some(prefix) = router.prefix {
            // On the link and good for addresses, for a day.
            let day = 86_400_u32.to_be_bytes();
            body.extend_from_slice(&[PREFIX, 4, prefix.prefix_len(), 0xc0]);
            body.extend_from_slice(&[&day[..], &day, &[0; 4], &prefix.network().octets()].concat());
        }
        self.discovery(134, &body)
    }

    /// Carries a router's word that `destination` is better reached by way of `target`.
    #[must_use]
    pub fn redirect(self, target: Ipv6Addr, destination: Ipv6Addr, target_mac: Option<MacAddress>) -> Self {
        let option = mac_option(TARGET_LINK_LAYER, target_mac);
        self.discovery(137, &[&[0; 4][..], &target.octets(), &destination.octets(), &option].concat())
    }

    /// Carries the question who listens to `group` (`::`: to anything).
    #[must_use]
    pub fn mld_query(self, group: Ipv6Addr) -> Self {
        // Answers within ten seconds.
        self.listener(130, &[&[0x27, 0x10, 0, 0][..], &group.octets()].concat())
    }

    /// Carries the word that the sender listens to `group` (version 1).
    #[must_use]
    pub fn mld_report(self, group: Ipv6Addr) -> Self {
        self.listener(131, &[&[0; 4][..], &group.octets()].concat())
    }

    /// Carries the word that the sender no longer listens to `group` (version 1).
    #[must_use]
    pub fn mld_done(self, group: Ipv6Addr) -> Self {
        self.listener(132, &[&[0; 4][..], &group.octets()].concat())
    }

    /// Carries the word that the sender listens to these groups from now on (version 2).
    #[must_use]
    pub fn mld2_report(self, groups: &[Ipv6Addr]) -> Self {
        let count = u16::try_from(groups.len()).unwrap_or(u16::MAX);
        let mut body = [&[0, 0][..], &count.to_be_bytes()].concat();
        for group in groups {
            // "Change to exclude mode", which excludes no source.
            body.extend_from_slice(&[4, 0, 0, 0]);
            body.extend_from_slice(&group.octets());
        }
        self.listener(143, &body)
    }

    /// Neighbour discovery counts only when no router has passed it on.
    fn discovery(self, kind: u8, body: &[u8]) -> Self {
        self.icmp(kind, 0, body).hop_limit(255)
    }

    /// Listener discovery stays on the link and tells routers to look.
    fn listener(self, kind: u8, body: &[u8]) -> Self {
        self.icmp(kind, 0, body).hop_limit(1).router_alert()
    }
}
