//! Traffic of the host that counts what is lost.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::RcvBufForce;

use crate::wire::{FAR, GATEWAY, HOST, Wire};

/// Packets at a steady pace, each answered, and a connection that stays open.
pub(crate) struct Traffic {
    stop: Arc<AtomicBool>,
    flows: Vec<JoinHandle<Flow>>,
    connection: JoinHandle<std::io::Result<()>>,
    /// How many answers each flow and the connection got so far.
    answered: Vec<Arc<AtomicU32>>,
}

/// What became of a flow.
#[derive(Debug)]
#[allow(dead_code, reason = "shown when an assertion fails")]
pub(crate) struct Flow {
    pub(crate) target: SocketAddr,
    pub(crate) sent: u32,
    pub(crate) lost: u32,
}

/// How long each sender waits between two packets: a millisecond, or as many as this variable says where that is more than
/// the machine can do.
fn pace() -> Duration {
    let milliseconds = std::env::var("TRAFFIC_PACE").ok().and_then(|text| text.parse().ok());
    Duration::from_millis(milliseconds.unwrap_or(1))
}

impl Traffic {
    pub(crate) fn start(wire: &Wire) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let answered: Vec<Arc<AtomicU32>> = (0..5).map(|_| Arc::default()).collect();
        let mut counters = answered.iter().cloned();
        let mut counter = || counters.next().unwrap();
        let mut flows = Vec::new();
        for family in 0..2 {
            for target in [GATEWAY[family], FAR[family]] {
                let (echo, socket) = udp_pair(wire, target, HOST[family]);
                flows.push(flow(echo, socket, Arc::clone(&stop), counter()));
            }
        }
        let listener = wire.gateway.run(|| TcpListener::bind((FAR[0], 0)).unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let stream = wire.host.namespace.run(|| TcpStream::connect(address).unwrap()).unwrap();
        let connection = connection(listener, stream, Arc::clone(&stop), counter());
        Self { stop, flows, connection, answered }
    }

    /// Waits until each of them was answered another ten times: it is not over, whatever the machine's pace.
    pub(crate) fn goes_on(&self) {
        let answered = || self.answered.iter().map(|counter| counter.load(Ordering::Relaxed));
        let wanted: Vec<u32> = answered().map(|count| count + 10).collect();
        let end = Instant::now() + Duration::from_secs(30);
        while !answered().zip(&wanted).all(|(count, wanted)| count >= *wanted) {
            let missing = || format!("answered {:?}, wanted {wanted:?}", answered().collect::<Vec<_>>());
            assert!(Instant::now() < end, "the traffic does not go on: {}", missing());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it, and says what was lost, and whether the connection stood to the end.
    pub(crate) fn end(self) -> (Vec<Flow>, std::io::Result<()>) {
        thread::sleep(Duration::from_millis(100));
        self.stop.store(true, Ordering::Relaxed);
        let flows = self.flows.into_iter().map(|flow| flow.join().unwrap()).collect();
        (flows, self.connection.join().unwrap())
    }
}

fn udp_pair(wire: &Wire, target: &str, own: &str) -> (UdpSocket, UdpSocket) {
    let echo = wire.gateway.run(|| UdpSocket::bind((target, 0)).unwrap()).unwrap();
    let address = echo.local_addr().unwrap();
    let socket = wire
        .host
        .namespace
        .run(|| {
            let socket = UdpSocket::bind((own, 0)).unwrap();
            socket.connect(address).unwrap();
            socket
        })
        .unwrap();
    (echo, socket)
}

/// What a socket keeps for a thread that does not run: seconds of a flow, so that a machine under load loses none.
const KEPT: usize = 16 << 20;

/// Sends numbered packets at a steady pace and counts those that never come back.
fn flow(
    echo: UdpSocket,
    socket: UdpSocket,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU32>,
) -> JoinHandle<Flow> {
    let target = echo.local_addr().unwrap();
    for socket in [&echo, &socket] {
        setsockopt(socket, RcvBufForce, &KEPT).unwrap();
    }
    let limit = Some(Duration::from_millis(500));
    echo.set_read_timeout(limit).unwrap();
    socket.set_read_timeout(limit).unwrap();
    let stop_echo = Arc::clone(&stop);
    thread::spawn(move || {
        let mut buffer = [0; 16];
        loop {
            match echo.recv_from(&mut buffer) {
                // An error is an ICMP message about an earlier packet.
                Ok((length, from)) => drop(echo.send_to(&buffer[..length], from)),
                Err(_) if stop_echo.load(Ordering::Relaxed) => return,
                Err(_) => {}
            }
        }
    });
    let receiving = socket.try_clone().unwrap();
    let receiver = {
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            let mut buffer = [0; 16];
            loop {
                match receiving.recv(&mut buffer) {
                    Ok(_) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                    // The last answers are waited for.
                    Err(_) if stop.load(Ordering::Relaxed) => return answered.load(Ordering::Relaxed),
                    Err(_) => {}
                }
            }
        })
    };
    thread::spawn(move || {
        let mut sent = 0_u32;
        while !stop.load(Ordering::Relaxed) {
            if socket.send(&sent.to_be_bytes()).is_ok() {
                sent += 1;
            }
            thread::sleep(pace());
        }
        let received: u32 = receiver.join().unwrap();
        Flow { target, sent, lost: sent.saturating_sub(received) }
    })
}

/// Says a byte on an open connection again and again, each time waiting for the answer.
fn connection(
    listener: TcpListener,
    mut stream: TcpStream,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU32>,
) -> JoinHandle<std::io::Result<()>> {
    thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        let mut byte = [0];
        while peer.read_exact(&mut byte).and_then(|()| peer.write_all(&byte)).is_ok() {}
    });
    thread::spawn(move || {
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        while !stop.load(Ordering::Relaxed) {
            stream.write_all(&[7])?;
            stream.read_exact(&mut [0])?;
            answered.fetch_add(1, Ordering::Relaxed);
            thread::sleep(pace());
        }
        Ok(())
    })
}
