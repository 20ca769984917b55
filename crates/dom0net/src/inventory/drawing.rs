//! The inventory as a drawing: the host as a box, its bridges inside, its guests outside.

use std::fmt::Write;

use super::model::{Bridge, Domain, Inventory, Vif};

/// Draws who is where. The bridges stand in the host's box; a line through its left wall is a card's cable, one through
/// its right wall is a guest's interface.
#[must_use]
pub fn drawing(inventory: &Inventory) -> String {
    let rows: Vec<Row> = inventory.bridges.iter().flat_map(|bridge| rows_of(inventory, bridge)).collect();
    if rows.is_empty() {
        return "This host has no bridge.\n".into();
    }
    let left = width(&rows, |row| &row.cable);
    let middle = width(&rows, |row| &row.inside).max(TITLE.chars().count());
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{:left$} ┌─{TITLE:─<middle$}─┐", "");
    for row in &rows {
        let (wall_in, wall_out) = (wall(&row.cable), wall(&row.guest));
        let filling = if row.guest.is_empty() { ' ' } else { '─' };
        let blank = if row.cable.is_empty() { ' ' } else { '─' };
        let inside = pad(&row.inside, middle, filling);
        let line =
            format!("{:>left$}{blank}{wall_in}{blank}{inside}{filling}{wall_out}{}", row.cable, row.guest);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let _ = writeln!(text, "{:left$} └─{:─<middle$}─┘", "", "");
    text
}

const TITLE: &str = " host ";

/// A line of the drawing.
#[derive(Default)]
struct Row {
    /// What comes in from the left.
    cable: String,
    /// What is in the box.
    inside: String,
    /// What goes out on the right.
    guest: String,
}

fn rows_of(inventory: &Inventory, bridge: &Bridge) -> Vec<Row> {
    let (cable, uplink) = if bridge.uplinks.is_empty() {
        (String::new(), " ".into())
    } else {
        ("wire ─".into(), format!(" {} ── ", bridge.uplinks.join(" ")))
    };
    // Guests hang under the second letter of their bridge.
    let indent = uplink.chars().count() + 1;
    let mut words = vec![format!("{uplink}{}", bridge.name)];
    words.extend(bridge.addresses.iter().cloned());
    words.extend((!bridge.ours).then(|| "(not ours)".into()));
    let mut rows = vec![Row { cable, inside: words.join("  "), guest: String::new() }];
    for domain in &inventory.domains {
        let here = domain.vifs.iter().filter(|vif| vif.bridge.as_deref() == Some(&bridge.name));
        rows.extend(here.map(|vif| Row {
            inside: format!("{:indent$}├── {} ", "", vif.device.as_deref().unwrap_or("?")),
            guest: guest(domain, vif),
            ..Row::default()
        }));
    }
    if let Some(last) = rows.last_mut().filter(|last| !last.guest.is_empty()) {
        last.inside = last.inside.replacen('├', "└", 1);
    }
    rows
}

/// What stands outside of the box: the guest's interface, the guest, its addresses, and what is remarkable.
fn guest(domain: &Domain, vif: &Vif) -> String {
    let mut words = vec![format!("── eth{} {}", vif.devid, domain.title())];
    words.extend((!vif.ip.is_empty()).then(|| vif.ip.join(" ")));
    match (vif.guard.in_force, vif.guard.total_dropped()) {
        (false, _) => words.push("NOT GUARDED".into()),
        (true, 0) => {}
        (true, dropped) => words.push(format!("({dropped} dropped)")),
    }
    words.join("  ")
}

fn width(rows: &[Row], part: impl Fn(&Row) -> &String) -> usize {
    rows.iter().map(|row| part(row).chars().count()).max().unwrap_or(0)
}

/// A piece of the box's wall, with or without a line through it.
fn wall(through: &str) -> char {
    if through.is_empty() { '│' } else { '┼' }
}

fn pad(text: &str, width: usize, filling: char) -> String {
    let missing = width.saturating_sub(text.chars().count());
    text.chars().chain(std::iter::repeat_n(filling, missing)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Guard;

    #[test]
    fn guests_stand_outside_of_the_hosts_box() {
        let vif = |device: &str, ip: &str, dropped: u64| Vif {
            device: Some(device.into()),
            bridge: Some("xenbr0".into()),
            ip: vec![ip.into()],
            guard: Guard { in_force: true, dropped: [("mac", dropped)].into(), ..Guard::default() },
            ..Vif::default()
        };
        let domain =
            |domid, name: &str, vif| Domain { domid, name: Some(name.into()), uuid: None, vifs: vec![vif] };
        let inventory = Inventory {
            bridges: vec![
                Bridge {
                    name: "xenbr0".into(),
                    ours: true,
                    uplinks: vec!["eth0".into()],
                    addresses: vec!["10.0.0.250/24".into()],
                    ..Bridge::default()
                },
                Bridge { name: "virbr0".into(), ..Bridge::default() },
            ],
            domains: vec![
                domain(1, "rhel4", vif("vif1.0", "10.0.0.1", 0)),
                domain(2, "web", vif("web", "10.0.0.2", 7)),
            ],
            ..Inventory::default()
        };
        let expected = [
            "       ┌─ host ─────────────────────────┐",
            "wire ──┼─ eth0 ── xenbr0  10.0.0.250/24 │",
            "       │           ├── vif1.0 ──────────┼── eth0 rhel4  10.0.0.1",
            "       │           └── web ─────────────┼── eth0 web  10.0.0.2  (7 dropped)",
            "       │  virbr0  (not ours)            │",
            "       └────────────────────────────────┘",
        ];
        let text = drawing(&inventory);
        assert_eq!(text.lines().collect::<Vec<_>>(), expected, "\n{text}");
    }
}
