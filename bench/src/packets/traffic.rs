//! Frames, streams and questions from one end to the other.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use netkernel::Rtnetlink;
use netkernel::link::LinkName;
use netkernel::packet::PacketSender;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

use super::path::{DISCARD, End, Kind, Path};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Two ends, and what is between them.
pub(super) struct Traffic {
    sender: PacketSender,
    frames: [Vec<u8>; 3],
    receiver: Rtnetlink,
    arrives_at: LinkName,
    listener: TcpListener,
    writer: Writer,
    seen_as: IpAddr,
    asks: UdpSocket,
    answers: UdpSocket,
}

/// Where streams begin.
struct Writer(netkernel::namespace::Namespace);

impl Traffic {
    /// On this path.
    pub(super) fn new(path: &Path<'_>) -> Result<Self, Box<dyn Error>> {
        let (from, to) = (&path.from, &path.to);
        drop_on_arrival(to)?;
        let answers = to.station.run(|| UdpSocket::bind((to.ipv4, 0)))??;
        let asks = from.station.run(|| UdpSocket::bind((from.ipv4, 0)))??;
        asks.set_read_timeout(Some(PATIENCE))?;
        answers.set_read_timeout(Some(PATIENCE))?;
        asks.connect(answers.local_addr()?)?;
        let seen_as = path.seen_as().into();
        asks.send(&[])?;
        let (_, asker) = answers.recv_from(&mut [])?;
        must_be(asker.ip(), seen_as)?;
        answers.connect(asker)?;
        let device = LinkName::new(&from.device[..])?;
        Ok(Self {
            sender: from.station.run(|| PacketSender::open(&device))??,
            frames: Kind::ALL.map(|kind| path.frame(kind).into_bytes()),
            receiver: to.station.kernel()?,
            arrives_at: LinkName::new(&to.device[..])?,
            listener: to.station.run(|| TcpListener::bind((to.ipv4, 0)))??,
            writer: Writer(from.station.run(netkernel::namespace::Namespace::current)??),
            seen_as,
            asks,
            answers,
        })
    }

    /// Thousands of frames that arrive for each second that a core works on them. Time in which other programs have the
    /// core does not count.
    pub(super) fn rate(&mut self, kind: Kind, turn: Duration) -> Result<f64, Box<dyn Error>> {
        // A bridge must know where the receiver is, and a router.
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
        let (mut reader, writes) = self.listener.accept()?;
        must_be(writes.ip(), self.seen_as)?;
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

/// What is to be translated is measured translated, and nothing else is.
fn must_be(seen: IpAddr, expected: IpAddr) -> Result<(), String> {
    if seen == expected { Ok(()) } else { Err(format!("the receiver sees {seen}, and not {expected}")) }
}

fn drop_on_arrival(end: &End<'_>) -> Result<(), Box<dyn Error>> {
    let rules = format!(
        "table netdev sink {{ chain in {{ type filter hook ingress device \"{}\" priority 0; udp dport {DISCARD} drop;\n}}\n}}\n",
        end.device
    );
    let output = end
        .station
        .spawn(Command::new("nft").arg(rules).stdin(Stdio::null()).stderr(Stdio::piped()))?
        .wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("nft: {}", String::from_utf8_lossy(&output.stderr)).into())
}
