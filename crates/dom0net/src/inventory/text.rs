//! The inventory as a table for people.

use std::array;
use std::borrow::Cow;
use std::fmt::Write;
use std::iter::repeat_n;

use super::model::{Bridge, Inventory, Network, Vif};

/// What stands in a row. Most of it is shown as it is, and there may be thousands of rows.
type Row<'a, const COLUMNS: usize> = [Cow<'a, str>; COLUMNS];

/// Rows with their columns under one another.
fn table<const COLUMNS: usize>(rows: &[Row<'_, COLUMNS>]) -> String {
    let sizes: Vec<[usize; COLUMNS]> =
        rows.iter().map(|row| row.each_ref().map(|cell| cell.chars().count())).collect();
    let widest = |column: usize| sizes.iter().map(|row| row[column]).max().unwrap_or_default();
    let widths: [usize; COLUMNS] = array::from_fn(widest);
    let mut text = String::with_capacity(rows.len() * widths.iter().map(|width| width + 2).sum::<usize>());
    for (row, sizes) in rows.iter().zip(sizes) {
        // Spaces come before a cell, so that there are none behind the last.
        let mut spaces = 0;
        for (column, cell) in row.iter().enumerate() {
            if !cell.is_empty() {
                text.extend(repeat_n(' ', spaces));
                text.push_str(cell);
                spaces = 0;
            }
            spaces += widths[column] - sizes[column] + 2;
        }
        text.push('\n');
    }
    text
}

/// All bridges, and all vifs.
#[must_use]
pub fn listing(inventory: &Inventory) -> String {
    let mut text = String::new();
    if inventory.bridges.is_empty() {
        text.push_str("This host has no bridge.\n");
    } else {
        text.push_str(&bridge_lines(&inventory.bridges));
    }
    text.push('\n');
    if inventory.domains.is_empty() {
        text.push_str("No guest has an interface here.\n");
    } else {
        text.push_str(&vifs(inventory));
    }
    if !inventory.networks.is_empty() {
        text.push('\n');
        text.push_str(&networks(&inventory.networks));
    }
    for problem in &inventory.problems {
        let _ = writeln!(text, "\nwarning: {problem}");
    }
    text
}

/// One line for each bridge.
#[must_use]
pub fn bridge_lines(bridges: &[Bridge]) -> String {
    let head = ["BRIDGE", "STATE", "UPLINK", "GUESTS", "ADDRESSES"].map(Cow::Borrowed);
    let rows = bridges.iter().map(|bridge| {
        let state = match (bridge.up, bridge.ours) {
            (true, true) => "up",
            (false, true) => "down",
            (true, false) => "up, not ours",
            (false, false) => "down, not ours",
        };
        [
            bridge.name.as_str().into(),
            state.into(),
            or_dash(bridge.uplinks.join(" ").into()),
            bridge.vifs.len().to_string().into(),
            or_dash(bridge.addresses.join(" ").into()),
        ]
    });
    table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

/// One line for each network of whose guests something holds as a whole.
fn networks(networks: &[Network]) -> String {
    let head = ["NETWORK", "GUARD", "DROPPED", "HOLDS"].map(Cow::Borrowed);
    let rows = networks.iter().map(|network| {
        let state = if network.in_force { "in force" } else { "NOT IN FORCE" };
        let dropped: Vec<String> =
            network.dropped.iter().map(|(reason, packets)| format!("{reason} {packets}")).collect();
        [
            network.name.as_str().into(),
            state.into(),
            or_dash(dropped.join(", ").into()),
            network.policy.as_str().into(),
        ]
    });
    table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

fn vifs(inventory: &Inventory) -> String {
    let head = ["DOMAIN", "ID", "VIF", "DEVICE", "BRIDGE", "MAC", "ADDRESSES", "GUARD", "DROPPED"];
    let mut rows = vec![head.map(Cow::Borrowed)];
    for domain in &inventory.domains {
        for vif in &domain.vifs {
            rows.push([
                domain.title(),
                domain.domid.to_string().into(),
                number(vif.devid.into()),
                or_dash(vif.device.as_deref().unwrap_or_default().into()),
                or_dash(vif.bridge.as_deref().unwrap_or_default().into()),
                or_dash(vif.mac.as_deref().unwrap_or_default().into()),
                match &vif.ip[..] {
                    [] => "any".into(),
                    [one] => one.as_str().into(),
                    several => several.join(" ").into(),
                },
                guard_word(vif).into(),
                number(vif.guard.total_dropped()),
            ]);
        }
    }
    let mut text = table(&rows);
    for domain in &inventory.domains {
        for vif in &domain.vifs {
            if let Some(error) = &vif.hotplug_error {
                let _ = writeln!(text, "\n{}, vif {}: {error}", domain.title(), vif.devid);
            }
        }
    }
    text
}

fn guard_word(vif: &Vif) -> &str {
    match (vif.guard.in_force, &vif.device) {
        (true, _) => vif.guard.mode.as_deref().unwrap_or("unknown"),
        (false, Some(_)) => "NONE",
        (false, None) => "-",
    }
}

/// Of thousands nearly all are 0.
fn number(number: u64) -> Cow<'static, str> {
    if number == 0 { "0".into() } else { number.to_string().into() }
}

fn or_dash(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.is_empty() { "-".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Domain, Guard};

    #[test]
    fn columns_stand_under_one_another() {
        let rows = [["a", "b", ""], ["long", "é", ""], ["", "", "c"]].map(|row| row.map(Cow::Borrowed));
        assert_eq!(table(&rows), "a     b\nlong  é\n         c\n");
    }

    #[test]
    fn a_vif_without_its_guard_stands_out() {
        let vif = |in_force| Vif {
            device: Some("vif1.0".into()),
            ip: vec!["10.0.0.1".into()],
            guard: Guard { in_force, mode: Some("locked".into()), ..Guard::default() },
            ..Vif::default()
        };
        assert_eq!((guard_word(&vif(true)), guard_word(&vif(false))), ("locked", "NONE"));
        let inventory = Inventory {
            domains: vec![Domain { domid: 1, name: Some("web".into()), uuid: None, vifs: vec![vif(false)] }],
            ..Inventory::default()
        };
        assert!(listing(&inventory).contains("NONE"));
    }

    #[test]
    fn what_is_not_asked_for_is_not_shown() {
        let mut vif = Vif {
            devid: 3,
            device: Some("vif1.3".into()),
            mac: Some("00:16:3e:00:00:01".into()),
            ip: vec!["10.0.0.1".into(), "10.0.0.2".into()],
            bridge: Some("xenbr0".into()),
            wanted_bridge: Some("xenbr1".into()),
            state: Some("closing"),
            hotplug_status: Some("error".into()),
            hotplug_error: Some("no such bridge".into()),
            ..Vif::default()
        };
        let shown = |vif: &Vif, uuid: Option<&str>| {
            let vifs = vec![vif.clone()];
            let domain = Domain { domid: 1, name: Some("web".into()), uuid: uuid.map(Into::into), vifs };
            let bridge = Bridge { name: "xenbr0".into(), ..Bridge::default() };
            let inventory =
                Inventory { domains: vec![domain], bridges: vec![bridge], ..Inventory::default() };
            (listing(&inventory), super::super::drawing(&inventory))
        };
        let all = shown(&vif, Some("c0ffee"));
        (vif.wanted_bridge, vif.state) = (None, None);
        assert_eq!(shown(&vif, None), all);
        assert!(
            all.0.contains("10.0.0.1 10.0.0.2") && all.0.contains("web, vif 3: no such bridge"),
            "{all:?}"
        );
    }
}
