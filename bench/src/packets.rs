//! What gets through the guard, and how fast: beside no guard, and beside the rules that people use.
//!
//! Every contender has a host of its own, with as many vifs as the others and its rules for all of them. They take turns
//! within each round, so that noise hits all alike; a ratio is the median of the ratios of the rounds.

mod contender;
mod host;
mod outside;
mod path;
mod rules;
mod traffic;

use std::error::Error;
use std::time::Duration;

use crate::progress::say;
use crate::report::{Drawing, Report, Table, Value};
use contender::{Contender, Mode};
use host::Packets;

/// How often each contender has its turn, unless told otherwise.
pub(crate) const ROUNDS: usize = 25;
/// How many vifs the hosts have: at least two, of which one sends and one receives.
pub(crate) const SIZES: [u32; 5] = [1, 10, 100, 1000, 4000];

/// How much work of a core a turn is: short, so that noise has little time to hit one contender and not the others.
const TURN: Duration = Duration::from_millis(10);
const TCP_TURN: Duration = Duration::from_millis(60);
/// How many packets of a turn are answered.
const PINGS: usize = 200;

/// What was seen of one kind of traffic: for each contender and size a list with one value for each round.
struct Seen {
    title: String,
    unit: &'static str,
    values: Vec<Vec<Vec<f64>>>,
}

/// Measures it all.
pub(crate) fn measure(rounds: usize, sizes: &[u32]) -> Result<Report, Box<dyn Error>> {
    let mut report = Report { part: "packets", title: "Packets through the guard", tables: Vec::new() };
    for mode in Mode::ALL {
        let contenders = Contender::all(mode);
        let mut all = Vec::new();
        for kind in mode.kinds() {
            all.push(seen(
                format!("{} of 60 bytes, {}", kind.title(), mode.title()),
                "thousands for each second of a core",
                &contenders,
                sizes,
            ));
        }
        let kinds = all.len();
        all.push(seen(format!("TCP, {}", mode.title()), "Gbit/s", &contenders, sizes));
        for percent in ["50", "99"] {
            let title = format!("there and back, {percent} % are faster, {}", mode.title());
            all.push(seen(title, "µs", &contenders, sizes));
        }
        let mut hosts = contenders
            .iter()
            .map(|contender| Packets::new(*contender, mode))
            .collect::<Result<Vec<_>, _>>()?;
        for (size_at, &size) in sizes.iter().enumerate() {
            for host in &mut hosts {
                say(format_args!(
                    "packets: {} vifs, {}, {}",
                    size.max(2),
                    mode.title(),
                    host.contender().title()
                ));
                host.grow(size.max(2))?;
            }
            for _ in 0..rounds {
                for (at, host) in hosts.iter_mut().enumerate() {
                    let mut add = |seen: usize, value: f64| all[seen].values[at][size_at].push(value);
                    for (number, kind) in host.kinds().into_iter().enumerate() {
                        add(number, host.traffic().rate(kind, TURN)?);
                    }
                    add(kinds, host.traffic().stream(TCP_TURN)?);
                    let (median, slowest) = host.traffic().latency(PINGS)?;
                    add(kinds + 1, median);
                    add(kinds + 2, slowest);
                }
            }
        }
        report.tables.extend(all.into_iter().map(|seen| table(seen, &contenders, sizes)));
    }
    for mode in Mode::ALL {
        if let Some(table) = report.tables.iter_mut().find(|table| table.title.ends_with(mode.title())) {
            table.notes.push(note(mode).into());
        }
    }
    Ok(report)
}

/// What one has to know to read the tables of a mode.
const fn note(mode: Mode) -> &'static str {
    match mode {
        Mode::Bridge => {
            "One guest sends to another as fast as one core can, and what arrives is counted, for each second that the core works on it. Ratios are to the same host without a guard. Xen's rules know IPv4 only; those of the sender stand in the middle of the list. They let everything through that goes to another guest, from whatever address; before each measurement it is tried that the other guards do not."
        }
        Mode::Route => {
            "Where the host routes, Xen's rules match no packet and keep nothing out; each packet passes them all."
        }
        Mode::Nat => {
            "One guest sends to a machine outside, which sees the host's address. All hosts are set up by `vif-nat`, with the guard switched off but for one. The host with Xen's rules translates as Xen's `network-nat` did; that knows no IPv6."
        }
    }
}

fn seen(title: String, unit: &'static str, contenders: &[Contender], sizes: &[u32]) -> Seen {
    Seen { title, unit, values: vec![vec![Vec::new(); sizes.len()]; contenders.len()] }
}

fn table(seen: Seen, contenders: &[Contender], sizes: &[u32]) -> Table {
    let columns = sizes.iter().map(|size| format!("{} vifs", (*size).max(2))).collect();
    let mut table = Table::new(seen.title, seen.unit, columns).drawn(Drawing::Lines);
    let Some(unguarded) = seen.values.first() else { return table };
    for (contender, values) in contenders.iter().zip(&seen.values) {
        let cells = values.iter().zip(unguarded).map(|(values, unguarded)| {
            let ratios = values.iter().zip(unguarded).map(|(value, unguarded)| value / unguarded);
            let ratio = Value::of(ratios).map(|ratio| ratio.median);
            Value::of(values.iter().copied()).map(|value| Value { ratio, ..value })
        });
        table.row(contender.title(), cells.collect());
    }
    table
}
