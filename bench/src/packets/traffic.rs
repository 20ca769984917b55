//! Frames, streams and questions from one guest to another.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ethernet::MacAddress;
use lab::Station;
use lab::frame::{Arp, Ethernet, Packet};
use netkernel::Rtnetlink;
use netkernel::link::LinkName;
use netkernel::packet::PacketSender;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

use crate::crowd::Vif;

/// What nobody listens to: dropped on arrival, so that the receiver costs little.
const DISCARD: u16 = 9;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ipv4,
    Ipv6,
    Arp,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Ipv4, Self::Ipv6, Self::Arp];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Ipv4 => "UDP over IPv4",
            Self::Ipv6 => "UDP over IPv6",
            Self::Arp => "ARP",
        }
    }
}

/// Two guests, and what is between them.
pub(super) struct Traffic {
    sender: PacketSender,
    frames: [Vec<u8>; 3],
    receiver: Rtnetlink,
    arrives_at: LinkName,
    listener: TcpListener,
    writer: Writer,
    asks: UdpSocket,
    answers: UdpSocket,
}

/// Where streams begin.
struct Writer(netkernel::namespace::Namespace);

impl Traffic {
    /// Of `from` to `to`, each in its station; frames go to the MAC address `next_hop`.
    pub(super) fn new(
        from: (&Station, Vif),
        to: (&Station, Vif),
        next_hop: MacAddress,
    ) -> Result<Self, Box<dyn Error>> {
        let ((from, sender), (to, receiver)) = (from, to);
        drop_on_arrival(to, receiver)?;
        let link = LinkName::new(sender.peer())?;
        let header = Ethernet::new(sender.mac(), next_hop);
        let payload = [0; 18];
        let frames = [
            header.ip(&Packet::v4(sender.ipv4(), receiver.ipv4()).udp(1024, DISCARD, &payload)),
            header.ip(&Packet::v6(sender.ipv6(), receiver.ipv6()).udp(1024, DISCARD, &[])),
            header.arp(&Arp::reply(sender.mac(), sender.ipv4(), receiver.mac(), receiver.ipv4())),
        ];
        let answers = to.run(|| UdpSocket::bind((receiver.ipv4(), 0)))??;
        let asks = from.run(|| UdpSocket::bind((sender.ipv4(), 0)))??;
        asks.connect(answers.local_addr()?)?;
        answers.connect(asks.local_addr()?)?;
        asks.set_read_timeout(Some(PATIENCE))?;
        answers.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            sender: from.run(|| PacketSender::open(&link))??,
            frames: frames.map(|frame| frame.padded(60).into_bytes()),
            receiver: to.kernel()?,
            arrives_at: LinkName::new(receiver.peer())?,
            listener: to.run(|| TcpListener::bind((receiver.ipv4(), 0)))??,
            writer: Writer(from.run(netkernel::namespace::Namespace::current)??),
            asks,
            answers,
        })
    }

    /// Thousands of frames that arrive for each second that a core works on them. Time in which other programs have the
    /// core does not count.
    pub(super) fn rate(&mut self, kind: Kind, turn: Duration) -> Result<f64, Box<dyn Error>> {
        // A bridge must know where the receiver is.
        self.latency(1)?;
        let frame = &self.frames[kind as usize];
        let before = received(&mut self.receiver, &self.arrives_at)?;
        let sender = &self.sender;
        let took = thread::scope(|scope| {
            let sending = scope.spawn(|| {
                let mut last = CpuSet::new();
                let core = thread::available_parallelism().map_or(0, |count| count.get() - 1);
                last.set(core).and_then(|()| sched_setaffinity(Pid::from_raw(0), &last))?;
                let begin = thread_time()?;
                while thread_time()?.saturating_sub(begin) < turn {
                    sender.send(frame)?;
                }
                Ok::<_, std::io::Error>(thread_time()?.saturating_sub(begin))
            });
            sending.join().map_err(|_| std::io::Error::other("the thread that sends has ended"))?
        })?;
        let after = received(&mut self.receiver, &self.arrives_at)?;
        let count = u32::try_from(after - before)?;
        if count == 0 {
            return Err(format!("{kind:?}: nothing arrives").into());
        }
        Ok(f64::from(count) / took.as_secs_f64() / 1000.0)
    }

    /// Gbit/s of a TCP stream.
    pub(super) fn stream(&self, turn: Duration) -> Result<f64, Box<dyn Error>> {
        let to = self.listener.local_addr()?;
        let mut writer = self.writer.0.run(|| TcpStream::connect_timeout(&to, PATIENCE))??;
        let (mut reader, _) = self.listener.accept()?;
        let bytes = thread::scope(|scope| {
            let reading = scope.spawn(move || {
                let mut buffer = vec![0; 1 << 18];
                let mut bytes = 0;
                loop {
                    match reader.read(&mut buffer)? {
                        0 => return Ok::<_, std::io::Error>(bytes),
                        length => bytes += length,
                    }
                }
            });
            let buffer = vec![0; 1 << 17];
            let begin = Instant::now();
            while begin.elapsed() < turn {
                writer.write_all(&buffer)?;
            }
            drop(writer);
            let bytes =
                reading.join().map_err(|_| std::io::Error::other("the thread that reads has ended"))??;
            Ok::<_, std::io::Error>((bytes, begin.elapsed()))
        })?;
        let (bytes, took) = bytes;
        Ok(f64::from(u32::try_from(bytes / 1000)?) * 8.0 / 1e6 / took.as_secs_f64())
    }

    /// Microseconds there and back: what half of the questions, and what 99 % take at most.
    pub(super) fn latency(&self, count: usize) -> Result<(f64, f64), Box<dyn Error>> {
        let mut took = thread::scope(|scope| {
            let answering = scope.spawn(|| {
                let mut buffer = [0; 64];
                for _ in 0..count {
                    let length = self.answers.recv(&mut buffer)?;
                    self.answers.send(&buffer[..length])?;
                }
                Ok::<_, std::io::Error>(())
            });
            let mut took = Vec::with_capacity(count);
            let mut buffer = [0; 64];
            for number in 0..count {
                let begin = Instant::now();
                self.asks.send(&number.to_be_bytes())?;
                self.asks.recv(&mut buffer)?;
                took.push(begin.elapsed().as_secs_f64() * 1e6);
            }
            answering.join().map_err(|_| std::io::Error::other("the thread that answers has ended"))??;
            Ok::<_, std::io::Error>(took)
        })?;
        took.sort_by(f64::total_cmp);
        let at = |part: usize| took.get((took.len() * part / 100).min(took.len() - 1)).copied();
        Ok((at(50).unwrap_or_default(), at(99).unwrap_or_default()))
    }
}

/// How long this thread has been at work. What the kernel does with a frame on its way is done by who sends it.
fn thread_time() -> std::io::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

/// How many frames the device has received.
fn received(kernel: &mut Rtnetlink, link: &LinkName) -> Result<u64, Box<dyn Error>> {
    let link = kernel.link(link)?.ok_or("the receiver's device has gone")?;
    Ok(link.statistics.received_packets)
}

fn drop_on_arrival(station: &Station, vif: Vif) -> Result<(), Box<dyn Error>> {
    let rules = format!(
        "table netdev sink {{ chain in {{ type filter hook ingress device \"{}\" priority 0; udp dport {DISCARD} drop;\n}}\n}}\n",
        vif.peer()
    );
    let output = station
        .spawn(Command::new("nft").arg(rules).stdin(Stdio::null()).stderr(Stdio::piped()))?
        .wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("nft: {}", String::from_utf8_lossy(&output.stderr)).into())
}
