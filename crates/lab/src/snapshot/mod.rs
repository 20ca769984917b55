//! What a station looks like, to be compared with what it looked like before.
//!
//! A snapshot holds what somebody has configured: links, addresses, routes, rules, lasting neighbours, kernel
//! settings, packet filter. Numbers of devices, counters and what the kernel learns by itself are left out, so
//! that two snapshots are equal when nothing has been changed.

mod filter;
mod links;
mod rules;

use std::collections::BTreeMap;
use std::fmt;

use netkernel::link::{Link, LinkName};
use netkernel::neighbour::neighbour_state;
use netkernel::route::Route;
use netkernel::sysctl::Sysctl;
use netkernel::{Family, Rtnetlink};

use crate::{Error, Station};

/// Kernel settings of the host that scripts change.
const HOST_SETTINGS: [(Family, &str); 6] = [
    (Family::Inet, "ip_forward"),
    (Family::Inet, "conf/all/proxy_arp"),
    (Family::Inet, "conf/all/rp_filter"),
    (Family::Inet6, "conf/all/forwarding"),
    (Family::Bridge, "bridge-nf-call-iptables"),
    (Family::Bridge, "bridge-nf-call-arptables"),
];

/// The same of each device.
const LINK_SETTINGS: [(Family, &str); 7] = [
    (Family::Inet, "proxy_arp"),
    (Family::Inet, "rp_filter"),
    (Family::Inet, "forwarding"),
    (Family::Inet, "send_redirects"),
    (Family::Inet6, "disable_ipv6"),
    (Family::Inet6, "accept_ra"),
    (Family::Inet6, "proxy_ndp"),
];

/// Everything that is configured at a station: what there is, and how it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    entries: BTreeMap<String, String>,
}

/// What is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It was not there.
    New(String, String),
    /// It is no longer there.
    Gone(String, String),
    /// It is otherwise than it was.
    Changed {
        /// What.
        subject: String,
        /// How it was.
        before: String,
        /// How it is.
        after: String,
    },
}

impl Snapshot {
    /// What is not as in `before`, in the order of the subjects.
    #[must_use]
    pub fn since(&self, before: &Self) -> Vec<Difference> {
        let mut subjects: Vec<&String> = self.entries.keys().chain(before.entries.keys()).collect();
        subjects.sort_unstable();
        subjects.dedup();
        subjects
            .into_iter()
            .filter_map(|subject| match (before.entries.get(subject), self.entries.get(subject)) {
                (None, Some(now)) => Some(Difference::New(subject.clone(), now.clone())),
                (Some(then), None) => Some(Difference::Gone(subject.clone(), then.clone())),
                (Some(then), Some(now)) if then != now => Some(Difference::Changed {
                    subject: subject.clone(),
                    before: then.clone(),
                    after: now.clone(),
                }),
                _ => None,
            })
            .collect()
    }

    /// What there is whose description begins so: "link", "address eth0", "table netdev".
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let matching = self.entries.iter().filter(move |(subject, _)| {
            subject.strip_prefix(kind).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        });
        matching.map(|(subject, state)| (subject.as_str(), state.as_str()))
    }

    fn add(&mut self, subject: String, state: String) {
        let mut subject = subject;
        // Two of the same are two, all the same.
        while self.entries.contains_key(&subject) {
            subject.push_str(" (again)");
        }
        self.entries.insert(subject, state);
    }
}

/// One line for each thing.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (subject, state) in &self.entries {
            let separator = if state.is_empty() { "" } else { ": " };
            writeln!(f, "{subject}{separator}{state}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = |state: &str| if state.is_empty() { String::new() } else { format!(" ({state})") };
        match self {
            Self::New(subject, now) => write!(f, "{subject} is new{}", state(now)),
            Self::Gone(subject, then) => write!(f, "{subject} is gone{}", state(then)),
            Self::Changed { subject, before, after } => {
                write!(f, "{subject} was ({before}) and is ({after})")
            }
        }
    }
}

impl Station {
    /// What is configured at this station now.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        let failed = self.kernel_error();
        let mut snapshot = Snapshot::default();
        let mut kernel = self.kernel()?;
        let links = kernel.links().map_err(&failed)?;
        links::add(&mut snapshot, &links);
        add_addresses(&mut snapshot, &mut kernel, &links).map_err(&failed)?;
        add_routes(&mut snapshot, &mut kernel, &links).map_err(&failed)?;
        add_neighbours(&mut snapshot, &mut kernel, &links).map_err(&failed)?;
        rules::add(&mut snapshot, &mut kernel).map_err(&failed)?;
        self.run(|| filter::add(&mut snapshot))?.map_err(&failed)?;
        self.run(|| add_settings(&mut snapshot, &links))?
            .map_err(|source| Error::Setting { station: self.name().to_owned(), source })?;
        Ok(snapshot)
    }
}

/// The device's name, which means more than its number.
fn name_of(links: &[Link], index: u32) -> String {
    links
        .iter()
        .find(|link| link.index == index)
        .map_or_else(|| format!("number {index}"), |link| link.name.clone())
}

fn add_addresses(
    snapshot: &mut Snapshot,
    kernel: &mut Rtnetlink,
    links: &[Link],
) -> Result<(), netkernel::netlink::Error> {
    use netkernel::address::address_flags::{DADFAILED, TENTATIVE};
    for address in kernel.addresses(None)? {
        let mut state = vec![format!("scope {}", address.scope)];
        // Whether it has been taken into use changes by itself.
        state.push(format!("flags {:#x}", address.flags & !(TENTATIVE | DADFAILED)));
        state.extend(address.broadcast.map(|broadcast| format!("broadcast {broadcast}")));
        state.extend(address.label.as_ref().map(|label| format!("label {label}")));
        state.extend(address.metric.map(|metric| format!("metric {metric}")));
        state.extend(address.lifetime.map(|_| "for a time".to_owned()));
        let subject = format!("address {} {address}", name_of(links, address.link));
        snapshot.add(subject, state.join(", "));
    }
    Ok(())
}

fn add_routes(
    snapshot: &mut Snapshot,
    kernel: &mut Rtnetlink,
    links: &[Link],
) -> Result<(), netkernel::netlink::Error> {
    for family in [Family::Inet, Family::Inet6] {
        for route in kernel.routes(family, None)? {
            let (subject, state) = describe_route(&route, links);
            snapshot.add(subject, state);
        }
    }
    Ok(())
}

/// `RTA_OIF`, `RTA_GATEWAY`, `RTA_PRIORITY`, `RTA_DST`, `RTA_TABLE`, `RTA_MULTIPATH`, `RTA_CACHEINFO`: told in
/// words, or not at all.
const TOLD: [u16; 7] = [1, 4, 5, 6, 9, 12, 15];

fn describe_route(route: &Route, links: &[Link]) -> (String, String) {
    let device = route.link().map(|link| format!(" dev {}", name_of(links, link))).unwrap_or_default();
    let mut state = vec![format!("protocol {}, scope {}, kind {}", route.protocol, route.scope, route.kind)];
    for hop in route.next_hops() {
        state.push(format!("by way of {}", name_of(links, hop.link)));
    }
    // All that nothing here knows the name of is compared as it is.
    for (kind, payload) in route.attributes.iter().filter(|(kind, _)| !TOLD.contains(kind)) {
        state.push(format!("attribute {kind} {}", hex(payload)));
    }
    (format!("route {route}{device}"), state.join(", "))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn add_neighbours(
    snapshot: &mut Snapshot,
    kernel: &mut Rtnetlink,
    links: &[Link],
) -> Result<(), netkernel::netlink::Error> {
    for link in links {
        for neighbour in kernel.neighbours(link.index)? {
            if neighbour.state & neighbour_state::PERMANENT != 0 {
                let mac = neighbour.mac.map(|mac| mac.to_string()).unwrap_or_default();
                snapshot.add(format!("neighbour {} {}", link.name, neighbour.address), mac);
            }
        }
    }
    Ok(())
}

fn add_settings(snapshot: &mut Snapshot, links: &[Link]) -> Result<(), netkernel::sysctl::SysctlError> {
    let mut settings: Vec<Sysctl> =
        HOST_SETTINGS.iter().map(|(family, key)| Sysctl::of_host(*family, key)).collect();
    for link in links {
        if let Ok(name) = LinkName::new(link.name.as_str()) {
            settings.extend(LINK_SETTINGS.iter().map(|(family, key)| Sysctl::of_link(*family, &name, key)));
        }
    }
    for setting in settings {
        if let Some(value) = setting.read()? {
            snapshot.add(format!("setting {setting}"), value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(entries: &[(&str, &str)]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (subject, state) in entries {
            snapshot.add((*subject).to_owned(), (*state).to_owned());
        }
        snapshot
    }

    #[test]
    fn differences_are_told_in_words() {
        let before = snapshot(&[("link eth0", "mtu 1500"), ("link vif1.0", ""), ("rule 0", "x")]);
        let after = snapshot(&[("link eth0", "mtu 9000"), ("rule 0", "x"), ("table netdev guard", "")]);
        let told: Vec<String> = after.since(&before).iter().map(Difference::to_string).collect();
        assert_eq!(
            told,
            [
                "link eth0 was (mtu 1500) and is (mtu 9000)",
                "link vif1.0 is gone",
                "table netdev guard is new"
            ]
        );
        assert_eq!(after.since(&after), []);
    }

    #[test]
    fn two_of_the_same_are_not_one() {
        let one = snapshot(&[("rule a", "")]);
        let two = snapshot(&[("rule a", ""), ("rule a", "")]);
        assert_eq!(two.since(&one).len(), 1);
    }

    #[test]
    fn kinds_are_told_by_whole_words() {
        let all = snapshot(&[("link eth0", "up"), ("linkage", ""), ("link eth1", "down")]);
        let links: Vec<_> = all.of("link").collect();
        assert_eq!(links, [("link eth0", "up"), ("link eth1", "down")]);
    }
}
