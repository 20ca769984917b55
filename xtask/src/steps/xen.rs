//! Real Xen: our program in the place of its scripts, called by its own toolstack, with real guests, in an emulator.
//!
//! `tests/xen` has the machine and the checks; here it is put together, run, and what it tells is counted. Our own packet tests
//! run there too: it is another kernel. They do so in a second machine beside the first one, because one emulated processor
//! is all that dom0 has.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::build::{self, STATIC_TARGET};
use super::setup::is_root;
use super::tests;
use crate::cargo::TestProgram;
use crate::libtest;
use crate::outcome::Outcome;
use crate::places::Places;
use crate::program::{Program, Ran, exists};
use crate::report::Report;

/// A test program of ours that runs in dom0 too.
#[derive(Debug)]
struct Chosen {
    /// As [`TestProgram::title`] has it.
    title: &'static str,
    /// How long it may take, in seconds.
    limit: u32,
    /// Only tests whose names have one of these are run; none: all.
    only: &'static [&'static str],
    /// Tests whose names have this are left out.
    without: &'static [&'static str],
    /// Whether it runs on the machine with the guests, when that is done with them.
    beside_guests: bool,
}

const fn chosen(title: &'static str, limit: u32) -> Chosen {
    Chosen { title, limit, only: &[], without: &[], beside_guests: false }
}

/// The test programs that ask a kernel, and are quick enough under the emulator.
///
/// Not among them: what kills `network-bridge` at each of its steps, and what looks for leaks of the lab after thousands of
/// plugs, because they take many minutes there; and the stock scripts, which have made way for ours in this dom0.
///
/// In the order in which they run. When a slow machine has no time left for the last ones, they are skipped.
const CHOSEN: &[Chosen] = &[
    chosen("netkernel", 60),
    chosen("netkernel: addresses_and_routes", 60),
    chosen("netkernel: links", 60),
    chosen("netkernel: nftables", 60),
    chosen("netkernel: rules_and_next_hops", 60),
    chosen("dom0net", 60),
    Chosen { without: &["change::"], ..chosen("dom0net: guard", 400) },
    chosen("dom0net: coexistence", 240),
    chosen("dom0net: shield", 240),
    Chosen { beside_guests: true, without: &["killed_at_any_step"], ..chosen("dom0net: modes", 900) },
    Chosen { without: &["killed::", "leased::", "traffic_goes_on"], ..chosen("dom0net: network", 480) },
    chosen("dom0net: hotplug", 240),
    chosen("dom0net: lab", 240),
    chosen("lab: probes", 240),
    chosen("lab: keeper", 240),
    chosen("lab: plugging", 240),
    // What takes longest.
    Chosen { only: &["traffic_goes_on"], ..chosen("dom0net: network", 240) },
    Chosen {
        only: &["leased::"],
        without: &["that_is_killed", "that_hangs"],
        ..chosen("dom0net: network", 600)
    },
    Chosen { only: &["killed_at_any_step"], ..chosen("dom0net: modes", 400) },
];

/// The crates that have them.
const CRATES: &[&str] = &["dom0net", "lab", "netkernel"];

/// The word in place of an exit status, for a test program that was not started any more, or was cut short by the end of all.
const NO_TIME: &str = "late";

/// Programs that the checks and the tests call, among what cargo builds as examples.
const EXAMPLES: &[&str] = &["lab", "send_frame"];

/// How long making the images may take: the packages are some hundred megabytes.
const BUILD_LIMIT: Duration = Duration::from_mins(20);

/// The parts of the checks that need guests, or that those are about.
const WITH_GUESTS: &[&str] = &[
    "install",
    "network",
    "guests",
    "spoofing",
    "plugging",
    "bridges",
    "modes",
    "uplinks",
    "switch",
    "refusals",
    "stop",
    "kernel-beside-guests",
];

/// The others.
const ALONE: &[&str] = &["install", "storage", "kernel"];

/// How long a machine may take: twice what it takes where nothing else is done.
const RUN_LIMIT: Duration = Duration::from_mins(21);

/// After this time from the beginning of the checks on, a test program is cut short: the rest is for booting before.
const END: Duration = Duration::from_mins(18);

/// After this time no part of the checks and no test program is begun any more: a machine that is too slow for them skips
/// them, and says so.
const DEADLINE: Duration = Duration::from_mins(15);

pub(super) fn run(places: &Places, report: &mut Report) {
    let mut ready = false;
    report.check("images for real Xen", || {
        let outcome = images(places);
        ready = outcome.tally.passed > 0;
        outcome
    });
    if !ready {
        return;
    }
    let folder = Folder { path: places.logs.join("xen") };
    let mut filled = false;
    report.check("programs for real Xen", || match folder.fill(places) {
        Ok(()) => {
            filled = true;
            Outcome::passed()
        }
        Err(outcome) => outcome,
    });
    if !filled {
        return;
    }
    thread::scope(|scope| {
        let alone = scope.spawn(|| boot(places, &folder, "xen-alone", ALONE));
        report.check("real Xen", || boot(places, &folder, "xen-with-guests", WITH_GUESTS));
        let panicked = |_| Outcome::failed("the thread that waits for it has panicked");
        report.check("real Xen, without guests", || alone.join().unwrap_or_else(panicked));
    });
    for (place, chosen) in CHOSEN.iter().enumerate() {
        let name = [&[chosen.title], chosen.only].concat().join(" ");
        report.check(&format!("under Xen: test {name}"), || folder.count(place, chosen));
    }
}

/// Makes the images of dom0 and guests, or says why they cannot be made here.
fn images(places: &Places) -> Outcome {
    if !cfg!(target_arch = "x86_64") {
        return Outcome::skipped("the images are for x86_64");
    }
    if !exists("apt-get") {
        return Outcome::skipped("the images are made of Debian packages, and there is no apt-get");
    }
    if !is_root() {
        return Outcome::skipped("only root can make the images");
    }
    if !build::has_static_target(places) {
        return Outcome::skipped(format!("the Rust compiler has no target {STATIC_TARGET}"));
    }
    let mut build = Program::new(places, "build-images", places.root.join("tests/xen/build"));
    match build.within(BUILD_LIMIT).env("XENLAB", places.xen_images()).run() {
        Ok(ran) if ran.succeeded() => Outcome::passed(),
        Ok(ran) => Outcome::skipped(format!("the images cannot be made: {}", ran.last_words())),
        Err(error) => Outcome::skipped(format!("the images cannot be made: {error}")),
    }
}

/// What dom0 gets to see, and what it leaves.
struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Builds what runs in dom0, and puts it there.
    fn fill(&self, places: &Places) -> Result<(), Outcome> {
        let program = match build::program(places) {
            Err(reason) => return Err(Outcome::skipped(reason)),
            Ok(Err(ran)) => return Err(Outcome::failed(ran.all())),
            Ok(Ok(program)) => program,
        };
        let packages: Vec<String> = CRATES.iter().map(|name| format!("--package={name}")).collect();
        let mut selection: Vec<&str> = packages.iter().map(String::as_str).collect();
        selection.extend(["--target", STATIC_TARGET]);
        let tests = tests::build(places, "build tests for Xen", &selection)?;
        self.copy(places, &program, &tests)
            .map_err(|error| Outcome::failed(format!("{}: {error}", self.path.display())))
    }

    fn copy(&self, places: &Places, program: &Path, tests: &[TestProgram]) -> io::Result<()> {
        let built = places.target.join(STATIC_TARGET).join("debug");
        for folder in [self.path.join("programs"), self.results()] {
            fs::create_dir_all(folder)?;
        }
        fs::copy(program, self.path.join("dom0net"))?;
        for example in EXAMPLES {
            fs::copy(built.join("examples").join(example), self.path.join("programs").join(example))?;
        }
        // Tests look for things where they were built.
        fs::write(self.path.join("built"), built.as_os_str().as_encoded_bytes())?;
        fs::write(self.path.join("root"), places.root.as_os_str().as_encoded_bytes())?;
        fs::write(self.path.join("deadline"), DEADLINE.as_secs().to_string())?;
        fs::write(self.path.join("end"), END.as_secs().to_string())?;
        copy_files(&places.root.join("examples"), &self.path.join("examples"))?;
        copy_files(&places.root.join("tests/xen/checks"), &self.path.join("checks"))?;
        CHOSEN.iter().enumerate().try_for_each(|(place, chosen)| self.copy_test(place, chosen, tests))
    }

    /// A folder for each: the program, and how it is called.
    fn copy_test(&self, place: usize, chosen: &Chosen, tests: &[TestProgram]) -> io::Result<()> {
        let missing = || io::Error::other(format!("there is no test program {:?}", chosen.title));
        let test = tests.iter().find(|test| test.title == chosen.title).ok_or_else(missing)?;
        let share = if chosen.beside_guests { "tests-beside-guests" } else { "tests" };
        let folder = self.path.join(share).join(chosen.file_name(place));
        fs::create_dir_all(&folder)?;
        fs::copy(&test.file, folder.join("test"))?;
        fs::write(folder.join("crate"), &test.package)?;
        fs::write(folder.join("limit"), chosen.limit.to_string())?;
        let only = chosen.only.iter().map(|name| format!("{name}\n"));
        let without = chosen.without.iter().map(|name| format!("--skip\n{name}\n"));
        fs::write(folder.join("arguments"), only.chain(without).collect::<String>())
    }

    fn results(&self) -> PathBuf {
        self.path.with_added_extension("results")
    }

    /// What a test program came to in dom0.
    fn count(&self, place: usize, chosen: &Chosen) -> Outcome {
        let read = |ending: &str| {
            let file = self.results().join(chosen.file_name(place)).with_added_extension(ending);
            fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
        };
        let (output, status) = (read("out"), read("status"));
        if status.is_empty() {
            return Outcome::failed("it did not run to its end");
        }
        if status.trim() == NO_TIME {
            return Outcome::skipped("this machine is too slow: no time was left for it");
        }
        let run = libtest::Run { output: &output, skip_log: &read("skips"), succeeded: status.trim() == "0" };
        let details = format!("{output}\n{}exit status {status}", read("err"));
        Outcome { details, ..libtest::count(run) }
    }
}

impl Chosen {
    /// Its name in dom0, where those of all are in the order of their places.
    fn file_name(&self, place: usize) -> String {
        format!("{place:02}-{}", self.title.replace(|c: char| !c.is_ascii_alphanumeric(), "-"))
    }
}

/// Copies the files of a folder, but no folders in it.
fn copy_files(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Boots Xen, runs these parts of the checks there, and counts what they say.
fn boot(places: &Places, folder: &Folder, title: &str, parts: &[&str]) -> Outcome {
    let mut run = Program::new(places, title, places.root.join("tests/xen/run"));
    run.env("XENLAB", places.xen_images());
    // Two network cards on one wire.
    run.args(["-n", "virtio-net-pci:0", "-n", "virtio-net-pci:0"]);
    run.arg("-t").arg(RUN_LIMIT.as_secs().to_string());
    run.arg("-d").arg(&folder.path).arg("-o").arg(folder.results());
    let logs = run.log_file("logs");
    run.arg("-k").arg(logs);
    run.arg(folder.path.join("checks/run.sh")).args(parts);
    match run.within(RUN_LIMIT + Duration::from_mins(1)).run() {
        Ok(ran) => count(&ran),
        Err(error) => Outcome::failed(error.to_string()),
    }
}

/// Counts the lines `ok WHAT` and `FAILED WHAT`. Without the line `end` the checks did not get there.
fn count(ran: &Ran) -> Outcome {
    let mut outcome = Outcome { details: ran.all(), ..Outcome::default() };
    let mut complete = false;
    for line in ran.stdout.lines() {
        if line.starts_with("ok ") {
            outcome.tally.passed += 1;
        } else if line.starts_with("FAILED ") {
            outcome.tally.failed += 1;
        } else if line.starts_with("SKIPPED ") {
            outcome.tally.skipped += 1;
            outcome.skips.push(line.to_owned());
        }
        complete |= line == "end";
    }
    if outcome.tally.failed == 0 && !(complete && ran.succeeded()) {
        outcome.tally.failed = 1;
    }
    outcome
}

#[cfg(test)]
mod tests_of_counting {
    use super::*;
    use crate::outcome::Tally;

    fn tally(status: i32, stdout: &str) -> Tally {
        count(&Ran { status, stdout: stdout.into(), stderr: String::new() }).tally
    }

    #[test]
    fn each_check_counts() {
        let stdout =
            "ok one\nFAILED two\n    ok, this is a detail\nSKIPPED three: no such card\n# 3 s\nend\n";
        assert_eq!(tally(1, stdout), Tally { passed: 1, failed: 1, skipped: 1 });
        assert_eq!(tally(0, "ok one\nend\n"), Tally { passed: 1, failed: 0, skipped: 0 });
    }

    #[test]
    fn checks_that_do_not_get_to_their_end_have_failed() {
        assert_eq!(tally(0, "ok one\n").failed, 1);
        assert_eq!(tally(124, "ok one\nend\n").failed, 1);
        assert_eq!(tally(125, "").failed, 1);
    }
}
