//! Packets at a steady pace from the host, each answered: what of them is lost, and for how long nothing comes.

use std::error::Error;
use std::net::{IpAddr, UdpSocket};
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

/// What became of a flow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    /// Which.
    pub(crate) title: &'static str,
    /// How many packets were not answered.
    pub(crate) lost: usize,
    /// The longest time between two answers.
    pub(crate) silence: Duration,
}

/// Flows under way.
pub(crate) struct Flows {
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<Flow>>,
}

impl Flows {
    /// Starts all four.
    pub(crate) fn start(lab: &Lab) -> Result<Self, Box<dyn Error>> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut senders = Vec::new();
        for (title, own, target) in FLOWS {
            let (own, target): (IpAddr, IpAddr) = (own.parse()?, target.parse()?);
            let echo = lab.wire().gateway().run(|| UdpSocket::bind((target, 0)))??;
            let socket = lab.host().run(|| UdpSocket::bind((own, 0)))??;
            socket.connect(echo.local_addr()?)?;
            socket.set_nonblocking(true)?;
            echo.set_read_timeout(Some(PATIENCE))?;
            let stopped = Arc::clone(&stop);
            thread::spawn(move || answer(&echo, &stopped));
            let stopped = Arc::clone(&stop);
            senders.push(thread::spawn(move || send(title, &socket, &stopped)));
        }
        Ok(Self { stop, senders })
    }

    /// Ends them.
    pub(crate) fn end(self) -> Vec<Flow> {
        self.stop.store(true, Ordering::Relaxed);
        self.senders.into_iter().filter_map(|sender| sender.join().ok()).collect()
    }
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

fn send(title: &'static str, socket: &UdpSocket, stop: &AtomicBool) -> Flow {
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
    Flow { title, lost: sent.saturating_sub(answers.count), silence: answers.silence }
}

/// What has come back.
struct Answers {
    count: usize,
    last: Instant,
    silence: Duration,
}

impl Answers {
    fn new() -> Self {
        Self { count: 0, last: Instant::now(), silence: Duration::ZERO }
    }

    fn take(&mut self, socket: &UdpSocket) {
        let mut buffer = [0; 64];
        while socket.recv(&mut buffer).is_ok() {
            self.count += 1;
            let now = Instant::now();
            self.silence = self.silence.max(now - self.last);
            self.last = now;
        }
    }
}
