//! That the host passes packets on at all: needed by several networks, and put back when the last has gone.

use std::collections::BTreeSet;
use std::path::PathBuf;

use netkernel::Family;
use netkernel::link::LinkName;
use netkernel::sysctl::{Sysctl, SysctlError};
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::keep;
use crate::places::Places;
use crate::plan::{self, Change, Kernel, Plan};

/// Who needs it, and what was done for them.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Held {
    users: BTreeSet<String>,
    plan: Plan,
}

fn path(places: &Places) -> PathBuf {
    places.runtime.join("forwarding.json")
}

/// Makes the host forward, for this user. Asking twice is as good as once.
pub(super) fn hold(places: &Places, user: &str, kernel: &mut Kernel) -> Result<(), Error> {
    let mut held: Held = keep::read(&path(places))?.unwrap_or_default();
    if held.users.is_empty() {
        held.plan = plan(kernel)?;
    }
    held.users.insert(user.to_owned());
    // Written first: what was there before is known then, even if this is as far as it comes.
    keep::write(&path(places), &held)?;
    held.plan.apply(kernel)?;
    Ok(())
}

/// This user needs it no more. With the last one, the host is what it was before the first.
pub(super) fn release(places: &Places, user: &str, kernel: &mut Kernel) -> Result<Vec<plan::Error>, Error> {
    let Some(mut held) = keep::read::<Held>(&path(places))? else { return Ok(Vec::new()) };
    held.users.remove(user);
    if !held.users.is_empty() {
        keep::write(&path(places), &held)?;
        return Ok(Vec::new());
    }
    let left = put_back(&held.plan, kernel);
    keep::remove(&path(places))?;
    Ok(left)
}

/// What makes the host forward both families, as far as it does not.
///
/// The kernel's two switches change other settings along with themselves. Those are part of the plan with the value that
/// they have, so that its way back ends with them as they were.
pub fn plan(kernel: &mut Kernel) -> Result<Plan, Error> {
    let mut plan = Plan::new();
    let links: Vec<LinkName> =
        kernel.route.links()?.into_iter().filter_map(|link| LinkName::new(link.name).ok()).collect();
    let switch = Sysctl::of_host(Family::Inet, "ip_forward");
    if switch.read()?.as_deref() == Some("0") {
        keep_as_it_is(&mut plan, Sysctl::of_host(Family::Inet, "conf/all/accept_redirects"))?;
        keep_where_forwarding(&mut plan, Family::Inet, &links)?;
        plan.push(Change::Sysctl { setting: switch, to: "1".into(), from: "0".into() });
    }
    let switch = Sysctl::of_host(Family::Inet6, "conf/all/forwarding");
    if switch.read()?.as_deref() == Some("0") {
        // A host that forwards takes no router advertisements any more, and forgets those that it took, unless it is
        // told to go on.
        for link in &links {
            push_setting(&mut plan, Sysctl::of_link(Family::Inet6, link, "accept_ra"), "2", |now| {
                now == "1"
            })?;
        }
        keep_where_forwarding(&mut plan, Family::Inet6, &links)?;
        plan.push(Change::Sysctl { setting: switch, to: "1".into(), from: "0".into() });
    }
    Ok(plan)
}

fn keep_where_forwarding(plan: &mut Plan, family: Family, links: &[LinkName]) -> Result<(), SysctlError> {
    let settings = links.iter().map(|link| Sysctl::of_link(family, link, "forwarding"));
    for setting in settings.chain([Sysctl::default_of_links(family, "forwarding")]) {
        if setting.read()?.as_deref() == Some("1") {
            keep_as_it_is(plan, setting)?;
        }
    }
    Ok(())
}

fn keep_as_it_is(plan: &mut Plan, setting: Sysctl) -> Result<(), SysctlError> {
    if let Some(value) = setting.read()? {
        plan.push(Change::Sysctl { setting, to: value.clone(), from: value });
    }
    Ok(())
}

/// Adds a setting to a plan, if this kernel has it and its value is one that shall change.
pub(crate) fn push_setting(
    plan: &mut Plan,
    setting: Sysctl,
    to: &str,
    shall_change: impl Fn(&str) -> bool,
) -> Result<(), SysctlError> {
    if let Some(from) = setting.read()?.filter(|now| now != to && shall_change(now)) {
        plan.push(Change::Sysctl { setting, to: to.into(), from });
    }
    Ok(())
}

/// Undoes settings, but for those that somebody else has changed since, and those of devices that have gone.
pub(super) fn put_back(plan: &Plan, kernel: &mut Kernel) -> Vec<plan::Error> {
    let ours = |change: &&Change| match change {
        Change::Sysctl { setting, to, .. } => setting.read().ok().flatten().as_ref() == Some(to),
        _ => true,
    };
    Plan { changes: plan.changes.iter().filter(ours).cloned().collect() }.undo(kernel)
}
