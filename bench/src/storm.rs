//! Many plugs at once: as many processes as the toolstack would start, all of them together.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};

use crate::contender;
use crate::crowd::{Crowd, Vif};
use crate::progress::say;
use crate::report::{Drawing, Report, Table, Value, millis};

/// How many at once.
pub(crate) const SIZES: [u32; 3] = [10, 100, 1000];
/// How often, unless told otherwise.
pub(crate) const ROUNDS: usize = 3;
/// Xen's script takes minutes for more.
const STOCK_MOST: u32 = 100;

/// How a storm went.
#[derive(Debug, Default)]
struct Storm {
    /// From the first start to the last end.
    total: Duration,
    /// How many ended with something else than success.
    failed: usize,
    /// The longest that one of them lay asleep: neither at work nor waiting for a core.
    asleep: Duration,
    /// The longest that one of them took.
    longest: Duration,
}

/// What became of one process.
struct End {
    pid: i32,
    at: Instant,
    /// At work, and waiting for a core.
    busy: Duration,
    succeeded: bool,
}

/// Measures it all.
pub(crate) fn measure(rounds: usize, sizes: &[u32]) -> Result<Report, Box<dyn Error>> {
    let mut scripts = vec![
        ("dom0net", contender::script("dom0net")?, u32::MAX),
        ("the floor with the guard", contender::script("guarded-floor")?, u32::MAX),
        ("the floor", contender::script("floor")?, u32::MAX),
    ];
    scripts.extend(
        contender::stock()?
            .into_iter()
            .map(|stock| (stock.title, stock.scripts.join("vif-bridge"), STOCK_MOST)),
    );
    let columns = || sizes.iter().map(|size| format!("{size} at once")).collect::<Vec<_>>();
    let mut totals =
        Table::new("from the first start to the last end", "ms", columns()).drawn(Drawing::Lines);
    let mut sleeps = Table::new("the longest that one process lay asleep", "ms", columns())
        .note("Asleep is neither at work nor waiting for a core: waiting for a lock, for the store, or for the kernel to finish something. So no wait for a lock was longer.");
    let mut longest =
        Table::new("the longest that one process took, most of it waiting for a core", "ms", columns());
    let mut failures = Table::new("how many failed", "processes", columns());
    for (title, script, most) in &scripts {
        let mut results: [(Vec<_>, Vec<_>, Vec<_>, Vec<_>); 2] = Default::default();
        for &size in sizes {
            let mut storms: [Vec<Storm>; 2] = Default::default();
            if size <= *most {
                say(format_args!("storm: {size} plugs at once by {title}"));
                let mut crowd = Crowd::new()?;
                let vifs = crowd.grow(size)?;
                for _ in 0..rounds {
                    for (operation, storms) in ["online", "offline"].into_iter().zip(&mut storms) {
                        storms.push(storm(&mut crowd, script, operation, &vifs)?);
                        thread::sleep(Duration::from_millis(300));
                    }
                }
            }
            for (storms, (total, asleep, took, failed)) in storms.iter().zip(&mut results) {
                total.push(Value::of(storms.iter().map(|storm| millis(storm.total))));
                asleep.push(Value::of(storms.iter().map(|storm| millis(storm.asleep))));
                took.push(Value::of(storms.iter().map(|storm| millis(storm.longest))));
                failed.push(Value::of(
                    storms.iter().map(|storm| f64::from(u32::try_from(storm.failed).unwrap_or(u32::MAX))),
                ));
            }
        }
        for (operation, (total, asleep, took, failed)) in ["online", "offline"].into_iter().zip(results) {
            totals.row(format!("{operation}, {title}"), total);
            sleeps.row(format!("{operation}, {title}"), asleep);
            longest.row(format!("{operation}, {title}"), took);
            failures.row(format!("{operation}, {title}"), failed);
        }
    }
    Ok(Report { part: "storm", title: "Many plugs at once", tables: vec![totals, sleeps, longest, failures] })
}

fn storm(crowd: &mut Crowd, script: &Path, operation: &str, vifs: &[Vif]) -> Result<Storm, Box<dyn Error>> {
    let (begin, starts, ends) = crowd.host().run(|| {
        let begin = Instant::now();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| wait_for(vifs.len()));
            let mut starts = HashMap::new();
            for vif in vifs {
                let started = Instant::now();
                let child =
                    crowd.script(script, operation, *vif).spawn().map_err(|error| error.to_string())?;
                starts.insert(child.id().cast_signed(), started);
            }
            let ends = waiter.join().map_err(|_| "the thread that waits has ended")??;
            Ok::<_, String>((begin, starts, ends))
        })
    })??;
    let mut storm = Storm::default();
    for end in &ends {
        storm.total = storm.total.max(end.at.duration_since(begin));
        storm.failed += usize::from(!end.succeeded);
        if let Some(started) = starts.get(&end.pid) {
            let took = end.at.duration_since(*started);
            storm.longest = storm.longest.max(took);
            storm.asleep = storm.asleep.max(took.saturating_sub(end.busy));
        }
    }
    if operation == "online" {
        let connected = crowd.connected(vifs)?;
        if connected + storm.failed < vifs.len() {
            return Err(format!("{connected} of {} vifs are plugged, and nothing failed", vifs.len()).into());
        }
    }
    if storm.failed > 0 {
        for vif in vifs {
            if let Some(problem) = crowd.problem(*vif)? {
                say(format_args!("storm: {}: {problem}", vif.device()));
                break;
            }
        }
    }
    Ok(storm)
}

/// Takes so many processes as they end.
fn wait_for(count: usize) -> Result<Vec<End>, String> {
    let mut ends = Vec::new();
    while ends.len() < count {
        let ended = match waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
            Ok(ended) => ended,
            // The first has not been started yet.
            Err(nix::errno::Errno::ECHILD) => {
                thread::sleep(Duration::from_micros(50));
                continue;
            }
            Err(error) => return Err(error.to_string()),
        };
        let at = Instant::now();
        let pid = ended.pid().ok_or("a process without a number")?;
        // It is there until it is waited for.
        let busy = busy(&fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default());
        waitpid(pid, None).map_err(|error| error.to_string())?;
        let succeeded = matches!(ended, WaitStatus::Exited(_, 0));
        ends.push(End { pid: pid.as_raw(), at, busy, succeeded });
    }
    Ok(ends)
}

/// At work and waiting for a core, of `/proc/PID/schedstat`: the first two numbers, in nanoseconds.
fn busy(schedstat: &str) -> Duration {
    let numbers = schedstat.split_ascii_whitespace().take(2).filter_map(|number| number.parse::<u64>().ok());
    Duration::from_nanos(numbers.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_sleep_is_work_and_waiting_for_a_core() {
        assert_eq!(busy("1500 500 7\n"), Duration::from_micros(2));
        assert_eq!(busy(""), Duration::ZERO);
    }
}
