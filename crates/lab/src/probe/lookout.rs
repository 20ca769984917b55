//! Seeing where a frame arrives.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use netkernel::packet::PacketSocket;

use crate::frame::{Arp, Ethernet, Frame};
use crate::{Error, Guest, Lab, Station};

/// How long a frame may take when nothing tells that it would be there by now.
const LIMIT: Duration = Duration::from_millis(250);
/// How much later than the marker behind it a frame may come: they can take their ways on different processors.
const GRACE: Duration = Duration::from_millis(10);
/// How long a frame may take when its sender has done other things since.
const REST: Duration = Duration::from_millis(20);
/// Between two looks at all posts.
const PAUSE: Duration = Duration::from_micros(200);

/// A device of a station.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The station's name.
    pub station: String,
    /// The device's name.
    pub link: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.link, self.station)
    }
}

/// A frame that arrived somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Where.
    pub place: Place,
    /// What: the same as was sent, unless somebody changed it on the way.
    pub frame: Frame,
}

/// Where a frame arrived, each place once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrivals(pub Vec<Arrival>);

impl Arrivals {
    /// Whether it arrived nowhere.
    #[must_use]
    pub fn is_nowhere(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it arrived at this station.
    #[must_use]
    pub fn is_at(&self, station: &str) -> bool {
        self.0.iter().any(|arrival| arrival.place.station == station)
    }

    /// The stations that it arrived at, sorted.
    #[must_use]
    pub fn stations(&self) -> Vec<&str> {
        let mut stations: Vec<&str> = self.0.iter().map(|arrival| arrival.place.station.as_str()).collect();
        stations.sort_unstable();
        stations.dedup();
        stations
    }
}

impl fmt::Display for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_nowhere() {
            return f.write_str("nowhere");
        }
        for (number, arrival) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            write!(f, "{separator}{}", arrival.place)?;
        }
        Ok(())
    }
}

/// Sockets at all places where a frame could arrive.
///
/// To be sure quickly that a frame arrived nowhere, another one is sent behind it that is known to arrive: a
/// marker. Who has seen the marker would have seen the frame. Without a marker it takes a quarter of a second.
///
/// ```no_run
/// use lab::frame::{Arp, Ethernet};
/// use lab::{Lab, Lookout};
/// # fn example(lab: &Lab, mallory: &lab::Guest, victim: &lab::Guest) -> Result<(), lab::Error> {
///
/// let mut lookout = Lookout::around(lab, mallory)?;
/// let arp = Arp::reply(mallory.station().mac("eth0")?, [10, 0, 0, 254], victim.station().mac("eth0")?, [10, 0, 0, 2]);
/// let forged = Ethernet::new(arp.sender_mac, arp.target_mac).arp(&arp);
/// let arrivals = lookout.send(mallory.station(), "eth0", &forged)?;
/// assert!(arrivals.is_nowhere(), "{forged} arrived at {arrivals}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Lookout {
    posts: Vec<Post>,
    has_marker: bool,
}

#[derive(Debug)]
struct Post {
    place: Place,
    socket: PacketSocket,
}

impl Lookout {
    /// A lookout without posts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Posts at everybody whom frames of `sender` could reach: the connected interfaces of the other guests, the
    /// host's bridges, and the host's cable. With a marker.
    pub fn around(lab: &Lab, sender: &Guest) -> Result<Self, Error> {
        let mut lookout = Self { has_marker: true, ..Self::default() };
        for guest in lab.toolstack().guests() {
            if guest.domid() != sender.domid() {
                for devid in guest.connected() {
                    lookout.add(guest.station(), &format!("eth{devid}"))?;
                }
            }
        }
        let host = lab.host().station();
        let bridges = host.kernel()?.links_of_kind("bridge").map_err(host.kernel_error())?;
        for bridge in bridges {
            lookout.add(host, &bridge.name)?;
        }
        for (station, port) in lab.wire().ports() {
            if station == host.name() {
                lookout.add_as("wire", lab.wire().switch(), &port)?;
            }
        }
        Ok(lookout)
    }

    /// Adds a post. It sees what comes into the device, not what goes out.
    ///
    /// A port of a bridge sees frames before any guard does: it is no place to look for what gets through.
    pub fn add(&mut self, station: &Station, link: &str) -> Result<(), Error> {
        self.add_as(station.name(), station, link)
    }

    fn add_as(&mut self, name: &str, station: &Station, link: &str) -> Result<(), Error> {
        let place = Place { station: name.to_owned(), link: link.to_owned() };
        self.posts.push(Post { place, socket: station.socket(link)? });
        Ok(())
    }

    /// Says whether a marker follows each frame: an ARP probe from the sender's own MAC address, for an address
    /// that nobody has. A guard must let it through; whom it does not reach is watched for the full time.
    #[must_use]
    pub const fn with_marker(mut self, has_marker: bool) -> Self {
        self.has_marker = has_marker;
        self
    }

    /// Sends a frame from a device and says where it arrived as it is.
    pub fn send(&mut self, sender: &Station, link: &str, frame: &Frame) -> Result<Arrivals, Error> {
        self.send_matching(sender, link, frame, |seen| seen == &**frame)
    }

    /// Sends a frame from a device and says where one arrived that matches: for frames that are changed on the
    /// way, by routers above all.
    pub fn send_matching(
        &mut self,
        sender: &Station,
        link: &str,
        frame: &Frame,
        mut matches: impl FnMut(&[u8]) -> bool,
    ) -> Result<Arrivals, Error> {
        let failed = |attempt: String| Error::system(attempt);
        let socket = sender.socket(link)?;
        let marker = self.has_marker.then(|| sender.mac(link).map(marker)).transpose()?;
        self.forget()?;
        for frame in std::iter::once(frame).chain(&marker) {
            socket.send(frame).map_err(failed(format!("send {frame} from {link} of {}", sender.name())))?;
        }
        self.collect(LIMIT, marker.as_ref(), &mut matches)
    }

    /// Does something that makes somebody send frames, and says where one arrived that matches, and what came of
    /// the rest.
    pub fn during<T>(
        &mut self,
        act: impl FnOnce() -> T,
        mut matches: impl FnMut(&[u8]) -> bool,
    ) -> Result<(T, Arrivals), Error> {
        self.forget()?;
        let result = act();
        Ok((result, self.collect(REST, None, &mut matches)?))
    }

    /// Forgets all that has arrived.
    fn forget(&mut self) -> Result<(), Error> {
        for post in &mut self.posts {
            while post.receive()?.is_some() {}
        }
        Ok(())
    }

    fn collect(
        &mut self,
        limit: Duration,
        marker: Option<&Frame>,
        matches: &mut impl FnMut(&[u8]) -> bool,
    ) -> Result<Arrivals, Error> {
        let begin = Instant::now();
        let mut arrivals = Arrivals::default();
        // Until when each post is watched.
        let mut ends = vec![begin + limit; self.posts.len()];
        loop {
            let mut is_quiet = true;
            let now = Instant::now();
            for (post, end) in self.posts.iter_mut().zip(&mut ends) {
                while *end > now
                    && let Some(seen) = post.receive()?
                {
                    is_quiet = false;
                    if marker.is_some_and(|marker| seen == **marker) {
                        *end = (*end).min(now + GRACE);
                    } else if matches(&seen) {
                        arrivals.0.push(Arrival { place: post.place.clone(), frame: seen.into() });
                        // Nothing more is to be learned here.
                        *end = now;
                    }
                }
            }
            if ends.iter().all(|end| *end <= Instant::now()) {
                return Ok(arrivals);
            }
            if is_quiet {
                thread::sleep(PAUSE);
            }
        }
    }
}

impl Post {
    fn receive(&mut self) -> Result<Option<Vec<u8>>, Error> {
        self.socket.receive(Duration::ZERO).map_err(Error::system(format!("receive on {}", self.place)))
    }
}

/// An ARP probe for one of the addresses that are kept for measurements (RFC 2544), each time another one.
fn marker(mac: ethernet::MacAddress) -> Frame {
    static NUMBER: AtomicU16 = AtomicU16::new(0);
    let [high, low] = NUMBER.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    Ethernet::broadcast(mac).arp(&Arp::probe(mac, Ipv4Addr::new(198, 18, high, low)))
}
