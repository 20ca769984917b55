//! Packets at a steady pace from the host, each answered: what of them is lost, and for how long nothing comes.
//!
//! The machine itself pauses now and then. One more flow, over a path that nobody touches, tells when.

use std::error::Error;
use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use lab::Lab;

/// Between two packets of a flow.
const PACE: Duration = Duration::from_micros(500);
/// For the last answers.
const PATIENCE: Duration = Duration::from_millis(300);

/// From the host's own addresses: on the wire, and behind the gateway, over both families.
const FLOWS: [(&str, &str, &str); 4] = [
    ("IPv4", "10.0.0.250", "10.0.0.254"),
    ("IPv4 routed", "10.0.0.250", "192.0.2.1"),
    ("IPv6", "2001:db8::250", "2001:db8::fe"),
    ("IPv6 routed", "2001:db8::250", "2001:db8:ffff::1"),
];

/// The untouched path: from the gateway to itself.
const CONTROL: &str = "192.0.2.1";

/// Between answers, what is longer than this counts as a pause.
const PAUSE: Duration = Duration::from_millis(1);

/// What became of a flow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    /// Which.
    pub(crate) title: &'static str,
    /// How many packets were not answered.
    pub(crate) lost: usize,
    /// The longest time between two answers.
    pub(crate) silence: Duration,
    /// The same, without the time in which nothing came on the untouched path either.
    pub(crate) own_silence: Duration,
}

/// Flows under way.
pub(crate) struct Flows {
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<Sent>>,
    control: JoinHandle<Sent>,
}

impl Flows {
    /// Starts all four.
    pub(crate) fn start(lab: &Lab) -> Result<Self, Box<dyn Error>> {
        let stop = Arc::new(AtomicBool::new(false));
        let gateway = lab.wire().gateway();
        let (echo, socket) = gateway.run(|| (bound(CONTROL), bound(CONTROL)))?;
        let control = flow("control", echo?, socket?, &stop)?;
        let mut senders = Vec::new();
        for (title, own, target) in FLOWS {
            let echo = gateway.run(|| bound(target))??;
            let socket = lab.host().run(|| bound(own))??;
            senders.push(flow(title, echo, socket, &stop)?);
        }
        Ok(Self { stop, senders, control })
    }

    /// Ends them.
    pub(crate) fn end(self) -> Vec<Flow> {
        self.stop.store(true, Ordering::Relaxed);
        let pauses = self.control.join().map(|sent| sent.pauses).unwrap_or_default();
        let sent = self.senders.into_iter().filter_map(|sender| sender.join().ok());
        sent.map(|sent| sent.beside(&pauses)).collect()
    }
}

fn bound(address: &str) -> io::Result<UdpSocket> {
    UdpSocket::bind((address, 0))
}

/// Starts one.
fn flow(
    title: &'static str,
    echo: UdpSocket,
    socket: UdpSocket,
    stop: &Arc<AtomicBool>,
) -> io::Result<JoinHandle<Sent>> {
    socket.connect(echo.local_addr()?)?;
    socket.set_nonblocking(true)?;
    echo.set_read_timeout(Some(PATIENCE))?;
    let stopped = Arc::clone(stop);
    thread::spawn(move || answer(&echo, &stopped));
    let stopped = Arc::clone(stop);
    Ok(thread::spawn(move || send(title, &socket, &stopped)))
}

/// From one answer to the next.
type Pause = (Instant, Instant);

/// A flow that has ended.
struct Sent {
    title: &'static str,
    lost: usize,
    pauses: Vec<Pause>,
}

impl Sent {
    /// What became of it, while the machine had these pauses.
    fn beside(&self, machine: &[Pause]) -> Flow {
        let own = |pause: &Pause| {
            let shared: Duration = machine.iter().map(|other| overlap(pause, other)).sum();
            length(pause).saturating_sub(shared)
        };
        Flow {
            title: self.title,
            lost: self.lost,
            silence: self.pauses.iter().map(length).max().unwrap_or_default(),
            own_silence: self.pauses.iter().map(own).max().unwrap_or_default(),
        }
    }
}

fn length(pause: &Pause) -> Duration {
    pause.1.duration_since(pause.0)
}

fn overlap(one: &Pause, other: &Pause) -> Duration {
    one.1.min(other.1).saturating_duration_since(one.0.max(other.0))
}

fn answer(echo: &UdpSocket, stop: &AtomicBool) {
    let mut buffer = [0; 64];
    loop {
        match echo.recv_from(&mut buffer) {
            Ok((length, from)) => drop(echo.send_to(&buffer[..length.min(64)], from)),
            Err(_) if stop.load(Ordering::Relaxed) => return,
            Err(_) => {}
        }
    }
}

fn send(title: &'static str, socket: &UdpSocket, stop: &AtomicBool) -> Sent {
    let mut sent: usize = 0;
    let mut answers = Answers::new();
    let mut due = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        // What cannot be sent is lost: the program that sends it does not ask why.
        let _ = socket.send(&sent.to_be_bytes());
        sent += 1;
        answers.take(socket);
        due += PACE;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    let end = Instant::now() + PATIENCE;
    while answers.count < sent && Instant::now() < end {
        answers.take(socket);
        thread::sleep(PACE);
    }
    Sent { title, lost: sent.saturating_sub(answers.count), pauses: answers.pauses }
}

/// What has come back.
struct Answers {
    count: usize,
    last: Instant,
    pauses: Vec<Pause>,
}

impl Answers {
    fn new() -> Self {
        Self { count: 0, last: Instant::now(), pauses: Vec::new() }
    }

    fn take(&mut self, socket: &UdpSocket) {
        let mut buffer = [0; 64];
        while socket.recv(&mut buffer).is_ok() {
            self.count += 1;
            let now = Instant::now();
            if now - self.last > PAUSE {
                self.pauses.push((self.last, now));
            }
            self.last = now;
        }
    }
}
