//! The requests: what each takes, checks and answers.

use std::borrow::Cow;
use std::sync::Arc;

use super::connection::Watch;
use super::core::{ConnectionId, Core};
use super::domains::Special;
use super::numbers::{atoi, strtol};
use crate::path::RELATIVE_MAX;
use crate::permissions::{Access, Permission, Permissions};
use crate::store::View;
use crate::store::node::{Need, Node};
use crate::wire::{ErrorCode, Header, MessageType, PAYLOAD_MAX, single_string, strings};

/// The answer to a request that was carried out.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) payload: Payload,
    /// An event for the asking connection, sent behind the reply.
    pub(super) event_after: Option<(String, Vec<u8>)>,
}

/// The payload of an answer. Values, which are most of them, are not copied.
#[derive(Debug)]
pub(super) enum Payload {
    Value(Arc<Node>),
    Bytes(Vec<u8>),
    Text(&'static str),
}

impl Answer {
    pub(super) const fn done() -> Self {
        Self::text("OK\0")
    }

    pub(super) const fn text(payload: &'static str) -> Self {
        Self { payload: Payload::Text(payload), event_after: None }
    }

    pub(super) fn bytes(payload: impl Into<Vec<u8>>) -> Self {
        Self { payload: Payload::Bytes(payload.into()), event_after: None }
    }

    const fn value(node: Arc<Node>) -> Self {
        Self { payload: Payload::Value(node), event_after: None }
    }
}

impl Payload {
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Value(node) => &node.value,
            Self::Bytes(bytes) => bytes,
            Self::Text(text) => text.as_bytes(),
        }
    }
}

pub(super) type Outcome = Result<Answer, ErrorCode>;

impl Core {
    /// Carries out a request.
    pub(super) fn answer(&mut self, id: ConnectionId, request: Header, payload: &[u8]) -> Outcome {
        use MessageType as Type;

        let message_type = Type::from_number(request.message_type)
            .filter(|message_type| !matches!(message_type, Type::WatchEvent | Type::Error))
            .ok_or(ErrorCode::NotSupported)?;
        if for_dom0_only(message_type) && !self.caller(id).is_privileged() {
            return Err(ErrorCode::NotPermitted);
        }
        let tx_id = request.tx_id;
        let ignores_transactions = matches!(message_type, Type::Watch | Type::Unwatch);
        if tx_id != 0 && !ignores_transactions && !self.has_transaction(id, tx_id) {
            return Err(ErrorCode::NotFound);
        }
        match message_type {
            Type::Control => self.control(payload),
            Type::Directory => {
                self.about_node(id, tx_id, payload, |view, path| Ok(Answer::bytes(view.read(path)?.list())))
            }
            Type::Read => {
                self.about_node(id, tx_id, payload, |view, path| view.read(path).map(Answer::value))
            }
            Type::GetPerms => self.about_node(id, tx_id, payload, |view, path| {
                Ok(Answer::bytes(view.read(path)?.permissions.listed.encode()))
            }),
            Type::Mkdir => {
                self.about_node(id, tx_id, payload, |view, path| view.mkdir(path).map(|()| Answer::done()))
            }
            Type::Rm => {
                self.about_node(id, tx_id, payload, |view, path| view.remove(path).map(|()| Answer::done()))
            }
            Type::Write => self.write(id, tx_id, payload),
            Type::SetPerms => self.set_permissions(id, tx_id, payload),
            Type::DirectoryPart => self.directory_part(id, tx_id, payload),
            Type::Watch => self.watch(id, payload),
            Type::Unwatch => self.unwatch(id, payload),
            Type::ResetWatches => self.reset_watches(id),
            Type::TransactionStart => self.transaction_start(id, tx_id),
            Type::TransactionEnd => self.transaction_end(id, tx_id, payload),
            Type::GetDomainPath => get_domain_path(payload),
            Type::IsDomainIntroduced => self.is_domain_introduced(payload),
            Type::Introduce => self.introduce(payload),
            Type::Release => self.release(payload),
            Type::Resume => self.guest_argument(payload).map(|_| Answer::done()),
            Type::SetTarget => self.set_target(payload),
            // Filtered out above: only a daemon sends them.
            Type::WatchEvent | Type::Error => Err(ErrorCode::NotSupported),
        }
    }

    fn has_transaction(&self, id: ConnectionId, tx_id: u32) -> bool {
        self.connections.get(&id).is_some_and(|connection| connection.transactions.contains_key(&tx_id))
    }

    fn absolute<'a>(&self, id: ConnectionId, path: &'a [u8]) -> Result<Cow<'a, str>, ErrorCode> {
        let path = str::from_utf8(path).map_err(|_| ErrorCode::Invalid)?;
        self.connections.get(&id).map(|connection| connection.absolute(path)).ok_or(ErrorCode::Invalid)
    }

    /// A request whose only argument is a path.
    fn about_node(
        &mut self,
        id: ConnectionId,
        tx_id: u32,
        payload: &[u8],
        operation: impl FnOnce(&mut View<'_>, &str) -> Outcome,
    ) -> Outcome {
        let path = self.absolute(id, single_string(payload).ok_or(ErrorCode::Invalid)?)?;
        self.with_view(id, tx_id, |view| operation(view, &path))
    }

    fn write(&mut self, id: ConnectionId, tx_id: u32, payload: &[u8]) -> Outcome {
        let end = payload.iter().position(|byte| *byte == 0).ok_or(ErrorCode::Invalid)?;
        let (path, value) = payload.split_at(end);
        let path = self.absolute(id, path)?;
        let value = value.strip_prefix(b"\0").unwrap_or_default();
        self.with_view(id, tx_id, |view| view.write(&path, value).map(|()| Answer::done()))
    }

    fn set_permissions(&mut self, id: ConnectionId, tx_id: u32, payload: &[u8]) -> Outcome {
        let mut arguments = strings(payload);
        let path = arguments.next().ok_or(ErrorCode::Invalid)?;
        let entries: Vec<&[u8]> = arguments.collect();
        let caller = self.caller(id);
        if entries.is_empty() {
            return Err(ErrorCode::Invalid);
        }
        if !caller.is_privileged() && entries.len() > self.store.quotas.permissions {
            return Err(ErrorCode::OverQuota);
        }
        let permissions = parse_permissions(&entries)?;
        if path.starts_with(b"@") {
            let special = str::from_utf8(path).ok().and_then(Special::from_name).ok_or(ErrorCode::Invalid)?;
            if !self.domains.special_permissions(special).allow(caller, Need::Own) {
                return Err(ErrorCode::NotPermitted);
            }
            self.domains.set_special_permissions(special, permissions);
            return Ok(Answer::done());
        }
        let path = self.absolute(id, path)?;
        self.with_view(id, tx_id, |view| view.set_permissions(&path, permissions).map(|()| Answer::done()))
    }

    fn directory_part(&mut self, id: ConnectionId, tx_id: u32, payload: &[u8]) -> Outcome {
        let arguments: Vec<&[u8]> = strings(payload).collect();
        let [path, offset] = arguments[..] else { return Err(ErrorCode::Invalid) };
        let path = self.absolute(id, path)?;
        // A negative offset is a large one, and so behind the end.
        let offset = atoi(offset).cast_unsigned() as usize;
        let node = self.with_view(id, tx_id, |view| view.read(&path))?;
        Ok(Answer::bytes(part_of_list(node.generation, &node.list(), offset)))
    }

    fn watch(&mut self, id: ConnectionId, payload: &[u8]) -> Outcome {
        let (path, token) = path_and_token(payload)?;
        let absolute = self.absolute(id, path)?;
        let is_special = absolute.starts_with('@');
        let is_valid = if is_special {
            absolute.len() <= RELATIVE_MAX
        } else {
            crate::store::is_node_path(&absolute, self.store.quotas.path_max)
        };
        if !is_valid {
            return Err(ErrorCode::Invalid);
        }
        let caller = self.caller(id);
        let of_domain = self.watches_of(caller.domid);
        let connection = self.connections.get_mut(&id).ok_or(ErrorCode::Invalid)?;
        if connection.watches.iter().any(|watch| *watch.path == *absolute && *watch.token == *token) {
            return Err(ErrorCode::Exists);
        }
        if !caller.is_privileged() && of_domain > self.store.quotas.watches {
            return Err(ErrorCode::TooBig);
        }
        let implied = if path.starts_with(b"/") || is_special { 0 } else { connection.home.len() + 1 };
        let watch = Watch { path: absolute.clone().into(), token: token.into(), implied };
        let shown = watch.shown(&absolute).to_owned();
        connection.watches.push(watch);
        Ok(Answer { event_after: Some((shown, token.to_vec())), ..Answer::done() })
    }

    fn unwatch(&mut self, id: ConnectionId, payload: &[u8]) -> Outcome {
        let (path, token) = path_and_token(payload)?;
        let absolute = self.absolute(id, path).map_err(|_| ErrorCode::NotFound)?;
        let connection = self.connections.get_mut(&id).ok_or(ErrorCode::NotFound)?;
        let is_meant = |watch: &Watch| *watch.path == *absolute && *watch.token == *token;
        let position = connection.watches.iter().position(is_meant).ok_or(ErrorCode::NotFound)?;
        connection.watches.remove(position);
        Ok(Answer::done())
    }

    fn reset_watches(&mut self, id: ConnectionId) -> Outcome {
        self.connections.get_mut(&id).ok_or(ErrorCode::Invalid)?.reset();
        Ok(Answer::done())
    }

    fn transaction_start(&mut self, id: ConnectionId, tx_id: u32) -> Outcome {
        if tx_id != 0 {
            return Err(ErrorCode::Busy);
        }
        let caller = self.caller(id);
        if !caller.is_privileged() && self.transactions_of(caller.domid) > self.store.quotas.transactions {
            return Err(ErrorCode::OverQuota);
        }
        let connection = self.connections.get_mut(&id).ok_or(ErrorCode::Invalid)?;
        Ok(Answer::bytes(format!("{}\0", connection.start_transaction())))
    }

    fn transaction_end(&mut self, id: ConnectionId, tx_id: u32, payload: &[u8]) -> Outcome {
        let commit = match payload {
            b"T\0" => true,
            b"F\0" => false,
            _ => return Err(ErrorCode::Invalid),
        };
        let connection = self.connections.get_mut(&id).ok_or(ErrorCode::NotFound)?;
        let transaction = connection.transactions.remove(&tx_id).ok_or(ErrorCode::NotFound)?;
        if commit {
            let changes = self.store.commit(self.caller(id), transaction)?;
            self.announce(&changes);
        }
        Ok(Answer::done())
    }

    fn is_domain_introduced(&self, payload: &[u8]) -> Outcome {
        /// `DOMID_SELF` of Xen's interface.
        const SELF: u32 = 0x7FF0;
        let domid = only_domid(payload)?;
        let known = domid == SELF || self.domains.is_introduced(domid);
        Ok(Answer::text(if known { "T\0" } else { "F\0" }))
    }

    fn introduce(&mut self, payload: &[u8]) -> Outcome {
        let mut arguments = strings(payload);
        let (Some(domid), Some(_frame), Some(event_channel)) =
            (arguments.next(), arguments.next(), arguments.next())
        else {
            return Err(ErrorCode::Invalid);
        };
        if atoi(event_channel) == 0 {
            return Err(ErrorCode::Invalid);
        }
        let domid = atoi(domid).cast_unsigned();
        if self.domains.introduce(domid) {
            self.announce_special(Special::Introduce);
        } else if domid != 0 {
            // The guest's side of the ring starts anew.
            for connection in self.connections.values_mut().filter(|connection| connection.domid == domid) {
                connection.reset();
            }
        }
        Ok(Answer::done())
    }

    fn release(&mut self, payload: &[u8]) -> Outcome {
        let domid = self.guest_argument(payload)?;
        for connection in self.connections.values_mut() {
            if connection.domid == domid {
                connection.reset();
                connection.closed = true;
            }
            for transaction in connection.transactions.values_mut() {
                transaction.forget_domain(domid);
            }
        }
        self.domains.release(domid);
        let changes = self.store.release_domain(domid);
        self.announce(&changes);
        self.announce_special(Special::Release);
        Ok(Answer::done())
    }

    /// The domain that `RELEASE` or `RESUME` names: an introduced one, and not dom0.
    fn guest_argument(&self, payload: &[u8]) -> Result<u32, ErrorCode> {
        match only_domid(payload)? {
            0 => Err(ErrorCode::Invalid),
            domid if self.domains.is_introduced(domid) => Ok(domid),
            _ => Err(ErrorCode::NotFound),
        }
    }

    fn set_target(&mut self, payload: &[u8]) -> Outcome {
        let mut arguments = strings(payload);
        let (Some(domid), Some(target)) = (arguments.next(), arguments.next()) else {
            return Err(ErrorCode::Invalid);
        };
        let (domid, target) = (atoi(domid).cast_unsigned(), atoi(target).cast_unsigned());
        if !self.domains.is_introduced(domid) || !self.domains.is_introduced(target) {
            return Err(ErrorCode::NotFound);
        }
        self.domains.set_target(domid, target);
        Ok(Answer::done())
    }
}

const fn for_dom0_only(message_type: MessageType) -> bool {
    matches!(
        message_type,
        MessageType::Control
            | MessageType::Introduce
            | MessageType::Release
            | MessageType::IsDomainIntroduced
            | MessageType::Resume
            | MessageType::SetTarget
    )
}

fn only_domid(payload: &[u8]) -> Result<u32, ErrorCode> {
    single_string(payload).map(|domid| atoi(domid).cast_unsigned()).ok_or(ErrorCode::Invalid)
}

fn get_domain_path(payload: &[u8]) -> Outcome {
    Ok(Answer::bytes(format!("/local/domain/{}\0", only_domid(payload)?)))
}

/// The arguments of `WATCH` and `UNWATCH`: two strings. Bytes behind the last NUL are ignored.
fn path_and_token(payload: &[u8]) -> Result<(&[u8], &[u8]), ErrorCode> {
    let arguments: Vec<&[u8]> = strings(payload).collect();
    match arguments[..] {
        [path, token] => Ok((path, token)),
        _ => Err(ErrorCode::Invalid),
    }
}

fn parse_permissions(entries: &[&[u8]]) -> Result<Permissions, ErrorCode> {
    let mut parsed = entries.iter().map(|entry| {
        let (letter, number) = entry.split_first().ok_or(ErrorCode::Invalid)?;
        let access = Access::from_letter(*letter).ok_or(ErrorCode::Invalid)?;
        Ok(Permission::new(strtol(number).ok_or(ErrorCode::Invalid)?.cast_unsigned(), access))
    });
    let first = parsed.next().unwrap_or(Err(ErrorCode::Invalid))?;
    parsed.try_fold(Permissions::owned_by(first.domid, first.access), |permissions, entry| {
        entry.map(|entry| permissions.with(entry.domid, entry.access))
    })
}

/// The payload of `DIRECTORY_PART`: the generation, as many whole names as fit, and an empty string behind
/// the last one.
fn part_of_list(generation: u64, list: &[u8], offset: usize) -> Vec<u8> {
    let mut payload = format!("{generation}\0").into_bytes();
    let room = PAYLOAD_MAX - payload.len() - 1;
    let rest = list.get(offset..).unwrap_or_default();
    let part = match rest.get(..room) {
        None => rest,
        Some(fitting) => {
            let end = fitting.iter().rposition(|byte| *byte == 0).map_or(0, |last| last + 1);
            fitting.get(..end).unwrap_or_default()
        }
    };
    payload.extend_from_slice(part);
    if part.len() == rest.len() {
        payload.push(0);
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_list_holds_as_many_names_as_fit() {
        // The generation, 4 names of 1000 bytes, and the mark of the end fill the message to the last byte.
        let name = [&[b'n'; 999][..], b"\0"].concat();
        let last = [&[b'n'; 92][..], b"\0"].concat();
        let fitting = [name.repeat(4), last].concat();
        let whole = part_of_list(7, &fitting, 0);
        assert_eq!(whole, [b"7\0", &fitting[..], b"\0"].concat());
        assert_eq!(whole.len(), PAYLOAD_MAX);
        let longer = [&b"n"[..], &fitting].concat();
        assert_eq!(part_of_list(7, &longer, 0), [b"7\0n", &name.repeat(4)[..]].concat());
    }

    #[test]
    fn a_part_may_start_anywhere_and_behind_the_end_there_is_nothing() {
        assert_eq!(part_of_list(1, b"ab\0cd\0", 3), b"1\0cd\0\0");
        assert_eq!(part_of_list(1, b"ab\0cd\0", 4), b"1\0d\0\0");
        assert_eq!(part_of_list(1, b"ab\0", 3), b"1\0\0");
        assert_eq!(part_of_list(1, b"", usize::MAX), b"1\0\0");
    }
}
