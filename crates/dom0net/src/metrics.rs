//! Counters of guests' interfaces and of their guards, as Prometheus reads them (text format 0.0.4).
//!
//! A series is named by what stays when a guest starts again under another number: the domain's name and UUID, the number of its
//! interface. Two domains that have all of that in common, as while a guest is moved within its host, are one series.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::guard::Reason;
use crate::inventory::{Domain, Guard, Inventory, Traffic, Vif};

/// A family of metrics.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    /// By labels, as they are written.
    samples: BTreeMap<String, u64>,
}

impl Family {
    fn new(name: &'static str, kind: &'static str, help: &'static str) -> Self {
        Self { name, kind, help, samples: BTreeMap::new() }
    }

    fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, "counter", help)
    }

    /// No series may be there twice: those with the same labels become one.
    fn add(&mut self, labels: String, value: u64) {
        let sum = self.samples.entry(labels).or_default();
        *sum = sum.saturating_add(value);
    }

    fn write(&self, text: &mut String) {
        let Self { name, kind, help, .. } = self;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in &self.samples {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    }
}

/// All metrics of the host, in the text format.
#[must_use]
pub fn text(inventory: &Inventory) -> String {
    let mut sent_bytes = Family::counter("dom0net_guest_sent_bytes_total", "Bytes that the guest sent.");
    let mut sent_packets =
        Family::counter("dom0net_guest_sent_packets_total", "Packets that the guest sent.");
    let mut received_bytes =
        Family::counter("dom0net_guest_received_bytes_total", "Bytes that the guest received.");
    let mut received_packets =
        Family::counter("dom0net_guest_received_packets_total", "Packets that the guest received.");
    let mut guarded = Family::new(
        "dom0net_guard_in_force",
        "gauge",
        "Whether a guard is in force on the interface: 1 or 0.",
    );
    let mut dropped = Family::counter(
        "dom0net_guard_dropped_frames_total",
        "Frames from the guest that its guard dropped, by reason.",
    );
    for domain in &inventory.domains {
        for vif in &domain.vifs {
            let mut add = |device: &str, traffic: &Traffic, guard: &Guard| {
                let labels = |more: &[(&str, &str)]| labels_of(domain, vif, device, more);
                sent_bytes.add(labels(&[]), traffic.sent_bytes);
                sent_packets.add(labels(&[]), traffic.sent_packets);
                received_bytes.add(labels(&[]), traffic.received_bytes);
                received_packets.add(labels(&[]), traffic.received_packets);
                let mode = guard.mode.as_deref().unwrap_or("none");
                guarded.add(labels(&[("mode", mode)]), u64::from(guard.in_force));
                // A series is there before its first frame, so that this one is seen to come.
                for reason in Reason::ALL.map(Reason::word).into_iter().filter(|_| guard.mode.is_some()) {
                    let frames = guard.dropped.get(reason).copied().unwrap_or_default();
                    dropped.add(labels(&[("reason", reason)]), frames);
                }
            };
            if let Some(traffic) = &vif.traffic {
                add("vif", traffic, &vif.guard);
            }
            if let Some(tap) = &vif.tap {
                add("tap", &tap.traffic, &tap.guard);
            }
        }
    }
    let mut network_guarded = Family::new(
        "dom0net_network_guard_in_force",
        "gauge",
        "Whether what should hold for all guests of a network is in force: 1 or 0.",
    );
    let mut network_dropped = Family::counter(
        "dom0net_network_dropped_packets_total",
        "Packets of a network's guests that were dropped for the host's sake or to isolate them, by reason.",
    );
    for network in &inventory.networks {
        let labels = |more: &[(&str, &str)]| labels(&[&[("network", &network.name[..])], more].concat());
        network_guarded.add(labels(&[]), u64::from(network.in_force));
        for (reason, packets) in &network.dropped {
            network_dropped.add(labels(&[("reason", reason)]), *packets);
        }
    }
    let mut text = String::new();
    let of_guests = [sent_bytes, sent_packets, received_bytes, received_packets, guarded, dropped];
    for family in of_guests.into_iter().chain([network_guarded, network_dropped]) {
        family.write(&mut text);
    }
    text
}

fn labels_of(domain: &Domain, vif: &Vif, device: &str, more: &[(&str, &str)]) -> String {
    let (title, devid) = (domain.title(), vif.devid.to_string());
    let own = [
        ("domain", &title[..]),
        ("uuid", domain.uuid.as_deref().unwrap_or_default()),
        ("devid", &devid),
        ("device", device),
        ("bridge", vif.bridge.as_deref().unwrap_or_default()),
    ];
    labels(&[&own, more].concat())
}

fn labels(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        text.push(if text.is_empty() { '{' } else { ',' });
        let _ = write!(text, "{name}=\"");
        escape(value, &mut text);
        text.push('"');
    }
    text.push('}');
    text
}

/// Values come from the store, and from there perhaps from a guest.
fn escape(value: &str, text: &mut String) {
    for char in value.chars() {
        match char {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            char => text.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(domid: u32, name: &str, traffic: u64) -> Domain {
        let traffic = Traffic { sent_bytes: traffic, ..Traffic::default() };
        let guard = Guard {
            in_force: true,
            mode: Some("locked".into()),
            place: String::new(),
            dropped: [("arp", 7)].into(),
        };
        let vif = Vif { guard, traffic: Some(traffic), bridge: Some("xenbr0".into()), ..Vif::default() };
        let uuid = Some("0b0b0b0b-0000-4000-8000-000000000001".into());
        Domain { domid, name: Some(name.into()), uuid, vifs: vec![vif] }
    }

    fn of(domains: Vec<Domain>) -> String {
        text(&Inventory { domains, ..Inventory::default() })
    }

    #[test]
    fn a_series_is_named_by_what_stays() {
        let text = of(vec![domain(7, "web", 5)]);
        let labels = "domain=\"web\",uuid=\"0b0b0b0b-0000-4000-8000-000000000001\",devid=\"0\",device=\"vif\",\
                      bridge=\"xenbr0\"";
        for line in [
            format!("dom0net_guest_sent_bytes_total{{{labels}}} 5\n"),
            format!("dom0net_guard_in_force{{{labels},mode=\"locked\"}} 1\n"),
            format!("dom0net_guard_dropped_frames_total{{{labels},reason=\"arp\"}} 7\n"),
            format!("dom0net_guard_dropped_frames_total{{{labels},reason=\"mac\"}} 0\n"),
        ] {
            assert!(text.contains(&line), "{line}{text}");
        }
        assert_eq!(text, of(vec![domain(8, "web", 5)]));
    }

    #[test]
    fn no_value_gets_out_of_its_quotes() {
        let text = of(vec![domain(1, "a\"} 1\nevil_total{x=\"\\", 0)]);
        assert!(text.contains(r#"domain="a\"} 1\nevil_total{x=\"\\","#), "{text}");
        assert!(text.lines().all(|line| line.starts_with("# ") || line.starts_with("dom0net_")), "{text}");
    }

    #[test]
    fn no_series_is_there_twice() {
        let text = of(vec![domain(1, "web", 5), domain(2, "web", 6)]);
        let sums: Vec<&str> =
            text.lines().filter(|line| line.starts_with("dom0net_guest_sent_bytes")).collect();
        assert!(sums.len() == 1 && sums[0].ends_with(" 11"), "{text}");
    }
}
