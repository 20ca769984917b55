//! A small ping.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use netkernel::link::{LinkName, index_of};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, bind, socket,
};

use crate::frame::{IpContent, Message, Packet};
use crate::{Error, Station};

/// The largest ICMP message that is looked at.
const LONGEST: usize = 2048;
/// The number under which IPv6 carries ICMP.
const ICMPV6: u8 = 58;

/// Whom to ask, how often, and how long to wait.
///
/// It goes through the sender's own network stack: neighbours are looked up, routes used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping {
    destination: IpAddr,
    source: Option<IpAddr>,
    link: Option<String>,
    attempts: u16,
    limit: Duration,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The destination answered.
    Here {
        /// How long the answered attempt took.
        after: Duration,
        /// How many attempts were made.
        attempts: u16,
    },
    /// The sender's own system could not send: it has no route, or nobody answered for the next hop.
    NotSent(io::ErrorKind),
    /// Nobody answered.
    Silence,
}

impl Answer {
    /// Whether the destination answered.
    #[must_use]
    pub const fn is_here(&self) -> bool {
        matches!(self, Self::Here { .. })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here { after, .. } => write!(f, "answered after {after:?}"),
            Self::NotSent(kind) => write!(f, "could not be sent: {kind}"),
            Self::Silence => f.write_str("no answer"),
        }
    }
}

impl Ping {
    /// Asks up to ten times, 300 milliseconds apart, until there is an answer.
    #[must_use]
    pub fn to(destination: impl Into<IpAddr>) -> Self {
        Self {
            destination: destination.into(),
            source: None,
            link: None,
            attempts: 10,
            limit: Duration::from_millis(300),
        }
    }

    /// From this address of the sender's; else the kernel chooses.
    #[must_use]
    pub fn from(mut self, source: impl Into<IpAddr>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Through this device; a link-local address cannot be reached without.
    #[must_use]
    pub fn through(mut self, link: impl Into<String>) -> Self {
        self.link = Some(link.into());
        self
    }

    /// Asks this often, each time waiting for `limit`. To find that nobody answers takes all of that.
    #[must_use]
    pub const fn attempts(mut self, attempts: u16, limit: Duration) -> Self {
        self.attempts = attempts;
        self.limit = limit;
        self
    }
}

impl Station {
    /// Pings an address from this station.
    ///
    /// ```no_run
    /// # use lab::{Lab, Ping};
    /// # let lab = Lab::new()?;
    /// let gateway = [10, 0, 0, 254];
    /// assert!(lab.host().station().ping(&Ping::to(gateway))?.is_here());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ping(&self, ping: &Ping) -> Result<Answer, Error> {
        let failed = || Error::system(format!("ping {} from {}", ping.destination, self.name()));
        let (socket, destination) = self.run(|| open(ping))?.map_err(failed())?;
        attempts(&socket, destination, ping).map_err(failed())
    }
}

fn open(ping: &Ping) -> io::Result<(UdpSocket, SocketAddr)> {
    let (family, protocol) = match ping.destination {
        IpAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp),
        IpAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6),
    };
    let descriptor: OwnedFd = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
    // Not UDP at all; but addresses go in and out of all datagram sockets in the same way.
    let socket = UdpSocket::from(descriptor);
    let scope = match &ping.link {
        Some(link) => {
            let name = LinkName::new(link.as_str()).map_err(io::Error::other)?;
            index_of(&name).ok_or(io::ErrorKind::NotFound)?
        }
        None => 0,
    };
    let with_scope = |address| match address {
        IpAddr::V4(_) => SocketAddr::new(address, 0),
        IpAddr::V6(address) => SocketAddrV6::new(address, 0, 0, scope).into(),
    };
    if let Some(source) = ping.source {
        match with_scope(source) {
            SocketAddr::V4(source) => bind(socket.as_raw_fd(), &SockaddrIn::from(source))?,
            SocketAddr::V6(source) => bind(socket.as_raw_fd(), &SockaddrIn6::from(source))?,
        }
    }
    Ok((socket, with_scope(ping.destination)))
}

fn attempts(socket: &UdpSocket, destination: SocketAddr, ping: &Ping) -> io::Result<Answer> {
    // Others may ping on the same station at the same time.
    static IDENTIFIER: AtomicU16 = AtomicU16::new(1);
    let identifier = IDENTIFIER.fetch_add(1, Ordering::Relaxed);
    let mut answer = Answer::Silence;
    for attempt in 1..=ping.attempts {
        let begin = Instant::now();
        match socket.send_to(&request(ping.destination, identifier, attempt), destination) {
            Ok(_) => answer = Answer::Silence,
            Err(error) if is_for_want_of_a_way(&error) => answer = Answer::NotSent(error.kind()),
            Err(error) => return Err(error),
        }
        if wait_for_reply(socket, ping, identifier, begin)? {
            return Ok(Answer::Here { after: begin.elapsed(), attempts: attempt });
        }
    }
    Ok(answer)
}

/// True when the network is to blame for the error, and not the call.
fn is_for_want_of_a_way(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::AddrNotAvailable
    )
}

/// An echo request from the ICMP header on. The kernel does the checksum of ICMPv6, which depends on the source.
fn request(destination: IpAddr, identifier: u16, sequence: u16) -> Vec<u8> {
    let (packet, header) = match destination {
        IpAddr::V4(address) => (Packet::v4(Ipv4Addr::UNSPECIFIED, address), 20),
        IpAddr::V6(address) => (Packet::v6(Ipv6Addr::UNSPECIFIED, address), 40),
    };
    packet.echo_request(identifier, sequence, b"who is there?").to_bytes().split_off(header)
}

fn wait_for_reply(socket: &UdpSocket, ping: &Ping, identifier: u16, begin: Instant) -> io::Result<bool> {
    let mut buffer = [0; LONGEST];
    loop {
        let left = ping.limit.saturating_sub(begin.elapsed());
        if left.is_zero() {
            return Ok(false);
        }
        socket.set_read_timeout(Some(left))?;
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) => {
                let bytes = buffer.get(..length).unwrap_or_default();
                if from.ip() == ping.destination && is_reply(ping.destination, bytes, identifier) {
                    return Ok(true);
                }
            }
            Err(error) if is_for_want_of_a_way(&error) => {}
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => return Ok(false),
                io::ErrorKind::Interrupted => {}
                _ => return Err(error),
            },
        }
    }
}

/// An IPv4 socket receives the IP header too, an IPv6 socket does not.
fn is_reply(from: IpAddr, bytes: &[u8], identifier: u16) -> bool {
    let message = match from {
        IpAddr::V4(_) => IpContent::read_v4(bytes).map(|content| content.message),
        IpAddr::V6(_) => Some(Message::read(ICMPV6, bytes)),
    };
    matches!(message, Some(Message::EchoReply(this, _)) if this == identifier)
}
