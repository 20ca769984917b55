//! The rules of others, as text for the programs that load them in one go: their own way takes hours for thousands.

use std::fmt::Write;

use super::contender::Mode;
use super::outside::Outside;
use crate::crowd::Vif;

/// What all scripts of Xen add for each vif: in front, so that the newest come first. The list says nothing about IPv6 or ARP.
///
/// The policy was that of `network-bridge`; where the host routes, nobody set one. `network-nat` translated all that leaves.
pub(super) fn stock(vifs: &[Vif], mode: Mode) -> String {
    let policy = if mode == Mode::Bridge { "DROP" } else { "ACCEPT" };
    let mut text = format!("*filter\n:INPUT ACCEPT\n:FORWARD {policy}\n:OUTPUT ACCEPT\n");
    for vif in with_the_first_two_in_the_middle(vifs) {
        let device = vif.device();
        let bridged = "-A FORWARD -m physdev --physdev-is-bridged";
        let _ = writeln!(text, "{bridged} --physdev-out {device} -j ACCEPT");
        let _ = writeln!(text, "{bridged} --physdev-in {device} -p udp --sport 68 --dport 67 -j ACCEPT");
        let _ = writeln!(text, "{bridged} --physdev-out {device} -j ACCEPT");
        let _ = writeln!(text, "{bridged} --physdev-in {device} -s {} -j ACCEPT", vif.ipv4());
    }
    text.push_str("COMMIT\n");
    if mode == Mode::Nat {
        let _ = writeln!(
            text,
            "*nat\n:POSTROUTING ACCEPT\n-A POSTROUTING -o {} -j MASQUERADE\nCOMMIT",
            Outside::CARD
        );
    }
    text
}

/// What recipes say: drop what is not the vif's own.
pub(super) fn ebtables(vifs: &[Vif]) -> String {
    let mut text = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n".to_owned();
    for vif in with_the_first_two_in_the_middle(vifs) {
        let begin = format!("-A FORWARD -i {}", vif.device());
        let _ = writeln!(text, "{begin} -s ! {} -j DROP", vif.mac());
        let _ = writeln!(text, "{begin} -p IPv4 --ip-src ! {} -j DROP", vif.ipv4());
        let _ = writeln!(text, "{begin} -p IPv6 --ip6-src ! {} -j DROP", vif.ipv6());
        let _ = writeln!(text, "{begin} -p ARP --arp-ip-src ! {} -j DROP", vif.ipv4());
    }
    text
}

/// Device, MAC and IP address together in sets: the best that the bridge family allows.
pub(super) fn nft_bridge(vifs: &[Vif]) -> String {
    let elements = |of: fn(&Vif) -> String| {
        vifs.iter()
            .map(|vif| format!("\"{}\" . {} . {}", vif.device(), vif.mac(), of(vif)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    format!(
        "table bridge guard\ndelete table bridge guard\ntable bridge guard {{\n\
         set v4 {{ typeof iifname . ether saddr . ip saddr; elements = {{ {} }}; }}\n\
         set v6 {{ typeof iifname . ether saddr . ip6 saddr; elements = {{ {} }}; }}\n\
         chain prerouting {{\n\
         type filter hook prerouting priority -300; policy accept;\n\
         iifname . ether saddr . ip saddr @v4 accept\n\
         iifname . ether saddr . ip6 saddr @v6 accept\n\
         iifname . ether saddr . arp saddr ip @v4 accept\n\
         ether type {{ ip, arp }} drop\n\
         ip6 saddr != fe80::/10 drop\n\
         }}\n}}\n",
        elements(|vif| vif.ipv4().to_string()),
        elements(|vif| vif.ipv6().to_string()),
    )
}

fn with_the_first_two_in_the_middle(vifs: &[Vif]) -> Vec<Vif> {
    let (first, others) = vifs.split_at(vifs.len().min(2));
    let (before, behind) = others.split_at(others.len() / 2);
    [before, first, behind].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_that_are_measured_stand_in_the_middle() {
        let vifs: Vec<Vif> = (1..=6).map(Vif).collect();
        assert_eq!(with_the_first_two_in_the_middle(&vifs), [3, 4, 1, 2, 5, 6].map(Vif));
        assert_eq!(with_the_first_two_in_the_middle(&vifs[..1]), [Vif(1)]);
    }
}
