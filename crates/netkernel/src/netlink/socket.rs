//! A netlink socket on which one request is under way at a time.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use super::attributes::{Attributes, string_of};
use super::error::Cause;
use super::message::{HEADER_LENGTH, Message, flags};
use crate::sys::{self, NetlinkOption};

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// The largest piece in which the kernel sends a list (`netlink_dump`), and for each piece it begins to count anew; it grows
/// when one message is larger. Pages that no answer reaches are never touched.
const BUFFER: usize = 32 * 1024;
/// The largest answer that is believed: far above what any kernel sends.
const LARGEST: usize = 16 * 1024 * 1024;
/// A dump that was interrupted by changes this often is given up.
const DUMP_ATTEMPTS: usize = 64;

const NLMSGERR_ATTR_MSG: u16 = 1;

/// The netlink protocols that are spoken here (`netlink(7)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `NETLINK_ROUTE`: links, addresses, routes, neighbours.
    Route,
    /// `NETLINK_NETFILTER`: nf_tables.
    Netfilter,
}

/// One message from the kernel: its type, its flags, and what follows its header.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// The type: `RTM_*`, or subsystem and `NFT_MSG_*`.
    pub kind: u16,
    /// `NLM_F_*`.
    pub flags: u16,
    /// The sequence number of the request that this answers; 0 in notifications.
    pub sequence: u32,
    /// The family's header and the attributes.
    pub payload: &'a [u8],
}

/// A netlink socket: sends a request, reads its answers, understands errors.
#[derive(Debug)]
pub struct Socket {
    descriptor: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
    strict: bool,
}

impl Socket {
    /// Opens a socket in the calling thread's network namespace.
    pub fn open(protocol: Protocol) -> Result<Self, Cause> {
        let number = match protocol {
            Protocol::Route => libc::NETLINK_ROUTE,
            Protocol::Netfilter => libc::NETLINK_NETFILTER,
        };
        let descriptor = sys::netlink_socket(number)?;
        // Kernels before 4.12 have no sentences to give; that is no reason to fail.
        let _ = sys::set_netlink_option(&descriptor, NetlinkOption::ExtendedAck, 1);
        Ok(Self { descriptor, sequence: 0, buffer: Vec::with_capacity(BUFFER), strict: false })
    }

    /// Sends a request and waits for its acknowledgement.
    pub fn request(&mut self, mut message: Message) -> Result<(), Cause> {
        message.add_flags(flags::REQUEST | flags::ACK);
        let sequence = self.send(&mut message)?;
        self.answers(sequence, |_| ())
    }

    /// Sends a request whose answer is one message, and reads it with `read`.
    pub fn get<T>(&mut self, message: &Message, mut read: impl FnMut(Reply<'_>) -> T) -> Result<T, Cause> {
        // An answer larger than the buffer makes the buffer grow, and is asked for again.
        match self.get_once(message.clone(), &mut read) {
            Err(Cause::Unsteady) => self.get_once(message.clone(), &mut read),
            result => result,
        }
    }

    fn get_once<T>(
        &mut self,
        mut message: Message,
        read: &mut impl FnMut(Reply<'_>) -> T,
    ) -> Result<T, Cause> {
        // No acknowledgement is asked for: the answer itself, or an error, is the only thing that comes.
        message.add_flags(flags::REQUEST);
        let sequence = self.send(&mut message)?;
        self.read_until(|reply| {
            // Others are left over from a request that was given up.
            (reply.sequence == sequence).then(|| match outcome(&reply) {
                Some(Ok(())) => Err(Cause::Malformed("an acknowledgement in place of an answer")),
                Some(Err(cause)) => Err(cause),
                None => Ok(read(reply)),
            })
        })?
    }

    /// Sends a request that is answered by many messages, and gives each to `read`.
    ///
    /// A table that changes while it is read is read again from the start: `start` is called before each attempt,
    /// to forget what came before.
    pub fn dump<S>(
        &mut self,
        message: &Message,
        mut start: impl FnMut() -> S,
        mut read: impl FnMut(&mut S, Reply<'_>),
    ) -> Result<S, Cause> {
        if !self.strict {
            // Kernels before 4.20 ignore filters; every reader of a dump checks for itself.
            let _ = sys::set_netlink_option(&self.descriptor, NetlinkOption::StrictCheck, 1);
            self.strict = true;
        }
        for _ in 0..DUMP_ATTEMPTS {
            let mut message = message.clone();
            message.add_flags(flags::REQUEST | flags::DUMP);
            let mut state = start();
            let sequence = self.send(&mut message)?;
            match self.answers(sequence, |reply| read(&mut state, reply)) {
                Ok(()) => return Ok(state),
                Err(Cause::Unsteady) => {}
                Err(cause) => return Err(cause),
            }
        }
        Err(Cause::Unsteady)
    }

    /// Sends messages as they are: their flags and sequence numbers are the caller's.
    pub(crate) fn send_raw(&mut self, messages: &Message) -> Result<(), Cause> {
        let bytes = messages.bytes();
        match sys::send(&self.descriptor, bytes) {
            // More than the kernel buffers for a socket that did not ask for more.
            Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => {
                sys::widen_send_buffer(&self.descriptor, bytes.len())?;
                Ok(sys::send(&self.descriptor, bytes)?)
            }
            result => Ok(result?),
        }
    }

    /// Reserves `count` sequence numbers and returns the first.
    pub(crate) fn reserve_sequence(&mut self, count: u32) -> u32 {
        let first = self.sequence.wrapping_add(1);
        self.sequence = self.sequence.wrapping_add(count);
        first
    }

    /// Reads one datagram and gives its messages to `read` until that returns something.
    pub(crate) fn read_until<T>(&mut self, mut read: impl FnMut(Reply<'_>) -> Option<T>) -> Result<T, Cause> {
        loop {
            self.receive()?;
            for reply in Replies::new(&self.buffer) {
                if let Some(result) = read(reply) {
                    return Ok(result);
                }
            }
        }
    }

    fn send(&mut self, message: &mut Message) -> Result<u32, Cause> {
        let sequence = self.reserve_sequence(1);
        message.set_sequence(sequence);
        sys::send(&self.descriptor, message.bytes())?;
        Ok(sequence)
    }

    /// Reads up to the end of the answer to `sequence`: an acknowledgement, an error, or the end of a dump.
    fn answers(&mut self, sequence: u32, mut read: impl FnMut(Reply<'_>)) -> Result<(), Cause> {
        let mut interrupted = false;
        loop {
            self.receive()?;
            for reply in Replies::new(&self.buffer) {
                // Left over from a request that was given up.
                if reply.sequence != sequence {
                    continue;
                }
                interrupted |= reply.flags & DUMP_INTERRUPTED != 0;
                match outcome(&reply) {
                    Some(Ok(())) if interrupted => return Err(Cause::Unsteady),
                    Some(result) => return result,
                    None => read(reply),
                }
            }
        }
    }

    /// Receives one datagram into the buffer.
    ///
    /// A datagram larger than the buffer is lost, but the buffer has grown: for a dump the caller's next attempt
    /// succeeds, and nothing else is answered with as much.
    fn receive(&mut self) -> Result<(), Cause> {
        let length = sys::receive(&self.descriptor, &mut self.buffer)?;
        if length == self.buffer.len() {
            return Ok(());
        }
        if length > LARGEST {
            return Err(Cause::Malformed("an answer of more than 16 MiB"));
        }
        self.buffer.reserve(length.next_power_of_two());
        // A dump under way must be read to its end before the next one can start.
        self.discard_pending()?;
        Err(Cause::Unsteady)
    }

    /// Throws away the answers that are there.
    pub(crate) fn discard_pending(&mut self) -> Result<(), Cause> {
        while sys::wait_readable(&self.descriptor, Duration::ZERO)? {
            sys::receive(&self.descriptor, &mut self.buffer)?;
        }
        Ok(())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// `NLM_F_DUMP_INTR`: the table changed during the dump, which may have missed or doubled entries.
const DUMP_INTERRUPTED: u16 = 0x10;
/// `NLM_F_CAPPED`: the error does not repeat the request.
const CAPPED: u16 = 0x100;
/// `NLM_F_ACK_TLVS`: the error has attributes.
const ACK_ATTRIBUTES: u16 = 0x200;

/// The result that this message announces, if it announces one and not data.
pub(crate) fn outcome(reply: &Reply<'_>) -> Option<Result<(), Cause>> {
    let code = match reply.kind {
        NLMSG_ERROR | NLMSG_DONE => reply.payload.first_chunk().copied().map(i32::from_ne_bytes),
        _ => return None,
    };
    Some(match code {
        // A dump's end may come without a code from old kernels.
        Some(0) => Ok(()),
        None if reply.kind == NLMSG_DONE => Ok(()),
        None => Err(Cause::Malformed("an error without its code")),
        Some(negative) => {
            Err(Cause::Refused { code: negative.wrapping_neg(), message: extended_message(reply) })
        }
    })
}

/// The kernel's sentence behind an error, if it gave one.
fn extended_message(reply: &Reply<'_>) -> Option<String> {
    if reply.flags & ACK_ATTRIBUTES == 0 {
        return None;
    }
    let attributes = match reply.kind {
        NLMSG_DONE => 4,
        _ if reply.flags & CAPPED != 0 => 4 + HEADER_LENGTH,
        // The whole request stands between the code and the attributes.
        _ => {
            let request = u32::from_ne_bytes(*reply.payload.get(4..)?.first_chunk()?);
            4 + (request as usize).next_multiple_of(4)
        }
    };
    let text = Attributes::new(reply.payload.get(attributes..)?).find(NLMSGERR_ATTR_MSG)?;
    Some(string_of(text))
}

/// The messages in a datagram. Ends at the first one that does not fit.
struct Replies<'a> {
    rest: &'a [u8],
}

impl<'a> Replies<'a> {
    fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }
}

impl<'a> Iterator for Replies<'a> {
    type Item = Reply<'a>;

    fn next(&mut self) -> Option<Reply<'a>> {
        let header = self.rest.first_chunk::<HEADER_LENGTH>()?;
        let word =
            |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let length = word(0) as usize;
        let reply = Reply {
            kind: u16::from_ne_bytes([header[4], header[5]]),
            flags: u16::from_ne_bytes([header[6], header[7]]),
            sequence: word(8),
            payload: self.rest.get(HEADER_LENGTH..length)?,
        };
        self.rest = self.rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error_reply(flags: u16, payload: &[u8]) -> Reply<'_> {
        Reply { kind: NLMSG_ERROR, flags, sequence: 1, payload }
    }

    #[test]
    fn the_kernels_sentence_is_found_behind_a_repeated_request() {
        let mut request = Message::new(16, 0);
        request.header(&[0; 16]);
        let mut payload = (-libc::EINVAL).to_ne_bytes().to_vec();
        payload.extend_from_slice(request.bytes());
        let mut attributes = Message::empty();
        attributes.string(NLMSGERR_ATTR_MSG, "Invalid MTU");
        payload.extend_from_slice(attributes.bytes());
        let Some(Err(Cause::Refused { code, message })) = outcome(&error_reply(ACK_ATTRIBUTES, &payload))
        else {
            panic!("an error was sent")
        };
        assert_eq!((code, message.as_deref()), (libc::EINVAL, Some("Invalid MTU")));
    }

    proptest! {
        #[test]
        fn any_datagram_is_read_without_panic(bytes: Vec<u8>, flags: u16) {
            for reply in Replies::new(&bytes) {
                let _ = outcome(&reply);
            }
            let _ = outcome(&error_reply(flags, &bytes));
        }
    }
}
