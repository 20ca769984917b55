//! What the toolstack writes, as values: the nodes of domains and interfaces, in order.
//!
//! Follows `libxl__device_generic_add`, `libxl__set_xenstore_nic` and `libxl__domain_make`, and for xend
//! `DevController.createDevice`.

use ethernet::MacAddress;
use xenconf::vif::{Effective, Toolstack as Dialect};
use xenstore::{Access, Batch, Error as StoreError, Permissions, Requests};

use super::config::MachineKind;
use crate::xenbus::{VifId, XenbusState};

/// One thing to be done in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// Remove a node and all below it.
    Remove(String),
    /// Set a node's value.
    Value(String, String),
    /// Set who may do what with a node.
    Permissions(String, Permissions),
}

/// Carries out all of it in one round trip.
pub(super) fn write(store: &mut impl Requests, writes: &[Write]) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    for write in writes {
        match write {
            Write::Remove(path) => {
                batch.remove(path)?;
            }
            Write::Value(path, value) => {
                batch.write(path, value)?;
            }
            Write::Permissions(path, permissions) => {
                batch.set_permissions(path, permissions)?;
            }
        }
    }
    store.run(batch)?.check()
}

/// What an interface comes to once all is known.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) dialect: Dialect,
    pub(super) effective: Effective,
    pub(super) mac: MacAddress,
    /// The value of the `script` node.
    pub(super) script: String,
    /// The domain's name.
    pub(super) domain: String,
    /// See [`VifConfig::nodes`](super::VifConfig::nodes).
    pub(super) overrides: Vec<(String, Option<String>)>,
}

fn folder(path: &str, owner: u32, reader: u32) -> [Write; 2] {
    let permissions = Permissions::owned_by(owner, Access::None).with(reader, Access::Read);
    [Write::Value(path.to_owned(), String::new()), Write::Permissions(path.to_owned(), permissions)]
}

/// The nodes of an interface.
pub(super) fn of_vif(id: VifId, settings: &Settings) -> Vec<Write> {
    let (backend, frontend, copy) = (id.backend_path(), id.frontend_path(), id.libxl_path());
    let is_xl = settings.dialect == Dialect::Xl;
    let backend_nodes = backend_nodes(id, settings);
    let mut writes = Vec::new();
    let value =
        |folder: &str, name: &str, value: &str| Write::Value(format!("{folder}/{name}"), value.to_owned());
    if is_xl {
        writes.push(Write::Remove(copy.clone()));
        writes.push(value(&copy, "frontend", &frontend));
        writes.push(value(&copy, "backend", &backend));
    }
    writes.push(Write::Remove(frontend.clone()));
    writes.extend(folder(&frontend, id.domid, id.backend));
    writes.push(value(&frontend, "backend", &backend));
    let own = Permissions::owned_by(id.domid, Access::None).with(id.backend, Access::Read);
    // The guest may read these, not write.
    let read_only = Permissions::owned_by(id.backend, Access::None).with(id.domid, Access::Read);
    let initialising = XenbusState::Initialising.value();
    let front = [("backend-id".to_owned(), id.backend.to_string()), ("state".to_owned(), initialising)];
    for (name, text) in front.into_iter().chain(settings.effective.frontend_nodes(settings.mac)) {
        let permissions = if name == "mtu" { &read_only } else { &own };
        writes.push(value(&frontend, &name, &text));
        writes.push(Write::Permissions(format!("{frontend}/{name}"), permissions.clone()));
    }
    writes.push(Write::Remove(backend.clone()));
    writes.extend(folder(&backend, id.backend, id.domid));
    writes.push(value(&backend, "frontend", &frontend));
    writes.extend(backend_nodes.iter().map(|(name, text)| value(&backend, name, text)));
    if is_xl {
        // Never updated again: so that nothing that a backend writes has to be believed later.
        writes.extend(backend_nodes.iter().map(|(name, text)| value(&copy, name, text)));
    }
    writes
}

fn backend_nodes(id: VifId, settings: &Settings) -> Vec<(String, String)> {
    let own = |name: &str, value: String| (name.to_owned(), value);
    let mut nodes = vec![
        own("frontend-id", id.domid.to_string()),
        own("online", "1".to_owned()),
        own("state", XenbusState::Initialising.value()),
    ];
    nodes.extend(settings.effective.backend_nodes(settings.mac));
    if settings.dialect == Dialect::Xm {
        nodes.push(own("domain", settings.domain.clone()));
    }
    let script = (own("script", settings.script.clone()).0, Some(settings.script.clone()));
    for (name, value) in std::iter::once(script).chain(settings.overrides.iter().cloned()) {
        let place = nodes.iter().position(|(this, _)| *this == name);
        match (place, value) {
            (Some(place), Some(value)) => nodes[place].1 = value,
            (Some(place), None) => {
                nodes.remove(place);
            }
            (None, Some(value)) => nodes.push((name, value)),
            (None, None) => {}
        }
    }
    nodes
}

/// The nodes of a domain that has no devices yet.
pub(super) fn of_domain(domid: u32, name: &str, uuid: &str, kind: MachineKind) -> Vec<Write> {
    let (domain, machine, own) =
        (format!("/local/domain/{domid}"), format!("/vm/{uuid}"), format!("/libxl/{domid}"));
    let readable = Permissions::owned_by(0, Access::None).with(domid, Access::Read);
    let writable = Permissions::owned_by(domid, Access::None);
    let private = Permissions::owned_by(0, Access::None);
    let mut writes = Vec::new();
    let mut node = |path: String, permissions: &Permissions| {
        writes.push(Write::Value(path.clone(), String::new()));
        writes.push(Write::Permissions(path, permissions.clone()));
    };
    for path in [&domain, &machine] {
        node(path.clone(), &readable);
    }
    for path in [own.clone(), format!("{own}/device")] {
        node(path, &private);
    }
    for name in ["cpu", "memory", "device", "control"] {
        node(format!("{domain}/{name}"), &readable);
    }
    for name in [
        "control/shutdown",
        "control/feature-poweroff",
        "control/feature-reboot",
        "control/feature-suspend",
        "control/sysrq",
        "device/suspend/event-channel",
        "data",
        "drivers",
        "feature",
        "attr",
        "error",
    ] {
        node(format!("{domain}/{name}"), &writable);
    }
    let kind = match kind {
        MachineKind::Pv => "pv",
        MachineKind::Pvh => "pvh",
        MachineKind::Hvm => "hvm",
    };
    let values = [
        (format!("{domain}/vm"), machine.as_str()),
        (format!("{domain}/name"), name),
        (format!("{domain}/domid"), &domid.to_string()),
        (format!("{machine}/uuid"), uuid),
        (format!("{machine}/name"), name),
        (format!("{own}/type"), kind),
    ];
    writes.extend(values.into_iter().map(|(path, value)| Write::Value(path, value.to_owned())));
    writes
}

/// Removes a node, and those above it that are left with neither value nor children (`libxl__xs_path_cleanup`).
pub(super) fn clean_up(store: &mut impl Requests, path: &str) -> Result<(), StoreError> {
    store.remove(path)?;
    let mut path = path;
    while let Some((parent, _)) = path.rsplit_once('/').filter(|(parent, _)| !parent.is_empty()) {
        let is_empty = store.read(parent)?.is_some_and(|value| value.is_empty());
        if !is_empty || store.directory(parent)?.is_none_or(|children| !children.is_empty()) {
            break;
        }
        store.remove(parent)?;
        path = parent;
    }
    Ok(())
}
