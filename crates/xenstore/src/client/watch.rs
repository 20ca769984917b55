//! Being told of changes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::Batch;
use super::connection::protocol_error;
use super::error::{Error, Violation};
use super::{Client, Requests};
use crate::wire::{Message, MessageType, strings};

/// Bytes of events that are kept until they are fetched.
///
/// Guests cause events, and a caller may be slow: without a bound they could fill the memory.
pub const EVENT_QUEUE_MAX: usize = 16 << 20;

/// Something changed under a watch; also sent once when the watch is set.
///
/// It says that the node *may* have changed: events of several changes may be merged, and some come without
/// need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The node that changed, or the watched node when it went with one above it. Relative if the watch's
    /// path was.
    pub path: String,
    /// The watch's token.
    pub token: String,
}

impl Client {
    /// Asks for events on a node and all below it, or on `@introduceDomain` or `@releaseDomain`.
    ///
    /// `token` comes back with the events; a path can be watched several times with different tokens.
    pub fn watch(&mut self, path: &str, token: &str) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.watch(MessageType::Watch, path, token)?;
        self.run(batch)?.check()
    }

    /// Takes a watch back. Events of it that have been sent before may still come.
    pub fn unwatch(&mut self, path: &str, token: &str) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.watch(MessageType::Unwatch, path, token)?;
        self.run(batch)?.check()
    }

    /// The next event; waits for one up to `timeout`, without end if that is `None`.
    ///
    /// `Ok(None)`: the time is over. With a timeout of zero it takes what has come. A program with a poll
    /// loop of its own waits for [`as_fd`](std::os::fd::AsFd::as_fd) to be readable, and then takes events
    /// this way *until there is none*: events can wait inside the client while nothing is readable.
    pub fn next_event(&mut self, timeout: Option<Duration>) -> Result<Option<Event>, Error> {
        // A time beyond what the clock can show is as good as no end.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            if let Some(event) = self.events.take()? {
                return Ok(Some(event));
            }
            if !self.take_events_in(deadline)? {
                return Ok(None);
            }
        }
    }

    /// Takes in the events that have come, after waiting for bytes if there is no whole message. `false`: the
    /// time is over.
    fn take_events_in(&mut self, deadline: Option<Instant>) -> Result<bool, Error> {
        self.guarded(|client| {
            if !client.connection.has_message() && !client.connection.receive(deadline)? {
                return Ok(false);
            }
            let address = Arc::clone(client.connection.address());
            while let Some(message) = client.connection.next_message()? {
                let req_id = message.header.req_id;
                if !client.events.offer(message).map_err(|violation| protocol_error(&address, violation))? {
                    return Err(protocol_error(&address, Violation::UnexpectedReply { req_id }));
                }
            }
            Ok(true)
        })
    }
}

/// Events that have come and are not yet fetched.
#[derive(Debug, Default)]
pub(super) struct EventQueue {
    events: VecDeque<Event>,
    bytes: usize,
    lost: bool,
}

impl EventQueue {
    /// Keeps the message if it is an event, and says whether it was.
    pub(super) fn offer(&mut self, message: Message<'_>) -> Result<bool, Violation> {
        // Told by the type alone: the kernel's driver leaves the ids of events undefined.
        if message.header.message_type != MessageType::WatchEvent.number() {
            return Ok(false);
        }
        let event =
            parse(message.payload).ok_or(Violation::Payload { operation: MessageType::WatchEvent })?;
        if self.bytes + message.payload.len() > EVENT_QUEUE_MAX {
            self.lost = true;
        } else {
            self.bytes += message.payload.len();
            self.events.push_back(event);
        }
        Ok(true)
    }

    /// The oldest event. Tells of lost ones once, after those that came before them.
    fn take(&mut self) -> Result<Option<Event>, Error> {
        if let Some(event) = self.events.pop_front() {
            self.bytes = self.bytes.saturating_sub(event.path.len() + event.token.len() + 2);
            return Ok(Some(event));
        }
        if std::mem::take(&mut self.lost) {
            return Err(Error::EventsLost);
        }
        Ok(None)
    }
}

fn parse(payload: &[u8]) -> Option<Event> {
    let mut parts = strings(payload).map(|part| str::from_utf8(part).map(str::to_owned).ok());
    Some(Event { path: parts.next()??, token: parts.next()?? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Header;

    fn event(payload: &[u8]) -> Message<'_> {
        let header = Header { message_type: MessageType::WatchEvent.number(), ..Header::default() };
        Message { header, payload }
    }

    #[test]
    fn events_are_kept_in_order_and_other_messages_are_left_alone() {
        let mut queue = EventQueue::default();
        assert_eq!(queue.offer(event(b"/a\0t\0")), Ok(true));
        assert_eq!(queue.offer(event(b"b\0\0")), Ok(true));
        assert_eq!(queue.offer(Message { header: Header::default(), payload: b"" }), Ok(false));
        assert_eq!(queue.take().unwrap(), Some(Event { path: "/a".into(), token: "t".into() }));
        assert_eq!(queue.take().unwrap(), Some(Event { path: "b".into(), token: String::new() }));
        assert_eq!(queue.take().unwrap(), None);
        assert_eq!(queue.bytes, 0);
    }

    #[test]
    fn events_without_path_and_token_are_violations() {
        for payload in [&b""[..], b"/a", b"/a\0", b"/a\0t", b"\xff\0t\0"] {
            assert!(EventQueue::default().offer(event(payload)).is_err(), "{payload:?}");
        }
    }

    #[test]
    fn a_full_queue_says_once_that_events_are_lost() {
        let mut queue = EventQueue::default();
        let mut long = vec![b'a'; 4000];
        long.extend_from_slice(b"\0t\0");
        let fitting = EVENT_QUEUE_MAX / long.len();
        for _ in 0..fitting + 10 {
            assert_eq!(queue.offer(event(&long)), Ok(true));
        }
        assert_eq!((0..fitting).filter(|_| matches!(queue.take(), Ok(Some(_)))).count(), fitting);
        assert!(matches!(queue.take(), Err(Error::EventsLost)));
        assert!(matches!(queue.take(), Ok(None)));
    }
}
