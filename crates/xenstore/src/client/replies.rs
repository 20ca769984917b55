//! What the daemon said to a batch.

use std::path::Path;
use std::sync::Arc;

use super::answer::{Answer, Refusal, Reply};
use super::batch::{Batch, Ticket};
use super::connection::protocol_error;
use super::error::{Error, Violation};
use crate::wire::{ErrorCode, Header, Message, MessageType, single_string};

/// The answers to the requests of a [`Batch`].
#[derive(Debug)]
pub struct Replies {
    batch: Batch,
    address: Arc<Path>,
    /// One for each request; `None` until it is answered.
    slots: Vec<Option<Slot>>,
    /// The payloads, one after the other.
    payloads: Vec<u8>,
    /// The id of the first request.
    first_id: u32,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    start: usize,
    end: usize,
    refused: Option<ErrorCode>,
}

impl Replies {
    pub(super) fn new(batch: Batch, first_id: u32, address: Arc<Path>) -> Self {
        let slots = vec![None; batch.len()];
        Self { batch, address, slots, payloads: Vec::new(), first_id }
    }

    pub(super) const fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Takes in a reply to one of the requests below number `sent`.
    pub(super) fn accept(&mut self, message: Message<'_>, sent: usize) -> Result<(), Error> {
        let Header { message_type, req_id, .. } = message.header;
        let index = req_id.wrapping_sub(self.first_id) as usize;
        let asked = self.batch.type_of(index).filter(|_| index < sent);
        let slot = self.slots.get_mut(index).filter(|slot| slot.is_none());
        let (Some(asked), Some(slot)) = (asked, slot) else {
            return Err(protocol_error(&self.address, Violation::UnexpectedReply { req_id }));
        };
        let start = self.payloads.len();
        if message_type == asked {
            self.payloads.extend_from_slice(message.payload);
            *slot = Some(Slot { start, end: self.payloads.len(), refused: None });
            return Ok(());
        }
        let operation = MessageType::from_number(asked).ok_or(Error::WrongTicket)?;
        let refused = if message_type == MessageType::Error.number() {
            let name = single_string(message.payload).unwrap_or(message.payload);
            ErrorCode::from_name(name).ok_or_else(|| {
                let name = String::from_utf8_lossy(name).into_owned();
                protocol_error(&self.address, Violation::UnknownError { operation, name })
            })?
        } else {
            return Err(protocol_error(&self.address, Violation::WrongType { operation, message_type }));
        };
        *slot = Some(Slot { start, end: start, refused: Some(refused) });
        Ok(())
    }

    /// How many answers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The answer to the request that gave this ticket.
    pub fn get<A: Answer>(&self, ticket: Ticket<A>) -> Result<A::Output<'_>, Error> {
        let index = self.batch.index_of(ticket).ok_or(Error::WrongTicket)?;
        let reply = self.reply(index).ok_or(Error::WrongTicket)?;
        A::read(reply).map_err(|refusal| self.error(index, refusal))
    }

    /// The first refusal among the answers, if there is one. A missing node counts as a refusal here, except
    /// for the request to remove it.
    pub fn check(&self) -> Result<(), Error> {
        for index in 0..self.slots.len() {
            let Some(Err(code)) = self.reply(index) else {
                continue;
            };
            let removing =
                self.batch.request(index).is_some_and(|(operation, _)| operation == MessageType::Rm);
            if !(removing && code == ErrorCode::NotFound) {
                return Err(self.error(index, code.into()));
            }
        }
        Ok(())
    }

    fn reply(&self, index: usize) -> Option<Reply<'_>> {
        let slot = (*self.slots.get(index)?)?;
        match slot.refused {
            Some(code) => Some(Err(code)),
            None => self.payloads.get(slot.start..slot.end).map(Ok),
        }
    }

    fn error(&self, index: usize, refusal: Refusal) -> Error {
        let Some((operation, payload)) = self.batch.request(index) else {
            return Error::WrongTicket;
        };
        // The first argument says what the request was about: a path or a domain id.
        let subject = match operation {
            MessageType::TransactionStart | MessageType::TransactionEnd => &[][..],
            _ => payload.split(|byte| *byte == 0).next().unwrap_or_default(),
        };
        refusal.into_error(operation, &String::from_utf8_lossy(subject), &self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::Value;
    use super::*;

    fn three_reads() -> (Replies, [Ticket<Value>; 3]) {
        let mut batch = Batch::new();
        let tickets = ["/a", "/b", "/c"].map(|path| batch.read(path).unwrap());
        (Replies::new(batch, u32::MAX, Path::new("/socket").into()), tickets)
    }

    fn reply(message_type: MessageType, req_id: u32, payload: &[u8]) -> Message<'_> {
        let header = Header { message_type: message_type.number(), req_id, ..Header::default() };
        Message { header, payload }
    }

    #[test]
    fn replies_find_their_requests_in_any_order_and_over_the_end_of_the_numbers() {
        let (mut replies, tickets) = three_reads();
        replies.accept(reply(MessageType::Read, 1, b"third"), 3).unwrap();
        replies.accept(reply(MessageType::Read, u32::MAX, b"first"), 3).unwrap();
        replies.accept(reply(MessageType::Error, 0, b"ENOENT\0"), 3).unwrap();
        let values = tickets.map(|ticket| replies.get(ticket).unwrap());
        assert_eq!(values, [Some(&b"first"[..]), None, Some(b"third")]);
        let error = replies.check().unwrap_err();
        assert_eq!(error.to_string(), "xenstore refused READ of \"/b\": ENOENT (it does not exist)");
    }

    #[test]
    fn tickets_of_another_batch_are_refused() {
        let (replies, _) = three_reads();
        let (_, tickets) = three_reads();
        assert!(matches!(replies.get(tickets[0]), Err(Error::WrongTicket)));
    }

    #[test]
    fn replies_that_nobody_waits_for_are_violations() {
        let (mut replies, _) = three_reads();
        let unexpected = |result| {
            matches!(result, Err(Error::Protocol { violation: Violation::UnexpectedReply { .. }, .. }))
        };
        assert!(unexpected(replies.accept(reply(MessageType::Read, 2, b""), 3)), "no such request");
        assert!(unexpected(replies.accept(reply(MessageType::Read, 1, b""), 2)), "not sent yet");
        replies.accept(reply(MessageType::Read, u32::MAX, b""), 3).unwrap();
        assert!(unexpected(replies.accept(reply(MessageType::Read, u32::MAX, b""), 3)), "answered before");
    }

    #[test]
    fn replies_of_another_type_and_unknown_errors_are_violations() {
        let (mut replies, _) = three_reads();
        let violation = |result: Result<(), Error>| match result {
            Err(Error::Protocol { violation, .. }) => violation,
            other => panic!("{other:?}"),
        };
        let operation = MessageType::Read;
        assert_eq!(
            violation(replies.accept(reply(MessageType::Write, 0, b"OK\0"), 3)),
            Violation::WrongType { operation, message_type: 11 }
        );
        assert_eq!(
            violation(replies.accept(reply(MessageType::Error, 0, b"EFOO\0"), 3)),
            Violation::UnknownError { operation, name: "EFOO".into() }
        );
    }
}
