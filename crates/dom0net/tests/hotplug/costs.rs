//! What a plug asks of the kernel and what it takes itself, counted: the same on each machine, however fast it is.
//!
//! A change of these numbers is a change of what each plug of each guest costs. `system-calls.txt` and `instructions.txt`
//! hold what they were, `system-calls.md` what each call is for. `UPDATE_COSTS=1` writes the first two anew.
//!
//! Instructions and memory are those of the program as it is shipped, which `DOM0NET_PROGRAM` names:
//!
//! ```text
//! cargo build --release --package dom0net --target x86_64-unknown-linux-musl
//! DOM0NET_PROGRAM=$PWD/target/x86_64-unknown-linux-musl/release/dom0net UPDATE_COSTS=1 cargo test --package dom0net --test hotplug costs
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use dom0net::guard::{Guard, Policy};
use dom0net::vif::{Port, PortKind, Vif};
use netkernel::Rtnetlink;
use netkernel::link::{BridgeOptions, LinkChange, LinkKind, LinkName};
use netkernel::nftables::NfTables;

use crate::support::host::Host;

/// The system calls that the program decides on. What its start and its memory take is the C library's affair, and how often it
/// reads depends on how fast others answer.
const COUNTED: &str =
    "bind,clone,clone3,connect,execve,fork,mkdir,rename,sendmsg,sendto,setsockopt,socket,unlink,vfork";

const CALLS: &str = include_str!("system-calls.txt");
const INSTRUCTIONS: &str = include_str!("instructions.txt");

/// Compilers differ from version to version: so many hundredths more or less are no change.
const TOLERANCE: u64 = 5;
/// The most memory that a plug may hold at once, in KiB.
const LARGEST: u64 = 4096;

/// Writes a baseline anew if that is asked for.
fn update(file: &str, now: &str) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hotplug").join(file);
    let is_asked_for = std::env::var_os("UPDATE_COSTS").is_some();
    if is_asked_for {
        fs::write(path, now).unwrap();
    }
    is_asked_for
}

/// The program as it is shipped, and its name as a script; none, after saying so, where it was not built.
pub(super) fn shipped(host: &Host) -> Option<(PathBuf, PathBuf)> {
    let Some(program) = std::env::var_os("DOM0NET_PROGRAM").map(PathBuf::from) else {
        testkit::skip!("DOM0NET_PROGRAM does not name the program as it is shipped");
        return None;
    };
    let script = host.script("shipped").join("vif-bridge");
    fs::create_dir_all(script.parent().unwrap()).unwrap();
    symlink(&program, &script).unwrap();
    Some((program, script))
}

/// Sets up a call of a script as libxl makes it.
fn as_libxl_calls<'a>(host: &Host, command: &'a mut Command) -> &'a mut Command {
    command.env_clear().envs(host.environment()).envs([
        ("XENBUS_PATH", "backend/vif/1/0"),
        ("vif", "vif1.0"),
        ("DOM0NET_LOG", "none"),
    ])
}

/// How often each system call is made, one line for each.
fn system_calls(host: &Host, words: &[&str]) -> String {
    let strace = testkit::program("strace").expect("looked for before");
    let log = host.script("calls");
    let run = || {
        let mut command = Command::new(&strace);
        command
            .args(["-f", "-qq", "-o", log.to_str().unwrap(), "-e", &format!("trace={COUNTED}")])
            .arg(host.script("vif-bridge"))
            .args(words);
        as_libxl_calls(host, &mut command).output().unwrap()
    };
    let output = host.namespace.run(run).unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    let mut counts = BTreeMap::<String, u32>::new();
    for line in fs::read_to_string(&log).unwrap().lines() {
        // `PID name(…`; a call that another thread interrupts is told in two lines, of which one is counted.
        let call = line.split_whitespace().nth(1).and_then(|word| word.split_once('('));
        if let Some((name, _)) = call {
            // Each C library has its own way to begin a process.
            let name = if ["clone", "clone3", "vfork"].contains(&name) { "fork" } else { name };
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
    let lines: Vec<String> =
        counts.into_iter().map(|(name, count)| format!("{} {name} {count}\n", words[0])).collect();
    lines.concat()
}

#[test]
fn a_plug_asks_no_more_of_the_kernel_than_it_did() {
    if testkit::program("strace").is_none() {
        return;
    }
    let Some(host) = Host::with_bridge_and_vif() else { return };
    host.write("ip", "10.0.0.1 2001:db8::1");
    // The first plug of a host makes a table that stays.
    assert_eq!(host.vif_bridge(&["online", "type_if=vif"]).status, 0);
    assert_eq!(host.vif_bridge(&["offline", "type_if=vif"]).status, 0);
    let online = system_calls(&host, &["online", "type_if=vif"]);
    let offline = system_calls(&host, &["offline", "type_if=vif"]);
    let now = online + &offline;
    if update("system-calls.txt", &now) {
        return;
    }
    assert_eq!(now, CALLS, "see UPDATE_COSTS");
}

#[test]
fn each_system_call_has_a_reason() {
    let reasons = include_str!("system-calls.md");
    for line in CALLS.lines() {
        let [operation, name, count] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        // `| online | sendto | 10 | why |`; several rows for one call add up.
        let rows = reasons.lines().filter_map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let is_of_this = cells.get(1) == Some(&operation) && cells.get(2) == Some(&name);
            is_of_this.then(|| cells[3].parse::<u32>().unwrap())
        });
        assert_eq!(rows.sum::<u32>().to_string(), count, "{operation} {name} in system-calls.md");
    }
}

/// What callgrind tells of a run of a program.
pub(super) fn callgrind(host: &Host, valgrind: &Path, program: &Path, words: &[&str]) -> String {
    let out = host.script("callgrind");
    let run = || {
        let mut command = Command::new(valgrind);
        command
            .args(["--tool=callgrind", "--demangle=no", &format!("--callgrind-out-file={}", out.display())])
            .arg(program)
            .args(words);
        as_libxl_calls(host, &mut command).output().unwrap()
    };
    let output = host.namespace.run(run).unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    fs::read_to_string(&out).unwrap()
}

/// How many instructions a program executes.
fn instructions(host: &Host, valgrind: &Path, program: &Path, words: &[&str]) -> u64 {
    let text = callgrind(host, valgrind, program, words);
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).expect("callgrind counts");
    total.trim().parse().unwrap()
}

#[test]
fn a_plug_executes_no_more_instructions_than_it_did() {
    let Some(valgrind) = testkit::program("valgrind") else { return };
    let Some(host) = Host::with_bridge_and_vif() else { return };
    let Some((program, script)) = shipped(&host) else { return };
    host.write("ip", "10.0.0.1 2001:db8::1");
    // The first plug of a host makes a table that stays.
    assert_eq!(host.vif_bridge(&["online", "type_if=vif"]).status, 0);
    assert_eq!(host.vif_bridge(&["offline", "type_if=vif"]).status, 0);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/web.cfg");
    let check = ["check", example.to_str().unwrap()];
    let count = |program: &Path, words: &[&str]| instructions(&host, &valgrind, program, words);
    let plugs = |titles: [&'static str; 2]| {
        let [online, offline] = titles.map(|title| title.split('-').next().unwrap_or_default());
        [online, offline].map(|word| count(&script, &[word, "type_if=vif"])).into_iter().zip(titles)
    };
    let mut counts: Vec<(u64, &str)> = plugs(["online", "offline"]).collect();
    // What guards of a table share is there already.
    host.namespace.run(guard_another).unwrap();
    counts.extend(plugs(["online-beside-another", "offline-beside-another"]));
    counts.push((count(&program, &check), "check"));
    let lines: Vec<String> = counts.iter().map(|(count, word)| format!("{word} {count}\n")).collect();
    let now = lines.concat();
    if update("instructions.txt", &now) {
        return;
    }
    assert_eq!(INSTRUCTIONS.lines().count(), counts.len());
    for (line, (count, word)) in INSTRUCTIONS.lines().zip(counts) {
        let (name, was) = line.split_once(' ').unwrap();
        assert_eq!(name, word);
        let was: u64 = was.parse().unwrap();
        assert!(count.abs_diff(was) * 100 <= was * TOLERANCE, "{word}: {count}, was {was}; see UPDATE_COSTS");
    }
}

/// Puts a guard in force for a neighbour of the guest that is plugged.
pub(super) fn guard_another() {
    let device = LinkName::new("vif2.0").unwrap();
    let kind = LinkKind::Bridge(BridgeOptions::default());
    Rtnetlink::open().unwrap().create_link(&device, &kind, &LinkChange::default()).unwrap();
    let port = Port { vif: Vif { domid: 2, devid: 0 }, kind: PortKind::Vif };
    let policy = Policy::locked("00:16:3e:00:00:02".parse().unwrap(), ["10.0.0.2/32".parse().unwrap()]);
    Guard::of(port).install(&mut NfTables::open().unwrap(), &device, &policy).unwrap();
}

#[test]
fn a_plug_holds_little_memory() {
    let Some(strace) = testkit::program("strace") else { return };
    let Some(host) = Host::with_bridge_and_vif() else { return };
    let Some((_, script)) = shipped(&host) else { return };
    host.write("ip", "10.0.0.1 2001:db8::1");
    for word in ["online", "offline"] {
        let spawn = || {
            let mut command = Command::new(&strace);
            // Held at its end, where it can be looked at.
            command
                .args(["-qq", "-e", "trace=exit_group", "-e", "inject=exit_group:delay_enter=500000"])
                .arg(&script)
                .args([word, "type_if=vif"]);
            as_libxl_calls(&host, &mut command).stderr(Stdio::null()).spawn().unwrap()
        };
        let mut tracer = host.namespace.run(spawn).unwrap();
        let mut peak = 0;
        while tracer.try_wait().unwrap().is_none() {
            peak = peak_of_child(tracer.id()).unwrap_or(0).max(peak);
            thread::sleep(Duration::from_millis(5));
        }
        assert!(tracer.wait().unwrap().success(), "{word}");
        assert!(peak > 0, "{word}: nothing was seen");
        assert!(peak < LARGEST, "{word}: {peak} KiB");
    }
}

/// The most memory that the program has held which the tracer runs, in KiB; none while it does not run.
fn peak_of_child(tracer: u32) -> Option<u64> {
    let children = fs::read_to_string(format!("/proc/{tracer}/task/{tracer}/children")).ok()?;
    let child = children.split_whitespace().next()?;
    // Before it becomes our program it is a copy of the tracer.
    let name = fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
    let status = fs::read_to_string(format!("/proc/{child}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    (name.trim() == "vif-bridge").then(|| peak.trim().trim_end_matches(" kB").parse().ok())?
}
