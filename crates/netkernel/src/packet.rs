//! Whole frames, sent and received on a device past the host's own protocols (`packet(7)`).

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use crate::link::{LinkName, index_of};
use crate::sys;

/// The longest frame: 64 KiB of IP with generic segmentation, and its headers.
const LONGEST: usize = 64 * 1024 + 64;

/// A socket on one device that sends the same frame over and over, as fast as the kernel takes it, and receives nothing.
#[derive(Debug)]
pub struct PacketSender {
    descriptor: OwnedFd,
}

impl PacketSender {
    /// How many frames a call of [`send`](Self::send) sends.
    pub const BURST: usize = sys::BURST;

    /// Opens a socket on the device called `link`, past its queueing discipline.
    pub fn open(link: &LinkName) -> io::Result<Self> {
        Ok(Self { descriptor: sys::packet_sender(index_of_present(link)?)? })
    }

    /// Sends a burst of the frame, and says how many of it the kernel took.
    pub fn send(&self, frame: &[u8]) -> io::Result<usize> {
        sys::send_burst(&self.descriptor, frame)
    }
}

/// What is still to be done to a frame by whoever sends it on: `struct virtio_net_hdr` (`linux/virtio_net.h`), as a guest with a
/// virtual card says it. The kernel refuses some that make no sense, and believes others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    /// `VIRTIO_NET_HDR_F_*`: 1 if a checksum is to be put in.
    pub flags: u8,
    /// `VIRTIO_NET_HDR_GSO_*`: into which packets it is to be cut; 0 for none.
    pub segmentation: u8,
    /// How long the headers are that each of them begins with, in bytes.
    pub header_length: u16,
    /// How much each of them carries, in bytes.
    pub segment_length: u16,
    /// Where the checksum begins, counted from the frame's first byte.
    pub checksum_start: u16,
    /// Where it is put, counted from there.
    pub checksum_offset: u16,
}

impl Offload {
    /// A checksum is to be put in (`VIRTIO_NET_HDR_F_NEEDS_CSUM`).
    pub const CHECKSUM: u8 = 1;
    /// Cut into segments of TCP over IPv4.
    pub const TCP4: u8 = 1;
    /// Cut into fragments of UDP.
    pub const UDP_FRAGMENTS: u8 = 3;
    /// Cut into segments of TCP over IPv6.
    pub const TCP6: u8 = 4;
    /// Cut into datagrams of UDP.
    pub const UDP: u8 = 5;

    /// As the kernel reads it: in the machine's own byte order.
    fn to_bytes(self) -> Vec<u8> {
        let numbers = [self.header_length, self.segment_length, self.checksum_start, self.checksum_offset];
        let numbers = numbers.into_iter().flat_map(u16::to_ne_bytes);
        [self.flags, self.segmentation].into_iter().chain(numbers).collect()
    }
}

/// A socket on one device that sends frames which others shall finish, and receives nothing.
#[derive(Debug)]
pub struct OffloadSender {
    descriptor: OwnedFd,
}

impl OffloadSender {
    /// Opens a socket on the device called `link`.
    pub fn open(link: &LinkName) -> io::Result<Self> {
        Ok(Self { descriptor: sys::offload_sender(index_of_present(link)?)? })
    }

    /// Sends a frame, of which this is still to be done. An error if the kernel does not believe that.
    pub fn send(&self, offload: Offload, frame: &[u8]) -> io::Result<()> {
        sys::send(&self.descriptor, &[&offload.to_bytes()[..], frame].concat())
    }
}

fn index_of_present(link: &LinkName) -> io::Result<u32> {
    index_of(link)
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("there is no network device {link}")))
}

/// A socket on one device that sends whole frames, and receives all that comes in on it.
#[derive(Debug)]
pub struct PacketSocket {
    descriptor: OwnedFd,
    buffer: Vec<u8>,
}

impl PacketSocket {
    /// Opens a socket on the device called `link`.
    pub fn open(link: &LinkName) -> io::Result<Self> {
        Ok(Self { descriptor: sys::packet_socket(index_of_present(link)?)?, buffer: vec![0; LONGEST] })
    }

    /// Sends a frame, beginning with the destination's MAC address, as it is.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        sys::send(&self.descriptor, frame)
    }

    /// The next frame that came in, waited for at most `limit`; none when none came.
    ///
    /// A VLAN tag that the kernel keeps beside the frame is put back into it.
    pub fn receive(&mut self, limit: Duration) -> io::Result<Option<Vec<u8>>> {
        let end = Instant::now() + limit;
        loop {
            if let Some((length, tag)) = sys::receive_frame(&self.descriptor, &mut self.buffer)? {
                let mut frame = self.buffer[..length].to_vec();
                if let Some((protocol, control)) = tag.filter(|_| length >= 12) {
                    frame.splice(12..12, [protocol.to_be_bytes(), control.to_be_bytes()].concat());
                }
                return Ok(Some(frame));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || !sys::wait_readable(&self.descriptor, left)? {
                return Ok(None);
            }
        }
    }
}
