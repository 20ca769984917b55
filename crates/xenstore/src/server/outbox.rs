//! What waits to be sent on a connection.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use crate::wire::{ErrorCode, Header, MESSAGE_MAX, MessageType, PAYLOAD_MAX, push_message};

/// Bytes that may wait before no more requests are taken from the connection.
const REPLIES_MAX: usize = 64 << 10;

/// Bytes that may wait before the connection is given up: events come because of others, so not reading
/// requests does not help.
const TOTAL_MAX: usize = 4 << 20;

/// Replies and events in the order in which they are sent.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// The messages, one behind the other: thousands of short ones leave together.
    buffer: Vec<u8>,
    /// Where in the buffer that begins which is not sent.
    start: usize,
    /// The messages that are not sent in full.
    messages: VecDeque<Outgoing>,
    /// Bytes of the first of them that are sent.
    sent: usize,
    replies: usize,
    /// The events that wait, to leave out what would be said twice.
    waiting_events: HashSet<Arc<[u8]>>,
}

#[derive(Debug)]
struct Outgoing {
    len: usize,
    /// The message, if it is an event.
    event: Option<Arc<[u8]>>,
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
        let end = self.buffer.len();
        let pushed = match outcome {
            Ok(payload) => push_message(&mut self.buffer, request, &[payload]),
            Err(code) => {
                let header = Header { message_type: MessageType::Error.number(), ..request };
                push_message(&mut self.buffer, header, &[code.name().as_bytes(), b"\0"])
            }
        };
        debug_assert!(pushed.is_ok(), "the length was checked");
        self.replies += 1;
        self.messages.push_back(Outgoing { len: self.buffer.len() - end, event: None });
    }

    /// Queues an event, unless the same one waits already. One that does not fit in a message is left out.
    pub(super) fn event(&mut self, path: &str, token: &[u8]) {
        let end = self.buffer.len();
        let header = Header { message_type: MessageType::WatchEvent.number(), ..Header::default() };
        if push_message(&mut self.buffer, header, &[path.as_bytes(), b"\0", token, b"\0"]).is_err() {
            return;
        }
        let message: Arc<[u8]> = self.buffer.get(end..).unwrap_or_default().into();
        // Each special event says that one more domain came or went, so none is left out.
        if path.starts_with('@') || self.waiting_events.insert(Arc::clone(&message)) {
            self.messages.push_back(Outgoing { len: message.len(), event: Some(message) });
        } else {
            self.buffer.truncate(end);
        }
    }

    /// The bytes to send next; empty when nothing waits.
    pub(super) fn waiting(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Notes that the first `count` bytes of [`waiting`](Self::waiting) have been sent.
    pub(super) fn advance(&mut self, count: usize) {
        self.start = (self.start + count).min(self.buffer.len());
        self.sent += count;
        while let Some(first) = self.messages.front()
            && self.sent >= first.len
        {
            self.sent -= first.len;
            match &first.event {
                Some(event) => {
                    self.waiting_events.remove(event);
                }
                None => self.replies -= 1,
            }
            self.messages.pop_front();
        }
        self.make_room();
    }

    /// Gives up the room of what has been sent: at once if that is all, else when it is much.
    fn make_room(&mut self) {
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.buffer.shrink_to(REPLIES_MAX + MESSAGE_MAX);
        } else if self.start >= REPLIES_MAX {
            self.buffer.drain(..self.start);
        } else {
            return;
        }
        self.start = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Replies that are not sent in full.
    pub(super) const fn replies(&self) -> usize {
        self.replies
    }

    /// Whether so much waits that no more requests should be taken.
    pub(super) fn is_full(&self) -> bool {
        self.waiting().len() >= REPLIES_MAX
    }

    /// Whether so much waits that the connection should be given up.
    pub(super) fn is_hopeless(&self) -> bool {
        self.waiting().len() >= TOTAL_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_order_however_few_at_a_time() {
        let mut outbox = Outbox::default();
        outbox.reply(Header { message_type: 2, ..Header::default() }, Ok(b"value"));
        outbox.event("/a", b"t");
        outbox.reply(Header::default(), Err(ErrorCode::NotFound));
        let all = outbox.waiting().to_vec();
        let mut seen = Vec::new();
        while !outbox.is_empty() {
            seen.push(outbox.waiting()[0]);
            outbox.advance(1);
        }
        assert_eq!(seen, all);
        assert_eq!((outbox.buffer.len(), outbox.replies(), outbox.waiting_events.len()), (0, 0, 0));
    }

    #[test]
    fn a_long_queue_leaves_in_order_and_gives_up_its_room() {
        let mut outbox = Outbox::default();
        for number in 0..300_u32 {
            outbox.event(&format!("/{number}"), &[b't'; 1000]);
        }
        let all = outbox.waiting().to_vec();
        let mut seen = Vec::new();
        while !outbox.is_empty() {
            let count = outbox.waiting().len().min(7777);
            seen.extend_from_slice(&outbox.waiting()[..count]);
            outbox.advance(count);
            assert!(outbox.start <= REPLIES_MAX + count);
        }
        assert!(seen == all);
        assert!(outbox.buffer.capacity() <= REPLIES_MAX + MESSAGE_MAX);
    }

    #[test]
    fn an_event_that_waits_is_not_repeated_but_comes_again_once_it_is_sent() {
        let mut outbox = Outbox::default();
        outbox.event("/a", b"t");
        let len = outbox.waiting().len();
        outbox.event("/a", b"t");
        assert_eq!(outbox.waiting().len(), len);
        outbox.event("/a", b"other");
        assert!(outbox.waiting().len() > len);
        outbox.advance(len);
        let rest = outbox.waiting().len();
        outbox.event("/a", b"t");
        assert_eq!(outbox.waiting().len(), rest + len);
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
        assert!(outbox.waiting().ends_with(b"E2BIG\0"));
        assert_eq!(outbox.waiting()[0], 16);
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
