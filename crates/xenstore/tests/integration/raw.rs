//! A client that sends whatever it is told to, and shows what comes back byte for byte.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use xenstore::wire::{HEADER_LEN, Header, MessageType, PAYLOAD_MAX};

/// Something that carries bytes to a daemon and back.
pub(crate) trait Wire {
    fn send(&mut self, bytes: &[u8]);
    fn receive(&mut self, bytes: &mut [u8]);
}

impl Wire for UnixStream {
    fn send(&mut self, bytes: &[u8]) {
        self.write_all(bytes).unwrap();
    }

    fn receive(&mut self, bytes: &mut [u8]) {
        self.read_exact(bytes).unwrap();
    }
}

/// A message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub header: Header,
    pub payload: Vec<u8>,
}

impl Received {
    pub(crate) fn is_event(&self) -> bool {
        self.header.message_type == MessageType::WatchEvent.number()
    }
}

/// Sends requests one by one.
pub(crate) struct RawClient {
    wire: Box<dyn Wire>,
    next_id: u32,
}

impl RawClient {
    pub(crate) fn new(wire: impl Wire + 'static) -> Self {
        Self { wire: Box::new(wire), next_id: 1 }
    }

    pub(crate) fn connect(socket: &Path) -> Self {
        Self::from_stream(UnixStream::connect(socket).unwrap())
    }

    pub(crate) fn from_stream(stream: UnixStream) -> Self {
        // A daemon that does not answer must fail the test, not hang it.
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self::new(stream)
    }

    /// Sends a request without waiting for its reply.
    pub(crate) fn send(&mut self, message_type: u32, tx_id: u32, payload: &[u8]) {
        let len = u32::try_from(payload.len()).unwrap();
        let header = Header { message_type, req_id: self.next_id, tx_id, len };
        self.next_id += 1;
        self.wire.send(&[&header.encode(), payload].concat());
    }

    /// The next message, whatever it is.
    pub(crate) fn receive(&mut self) -> Received {
        let mut header = [0; HEADER_LEN];
        self.wire.receive(&mut header);
        let header = Header::decode(&header);
        assert!(header.len as usize <= PAYLOAD_MAX, "{header:?}");
        let mut payload = vec![0; header.len as usize];
        self.wire.receive(&mut payload);
        Received { header, payload }
    }

    /// Sends a request and gives all that comes up to its reply, which is the last.
    pub(crate) fn request(&mut self, message_type: u32, tx_id: u32, payload: &[u8]) -> Vec<Received> {
        self.send(message_type, tx_id, payload);
        let mut received = Vec::new();
        loop {
            received.push(self.receive());
            if received.last().is_some_and(|last| !last.is_event()) {
                return received;
            }
        }
    }

    /// The events that are under way: those in front of the reply to a harmless request.
    pub(crate) fn pending_events(&mut self) -> Vec<Received> {
        let mut received = self.request(MessageType::GetDomainPath.number(), 0, b"0\0");
        received.pop();
        received
    }
}
