//! What waits to be sent on a connection.

use std::collections::{HashSet, VecDeque};
use std::io::IoSlice;
use std::sync::Arc;

use crate::wire::{ErrorCode, HEADER_LEN, Header, MessageType, PAYLOAD_MAX, push_message};

/// Bytes that may wait before no more requests are taken from the connection.
const REPLIES_MAX: usize = 64 << 10;

/// Bytes that may wait before the connection is given up: events come because of others, so not reading
/// requests does not help.
const TOTAL_MAX: usize = 4 << 20;

/// Messages that are handed out at once.
const PIECES_MAX: usize = 64;

/// Replies and events in the order in which they are sent.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    messages: VecDeque<Outgoing>,
    /// Bytes of the first message that are sent already.
    sent: usize,
    bytes: usize,
    replies: usize,
    /// The events that wait, to leave out what would be said twice.
    waiting_events: HashSet<Arc<[u8]>>,
}

#[derive(Debug)]
struct Outgoing {
    message: Arc<[u8]>,
    is_event: bool,
}

impl Outbox {
    /// Queues the reply to a request.
    pub(super) fn reply(&mut self, request: Header, outcome: Result<&[u8], ErrorCode>) {
        let outcome =
            outcome.and_then(
                |payload| {
                    if payload.len() <= PAYLOAD_MAX { Ok(payload) } else { Err(ErrorCode::TooBig) }
                },
            );
        let mut message = Vec::with_capacity(HEADER_LEN + outcome.map_or(16, <[u8]>::len));
        let pushed = match outcome {
            Ok(payload) => push_message(&mut message, request, &[payload]),
            Err(code) => {
                let header = Header { message_type: MessageType::Error.number(), ..request };
                push_message(&mut message, header, &[code.name().as_bytes(), b"\0"])
            }
        };
        debug_assert!(pushed.is_ok(), "the length was checked");
        self.replies += 1;
        self.push(message.into(), false);
    }

    /// Queues an event, unless the same one waits already. One that does not fit in a message is left out.
    pub(super) fn event(&mut self, path: &str, token: &[u8]) {
        let mut message = Vec::with_capacity(HEADER_LEN + path.len() + token.len() + 2);
        let header = Header { message_type: MessageType::WatchEvent.number(), ..Header::default() };
        if push_message(&mut message, header, &[path.as_bytes(), b"\0", token, b"\0"]).is_err() {
            return;
        }
        let message: Arc<[u8]> = message.into();
        // Each special event says that one more domain came or went, so none is left out.
        if path.starts_with('@') || self.waiting_events.insert(Arc::clone(&message)) {
            self.push(message, true);
        }
    }

    fn push(&mut self, message: Arc<[u8]>, is_event: bool) {
        self.bytes += message.len();
        self.messages.push_back(Outgoing { message, is_event });
    }

    /// The next bytes to send, in pieces; empty when nothing waits.
    pub(super) fn pieces(&self) -> Vec<IoSlice<'_>> {
        let mut skip = self.sent;
        self.messages
            .iter()
            .take(PIECES_MAX)
            .map(|outgoing| {
                let rest = outgoing.message.get(skip..).unwrap_or_default();
                skip = 0;
                IoSlice::new(rest)
            })
            .collect()
    }

    /// Notes that the next `count` bytes have been sent.
    pub(super) fn advance(&mut self, count: usize) {
        self.sent += count;
        self.bytes = self.bytes.saturating_sub(count);
        while let Some(first) = self.messages.front()
            && self.sent >= first.message.len()
        {
            self.sent -= first.message.len();
            if first.is_event {
                self.waiting_events.remove(&first.message);
            } else {
                self.replies -= 1;
            }
            self.messages.pop_front();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Replies that are not sent in full.
    pub(super) const fn replies(&self) -> usize {
        self.replies
    }

    /// Whether so much waits that no more requests should be taken.
    pub(super) const fn is_full(&self) -> bool {
        self.bytes >= REPLIES_MAX
    }

    /// Whether so much waits that the connection should be given up.
    pub(super) const fn is_hopeless(&self) -> bool {
        self.bytes >= TOTAL_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(outbox: &Outbox) -> Vec<u8> {
        outbox.pieces().concat_pieces()
    }

    trait ConcatPieces {
        fn concat_pieces(&self) -> Vec<u8>;
    }

    impl ConcatPieces for Vec<IoSlice<'_>> {
        fn concat_pieces(&self) -> Vec<u8> {
            self.iter().flat_map(|piece| piece.iter().copied()).collect()
        }
    }

    #[test]
    fn bytes_leave_in_order_however_few_at_a_time() {
        let mut outbox = Outbox::default();
        outbox.reply(Header { message_type: 2, ..Header::default() }, Ok(b"value"));
        outbox.event("/a", b"t");
        outbox.reply(Header::default(), Err(ErrorCode::NotFound));
        let all = waiting(&outbox);
        let mut seen = Vec::new();
        while !outbox.is_empty() {
            seen.push(waiting(&outbox)[0]);
            outbox.advance(1);
        }
        assert_eq!(seen, all);
        assert_eq!((outbox.bytes, outbox.replies(), outbox.waiting_events.len()), (0, 0, 0));
    }

    #[test]
    fn an_event_that_waits_is_not_repeated_but_comes_again_once_it_is_sent() {
        let mut outbox = Outbox::default();
        outbox.event("/a", b"t");
        let len = waiting(&outbox).len();
        outbox.event("/a", b"t");
        assert_eq!(waiting(&outbox).len(), len);
        outbox.event("/a", b"other");
        assert!(waiting(&outbox).len() > len);
        outbox.advance(len);
        let rest = waiting(&outbox).len();
        outbox.event("/a", b"t");
        assert_eq!(waiting(&outbox).len(), rest + len);
    }

    #[test]
    fn special_events_are_all_sent() {
        let mut outbox = Outbox::default();
        outbox.event("@releaseDomain", b"t");
        outbox.event("@releaseDomain", b"t");
        assert_eq!(outbox.messages.len(), 2);
    }

    #[test]
    fn a_reply_that_does_not_fit_is_an_error_instead() {
        let mut outbox = Outbox::default();
        outbox.reply(Header { message_type: 1, req_id: 9, ..Header::default() }, Ok(&[b'a'; 4097]));
        assert!(waiting(&outbox).ends_with(b"E2BIG\0"));
        assert_eq!(waiting(&outbox)[0], 16);
    }

    #[test]
    fn a_connection_that_reads_nothing_is_full_and_then_hopeless() {
        let mut outbox = Outbox::default();
        let mut count = 0;
        while !outbox.is_hopeless() {
            outbox.event(&format!("/{count}"), &[b't'; 4000]);
            count += 1;
            assert!(count < 2000, "must end");
        }
        assert!(outbox.is_full());
    }
}
