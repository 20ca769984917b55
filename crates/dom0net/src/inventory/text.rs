//! The inventory as a table for people.

use std::fmt::Write;

use super::model::{Bridge, Inventory, Network, Vif};

/// Rows with their columns under one another.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
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
    let head = ["BRIDGE", "STATE", "UPLINK", "GUESTS", "ADDRESSES"].map(Into::into).to_vec();
    let rows = bridges.iter().map(|bridge| {
        let state = match (bridge.up, bridge.ours) {
            (true, true) => "up",
            (false, true) => "down",
            (true, false) => "up, not ours",
            (false, false) => "down, not ours",
        };
        vec![
            bridge.name.clone(),
            state.into(),
            or_dash(&bridge.uplinks.join(" ")),
            bridge.vifs.len().to_string(),
            or_dash(&bridge.addresses.join(" ")),
        ]
    });
    table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

/// One line for each network of whose guests something holds as a whole.
fn networks(networks: &[Network]) -> String {
    let head = ["NETWORK", "GUARD", "DROPPED", "HOLDS"].map(Into::into).to_vec();
    let rows = networks.iter().map(|network| {
        let state = if network.in_force { "in force" } else { "NOT IN FORCE" };
        let dropped: Vec<String> =
            network.dropped.iter().map(|(reason, packets)| format!("{reason} {packets}")).collect();
        vec![network.name.clone(), state.into(), or_dash(&dropped.join(", ")), network.policy.clone()]
    });
    table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

fn vifs(inventory: &Inventory) -> String {
    let head = ["DOMAIN", "ID", "VIF", "DEVICE", "BRIDGE", "MAC", "ADDRESSES", "GUARD", "DROPPED"];
    let mut rows = vec![head.map(String::from).to_vec()];
    for domain in &inventory.domains {
        for vif in &domain.vifs {
            rows.push(vec![
                domain.title(),
                domain.domid.to_string(),
                vif.devid.to_string(),
                or_dash(vif.device.as_deref().unwrap_or_default()),
                or_dash(vif.bridge.as_deref().unwrap_or_default()),
                or_dash(vif.mac.as_deref().unwrap_or_default()),
                if vif.ip.is_empty() { "any".into() } else { vif.ip.join(" ") },
                guard_word(vif).into(),
                vif.guard.total_dropped().to_string(),
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

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Domain, Guard};

    #[test]
    fn columns_stand_under_one_another() {
        let rows = [vec!["a".to_string(), "b".into()], vec!["long".into(), "é".into()]];
        assert_eq!(table(&rows), "a     b\nlong  é\n");
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
}
