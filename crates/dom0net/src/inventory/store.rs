//! Who is where, as xenstore knows it.

use std::borrow::Cow;
use std::fmt::{self, Write};

use xenstore::client::answer::Value;
use xenstore::{Batch, Client, ErrorCode, Replies, Requests, Ticket};

use super::model::{Domain, Vif};

/// The vifs whose backend is in this domain, relative to its own folder.
const BACKENDS: &str = "backend/vif";

/// Which nodes are read: of each domain, in its own folder, and of each vif.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nodes {
    domain: &'static [&'static str],
    vif: &'static [&'static str],
}

/// All that there is to know.
pub(super) const ALL: Nodes =
    Nodes { domain: &["name", "vm"], vif: &["mac", "ip", "bridge", "state", STATUS] };
/// What people are shown.
pub(super) const SHOWN: Nodes = Nodes { domain: &["name"], vif: &["mac", "ip", STATUS] };
/// That which tells whose vifs they are, and whether they stay.
pub(super) const OUTLINE: Nodes = Nodes { domain: &["name"], vif: &["state"] };

const STATUS: &str = "hotplug-status";
const CONNECTED: &str = "connected";
/// Read where something is wrong: of most vifs there is none.
const ERROR: &str = "hotplug-error";

/// The domains and their vifs, as xenstore knows them, with what these nodes say.
///
/// With thousands of guests it is the number of requests that takes the time: the lists are asked for, and each node that is
/// shown, and nothing else.
pub(super) fn domains(nodes: Nodes) -> Result<Vec<Domain>, xenstore::Error> {
    let mut store = Client::open()?;
    let domids = numbers(&children(&mut store, BACKENDS)?);
    let mut domains = folders(&mut store, &domids, nodes.domain)?;
    read_vifs(&mut store, &mut domains, nodes.vif)?;
    if nodes.vif.contains(&STATUS) {
        read_errors(&mut store, &mut domains)?;
    }
    Ok(domains)
}

/// The names of a node's children; none where there is no such node, or where it may not be read.
fn children(store: &mut Client, path: &str) -> Result<Vec<String>, xenstore::Error> {
    match store.directory(path) {
        Err(error) if error.code() == Some(ErrorCode::NotPermitted) => Ok(Vec::new()),
        names => Ok(names?.unwrap_or_default()),
    }
}

/// The numbers among these names, each once and in their order.
fn numbers<T: AsRef<str>>(names: &[T]) -> Vec<u32> {
    let mut numbers: Vec<u32> = names.iter().filter_map(|name| name.as_ref().parse().ok()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// The domains that have vifs: how they are called, and which numbers their vifs have.
fn folders(store: &mut Client, domids: &[u32], nodes: &[&str]) -> Result<Vec<Domain>, xenstore::Error> {
    let (mut batch, mut path) = (Batch::new(), Buffer::default());
    let mut lists = Vec::with_capacity(domids.len());
    let mut values = Vec::with_capacity(domids.len() * nodes.len());
    for domid in domids {
        lists.push((*domid, batch.directory(path.set(format_args!("{BACKENDS}/{domid}")))?));
        path.set(format_args!("/local/domain/{domid}/"));
        path.read_each(nodes, &mut batch, &mut values)?;
    }
    let replies = store.run(batch)?;
    let mut domains = Vec::with_capacity(lists.len());
    for ((domid, list), values) in lists.into_iter().zip(values.chunks(nodes.len())) {
        let devids = match replies.get(list) {
            Ok(names) => numbers(&names.unwrap_or_default()),
            Err(error) if error.code() == Some(ErrorCode::NotPermitted) => continue,
            Err(error) if error.code() == Some(ErrorCode::TooBig) => {
                numbers(&children(store, &format!("{BACKENDS}/{domid}"))?)
            }
            Err(error) => return Err(error),
        };
        if devids.is_empty() {
            continue;
        }
        let vifs = devids.into_iter().map(|devid| Vif { devid, ..Vif::default() }).collect();
        let mut domain = Domain { domid, vifs, ..Domain::default() };
        // A domain that is going may have lost its name.
        for (node, value) in said(&replies, nodes, values) {
            match node {
                "name" => domain.name = text(value),
                "vm" => domain.uuid = text(value).as_deref().and_then(uuid_in),
                _ => {}
            }
        }
        domains.push(domain);
    }
    Ok(domains)
}

/// The UUID in the path of what belongs to a domain whatever its number.
fn uuid_in(path: &str) -> Option<String> {
    path.strip_prefix("/vm/").map(Into::into)
}

/// A path that is written anew for each request.
#[derive(Default)]
struct Buffer(String);

impl Buffer {
    fn set(&mut self, path: fmt::Arguments<'_>) -> &str {
        self.0.clear();
        // Writing to a string cannot fail.
        let _ = self.0.write_fmt(path);
        &self.0
    }

    /// Asks for these nodes of the folder that it holds.
    fn read_each(
        &mut self,
        nodes: &[&str],
        batch: &mut Batch,
        tickets: &mut Vec<Ticket<Value>>,
    ) -> Result<(), xenstore::Error> {
        let folder = self.0.len();
        for node in nodes {
            self.0.truncate(folder);
            self.0.push_str(node);
            tickets.push(batch.read(&self.0)?);
        }
        Ok(())
    }
}

/// What those nodes say of which anything is known.
fn said<'a>(
    replies: &'a Replies,
    nodes: &'a [&str],
    tickets: &'a [Ticket<Value>],
) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    nodes.iter().zip(tickets).filter_map(|(node, ticket)| Some((*node, replies.get(*ticket).ok()??)))
}

/// Puts in what these nodes of the vifs say.
fn read_vifs(store: &mut Client, domains: &mut [Domain], nodes: &[&str]) -> Result<(), xenstore::Error> {
    let (mut batch, mut path) = (Batch::new(), Buffer::default());
    let mut values = Vec::with_capacity(domains.len() * nodes.len());
    for domain in domains.iter() {
        for vif in &domain.vifs {
            path.set(format_args!("{BACKENDS}/{}/{}/", domain.domid, vif.devid));
            path.read_each(nodes, &mut batch, &mut values)?;
        }
    }
    let replies = store.run(batch)?;
    let vifs = domains.iter_mut().flat_map(|domain| &mut domain.vifs);
    for (vif, values) in vifs.zip(values.chunks(nodes.len())) {
        for (node, value) in said(&replies, nodes, values) {
            take(vif, node, value);
        }
    }
    Ok(())
}

/// Puts in what one node of a vif says.
fn take(vif: &mut Vif, node: &str, value: &[u8]) {
    match node {
        "mac" => vif.mac = text(value),
        "ip" => {
            let words = visible(value);
            vif.ip = words.split([' ', ',']).filter(|word| !word.is_empty()).map(Into::into).collect();
        }
        "bridge" => vif.wanted_bridge = text(value),
        "state" => vif.state = state_word(value),
        // Nearly all have the same.
        STATUS if value == CONNECTED.as_bytes() => vif.hotplug_status = Some(CONNECTED.into()),
        STATUS => vif.hotplug_status = text(value).map(Into::into),
        ERROR => vif.hotplug_error = text(value),
        _ => {}
    }
}

/// Puts in why vifs failed.
fn read_errors(store: &mut Client, domains: &mut [Domain]) -> Result<(), xenstore::Error> {
    let (mut batch, mut path) = (Batch::new(), Buffer::default());
    let mut asked = Vec::new();
    for domain in domains {
        let domid = domain.domid;
        for vif in domain.vifs.iter_mut().filter(|vif| vif.hotplug_status.as_deref() != Some(CONNECTED)) {
            let path = path.set(format_args!("{BACKENDS}/{domid}/{}/{ERROR}", vif.devid));
            asked.push((batch.read(path)?, vif));
        }
    }
    let replies = store.run(batch)?;
    for (ticket, vif) in asked {
        if let Ok(Some(value)) = replies.get(ticket) {
            take(vif, ERROR, value);
        }
    }
    Ok(())
}

/// What a node says, if it says anything.
fn text(value: &[u8]) -> Option<String> {
    (!value.is_empty()).then(|| visible(value).into_owned())
}

/// What a value says, as one line without control characters: it may come from a guest.
fn visible(value: &[u8]) -> Cow<'_, str> {
    // Nearly all values are plain.
    let is_plain = value.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let text = String::from_utf8_lossy(value);
    if !is_plain && text.contains(char::is_control) {
        return text.replace(char::is_control, "\u{fffd}").into();
    }
    text
}

/// `enum xenbus_state`.
fn state_word(number: &[u8]) -> Option<&'static str> {
    Some(match number {
        b"1" => "initialising",
        b"2" => "waiting",
        b"3" => "initialised",
        b"4" => "connected",
        b"5" => "closing",
        b"6" => "closed",
        b"7" => "reconfiguring",
        b"8" => "reconfigured",
        _ => return None,
    })
}
