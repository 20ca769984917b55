//! Routing policy rules in a snapshot (`RTM_GETRULE`, `linux/fib_rules.h`).

use netkernel::Family;
use netkernel::netlink::{Attributes, Cause, Error, Message, Protocol, Socket};

use super::Snapshot;

const GET_RULE: u16 = 34;
/// `FRA_PRIORITY`: the order of the rules.
const PRIORITY: u16 = 6;
/// Bytes of a `struct fib_rule_hdr`.
const HEADER: usize = 12;

/// Adds the rules of both families. Must be called at the station.
pub(super) fn add(snapshot: &mut Snapshot) -> Result<(), Error> {
    let failed = |cause: Cause| Error::new("list the routing policy rules", cause);
    let mut socket = Socket::open(Protocol::Route).map_err(failed)?;
    for family in [Family::Inet, Family::Inet6] {
        let mut header = [0; HEADER];
        header[0] = family as u8;
        let mut message = Message::new(GET_RULE, 0);
        message.header(&header);
        let rules: Vec<(String, String)> = socket
            .dump(&message, Vec::new, |rules, reply| rules.extend(describe(reply.payload)))
            .map_err(failed)?;
        for (subject, state) in rules {
            snapshot.add(subject, state);
        }
    }
    Ok(())
}

/// The rule's family and priority, and all else as it is.
fn describe(payload: &[u8]) -> Option<(String, String)> {
    let header = payload.first_chunk::<HEADER>()?;
    let attributes = Attributes::new(payload.get(HEADER..)?);
    let priority = attributes.clone().find(PRIORITY).and_then(netkernel::netlink::u32_of).unwrap_or(0);
    let family = if header[0] == Family::Inet as u8 { "IPv4" } else { "IPv6" };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let mut state = vec![hex(header)];
    let others = attributes.filter(|(kind, _)| *kind != PRIORITY);
    state.extend(others.map(|(kind, payload)| format!("{kind}={}", hex(payload))));
    Some((format!("rule {family} {priority}"), state.join(" ")))
}
