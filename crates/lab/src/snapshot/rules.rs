//! Routing policy rules in a snapshot.

use netkernel::netlink::Error;
use netkernel::rule::Rule;
use netkernel::{Family, Rtnetlink};

use super::{Snapshot, hex};

/// `FRA_PRIORITY`: the order of the rules, which is told in words.
const PRIORITY: u16 = 6;

/// Adds the rules of both families.
pub(super) fn add(snapshot: &mut Snapshot, kernel: &mut Rtnetlink) -> Result<(), Error> {
    for rule in kernel.rules()? {
        let family = if rule.family == Family::Inet { "IPv4" } else { "IPv6" };
        snapshot.add(format!("rule {family} {}", rule.priority()), describe(&rule));
    }
    Ok(())
}

/// All that a rule says, as it is.
fn describe(rule: &Rule) -> String {
    let mut state = vec![format!(
        "from /{} to /{}, type of service {}, action {}, flags {:#x}",
        rule.source_length, rule.destination_length, rule.tos, rule.action, rule.flags
    )];
    let others = rule.attributes.iter().filter(|(kind, _)| *kind != PRIORITY);
    state.extend(others.map(|(kind, payload)| format!("attribute {kind} {}", hex(payload))));
    state.join(", ")
}
