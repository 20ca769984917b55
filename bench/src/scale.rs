//! What one call costs on hosts with few vifs and with many.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::contender;
use crate::crowd::{Crowd, Vif};
use crate::progress::say;
use crate::report::{Drawing, Report, Table, Value, millis};

/// How often each call is made, unless told otherwise.
pub(crate) const ROUNDS: usize = 15;
/// How many vifs the hosts have.
pub(crate) const SIZES: [u32; 5] = [1, 10, 100, 1000, 4000];
/// Of how many vifs the memory is measured.
pub(crate) const MEMORY_VIFS: u32 = 500;

/// Between two calls, so that none waits for what the kernel still tidies up after the one before.
const PAUSE: Duration = Duration::from_millis(120);

/// How long one call took, by size.
type Times = Vec<Vec<f64>>;

struct Calls {
    title: &'static str,
    times: Times,
}

/// Measures it all, on a host of each size in turn.
pub(crate) fn measure(rounds: usize, sizes: &[u32], memory_vifs: u32) -> Result<Report, Box<dyn Error>> {
    let program = contender::program("dom0net")?;
    let scripts =
        [contender::script("dom0net")?, contender::script("guarded-floor")?, contender::script("floor")?];
    let mut crowds = Vec::new();
    for &size in sizes {
        say(format_args!("scale: a host with {size} vifs"));
        let mut crowd = Crowd::new()?;
        // The last is plugged by each contender in turn.
        let vifs = crowd.grow(size)?;
        crowd.each(&scripts[0], "online", &vifs)?;
        crowds.push(crowd);
    }
    let mut plugs = Vec::new();
    for title in [
        "online, dom0net",
        "online, the floor with the guard",
        "online, the floor",
        "offline, dom0net",
        "offline, the floor with the guard",
        "offline, the floor",
    ] {
        plugs.push(Calls { title, times: vec![Vec::new(); sizes.len()] });
    }
    let mut questions: Vec<Calls> =
        ["`guard show` of one", "`show`", "`show --json`", "`network-bridge status`"]
            .map(|title| Calls { title, times: vec![Vec::new(); sizes.len()] })
            .into();
    for _ in 0..rounds {
        for (at, crowd) in crowds.iter().enumerate() {
            let vif = crowd.vifs().next_back().ok_or("a host without vifs")?;
            for (contender, script) in scripts.iter().enumerate().rev() {
                // By dom0net, whoever plugged it: what the floor leaves is no guard.
                call(crowd, &scripts[0], "offline", vif)?;
                let online = call(crowd, script, "online", vif)?;
                let offline = call(crowd, script, "offline", vif)?;
                plugs[contender].times[at].push(online);
                plugs[scripts.len() + contender].times[at].push(offline);
                call(crowd, &scripts[0], "online", vif)?;
            }
            ask(crowd, &program, vif, at, &mut questions)?;
        }
    }
    drop(crowds);
    let columns = || sizes.iter().map(|size| format!("{size} vifs")).collect::<Vec<_>>();
    let mut report = Report { part: "scale", title: "Many vifs on one host", tables: Vec::new() };
    report.tables.push(
        table("one vif plugged and unplugged, on a host with", columns(), &plugs)
            .note("A call about the last vif; the others stay plugged and guarded. Ratios are to the smallest host. An interface that is attached to a running guest is the same call. 1,000 vifs share a bridge, as a bridge has no more ports."),
    );
    report.tables.push(table("what people ask, on a host with", columns(), &questions));
    let [ours, _, floor] = &scripts;
    report.tables.push(memory([ours, floor], memory_vifs)?);
    Ok(report)
}

fn call(crowd: &Crowd, script: &Path, operation: &str, vif: Vif) -> Result<f64, Box<dyn Error>> {
    thread::sleep(PAUSE);
    Ok(millis(crowd.time(crowd.script(script, operation, vif))?))
}

fn ask(
    crowd: &Crowd,
    program: &Path,
    vif: Vif,
    at: usize,
    questions: &mut [Calls],
) -> Result<(), Box<dyn Error>> {
    let device = vif.device();
    let words: [&[&str]; 4] =
        [&["guard", "show", &device], &["show"], &["show", "--json"], &["network-bridge", "status"]];
    for (words, calls) in words.into_iter().zip(questions) {
        let mut command = crowd.program(program);
        command.args(words);
        calls.times[at].push(millis(crowd.time(command)?));
    }
    Ok(())
}

fn table(title: &str, columns: Vec<String>, calls: &[Calls]) -> Table {
    let mut table = Table::new(title, "ms", columns).drawn(Drawing::Lines);
    for calls in calls {
        table.row(calls.title, calls.times.iter().map(|times| Value::of(times.iter().copied())).collect());
    }
    table.beside_first_column()
}

/// What the kernel keeps for a vif that is plugged, beyond its device: all plugged and unplugged again, some times,
/// and the difference divided by their number.
fn memory(scripts: [&PathBuf; 2], count: u32) -> Result<Table, Box<dyn Error>> {
    let mut crowd = Crowd::new()?;
    let vifs = crowd.grow(count)?;
    let mut table = Table::new("kernel memory of a plugged vif", "KiB", vec!["KiB".into()]).note(format!(
        "The growth of unreclaimable kernel objects (`kmalloc-*`, `skbuff*` and the like in `/proc/slabinfo`) and of per-CPU memory while {count} vifs are plugged, by their number; three times in turn. The row \"nothing\" shows what the rest of the machine adds to it in that time."
    ));
    let mut used: [Vec<f64>; 3] = Default::default();
    for _ in 0..3 {
        for (script, used) in scripts.iter().map(Some).chain([None]).zip(&mut used) {
            thread::sleep(PAUSE * 4);
            let before = kernel_memory()?;
            match script {
                Some(script) => crowd.each(script, "online", &vifs)?,
                None => thread::sleep(PAUSE * 10),
            }
            used.push((kernel_memory()? - before) / f64::from(count));
            if script.is_some() {
                crowd.each(scripts[0], "offline", &vifs)?;
            }
        }
    }
    for (title, used) in
        ["dom0net: on a bridge, with its guard", "the floor: on a bridge", "nothing"].into_iter().zip(used)
    {
        table.row(title, vec![Value::of(used)]);
    }
    Ok(table)
}

/// KiB in objects that the kernel cannot give back.
fn kernel_memory() -> Result<f64, Box<dyn Error>> {
    let meminfo = fs::read_to_string("/proc/meminfo")?;
    let per_cpu = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("Percpu:")?.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0.0);
    Ok(per_cpu + slab_kib(&fs::read_to_string("/proc/slabinfo")?))
}

/// The objects in use of all caches but those for files, which the rest of the machine fills and empties.
fn slab_kib(slabinfo: &str) -> f64 {
    let of_files = [
        "dentry",
        "inode",
        "buffer_head",
        "filp",
        "radix_tree",
        "vm_area",
        "anon_vma",
        "maple",
        "rcl",
        "task",
        "pid",
        "cred",
        "sighand",
        "signal",
        "mm_struct",
        "files_cache",
    ];
    let size = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let name = words.next()?;
        let (objects, size) = (words.next()?.parse::<f64>().ok()?, words.nth(1)?.parse::<f64>().ok()?);
        let is_of_files = of_files.iter().any(|part| name.contains(part));
        Some(if is_of_files { 0.0 } else { objects * size / 1024.0 })
    };
    slabinfo.lines().filter_map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_counted_by_their_size_but_for_those_of_files() {
        let slabinfo = "\
slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables
ext4_inode_cache     900   1000   1024   16    4 : tunables 0 0 0 : slabdata 1 1 0
kmalloc-512           10     16    512   16    2 : tunables 0 0 0 : slabdata 1 1 0
kmalloc-rcl-64        10     16    512   16    2 : tunables 0 0 0 : slabdata 1 1 0
";
        assert!((slab_kib(slabinfo) - 5.0).abs() < 1e-9);
    }
}
