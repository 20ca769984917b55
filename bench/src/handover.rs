//! Moving the card onto a bridge while traffic goes on.

use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use lab::{Lab, LabConfig};

use crate::flows::{Flow, Flows};
use crate::progress::say;

/// How often each way is gone, unless told otherwise.
pub(crate) const ROUNDS: usize = 10;

/// Before and after the change.
const BEFORE: Duration = Duration::from_millis(300);
const AFTER: Duration = Duration::from_millis(2500);

/// The words of guides and mailing lists: take the addresses off, put the card on, add them again.
const GUIDE: &str = "\
ip link add xenbr0 type bridge && ip link set xenbr0 up && ip addr flush dev eth0 &&
ip link set eth0 master xenbr0 && ip addr add 10.0.0.250/24 dev xenbr0 &&
ip -6 addr add 2001:db8::250/64 dev xenbr0 && ip route replace default via 10.0.0.254 &&
ip -6 route replace default via 2001:db8::fe";

/// The order of Xen's network-bridge, of 3.2 to 4.x: the card goes down and gets another name, the bridge gets its
/// name, its IPv4 addresses and its default route. It knew nothing of IPv6.
const CLASSIC: &str = "\
ip link add tmpbridge type bridge && ip addr flush dev eth0 && ip link set eth0 down &&
ip link set eth0 name peth0 && ip link set tmpbridge name eth0 && ip link set peth0 up &&
ip link set peth0 master eth0 && ip link set eth0 up && ip addr add 10.0.0.250/24 dev eth0 &&
ip route replace default via 10.0.0.254";

/// A way to do it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    /// What the table calls it.
    pub(crate) title: &'static str,
    /// None: dom0net, with this layout.
    script: Option<&'static str>,
    words: &'static [&'static str],
}

/// The ways.
pub(crate) const WAYS: [Way; 5] = [
    Way { title: "dom0net, `layout=today`", script: None, words: &["bridge=xenbr0"] },
    Way { title: "dom0net, `layout=bridge-is-eth0`", script: None, words: &["bridge=eth0"] },
    Way { title: "dom0net, `layout=classic`", script: None, words: &["layout=classic"] },
    Way { title: "`ip`, in the order of guides", script: Some(GUIDE), words: &[] },
    Way { title: "the order of Xen's `network-bridge`", script: Some(CLASSIC), words: &[] },
];

/// What a way came to: the flows of each round.
#[derive(Debug)]
pub(crate) struct Gone {
    /// Which.
    pub(crate) way: Way,
    /// One list of flows for each round.
    pub(crate) rounds: Vec<Vec<Flow>>,
}

/// The variable with a part of the titles of the ways that are to be gone; without it, all are.
const ONLY: &str = "DOM0NET_BENCH_WAYS";

/// A silence that is too long.
const TOO_LONG: Duration = Duration::from_millis(10);

impl Gone {
    /// How often something was lost, and how long the silences were.
    fn sum(&self) -> String {
        let rounds = self.rounds.len();
        let lost = |flows: &Vec<Flow>| flows.iter().map(|flow| flow.lost).max().unwrap_or_default();
        let clean = self.rounds.iter().filter(|flows| lost(flows) == 0).count();
        let most = self.rounds.iter().map(lost).max().unwrap_or_default();
        let silent = |silence: fn(&Flow) -> Duration| {
            let long = self.rounds.iter().filter(|flows| flows.iter().any(|flow| silence(flow) >= TOO_LONG));
            let longest = self.rounds.iter().flatten().map(silence).max().unwrap_or_default();
            format!("{} of {rounds} rounds, {:.1} ms at most", long.count(), longest.as_secs_f64() * 1000.0)
        };
        format!(
            "{}: nothing lost in {clean} of {rounds} rounds, {most} packets of a flow at most; silent for {} ms \
             or more in {}; without the machine's own pauses in {}",
            self.way.title,
            TOO_LONG.as_millis(),
            silent(|flow| flow.silence),
            silent(|flow| flow.own_silence)
        )
    }
}

/// Goes each way so often, in turn. Says on stderr what each came to as a whole.
pub(crate) fn measure(program: &Path, rounds: usize) -> Result<Vec<Gone>, Box<dyn Error>> {
    let only = std::env::var(ONLY).unwrap_or_default();
    let ways = WAYS.into_iter().filter(|way| way.title.contains(&only));
    let mut all: Vec<Gone> = ways.map(|way| Gone { way, rounds: Vec::new() }).collect();
    for _ in 0..rounds {
        for gone in &mut all {
            gone.rounds.push(go(program, gone.way)?);
        }
    }
    for gone in &all {
        say(format_args!("{}", gone.sum()));
    }
    Ok(all)
}

fn go(program: &Path, way: Way) -> Result<Vec<Flow>, Box<dyn Error>> {
    let lab = Lab::build(LabConfig::default())?;
    let flows = Flows::start(&lab)?;
    thread::sleep(BEFORE);
    let mut command = if let Some(script) = way.script {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    } else {
        let mut command = Command::new(program);
        command.args(["network-bridge", "start", "netdev=eth0", "--force"]).args(way.words);
        command
    };
    command.stdout(Stdio::null());
    let output = lab.on_host(&mut command)?;
    thread::sleep(AFTER);
    let flows = flows.end();
    if output.status.success() {
        return Ok(flows);
    }
    Err(format!("{}: {}", way.title, String::from_utf8_lossy(&output.stderr)).into())
}
