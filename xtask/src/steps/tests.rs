//! Our own tests.

use std::fs;
use std::time::Duration;

use crate::cargo::{TestProgram, cargo, test_programs};
use crate::libtest;
use crate::outcome::Outcome;
use crate::places::Places;
use crate::program::Program;
use crate::report::Report;

/// How long one test program may take.
const LIMIT: Duration = Duration::from_mins(5);

/// Where tests that could not run say so: `testkit::LOG_VARIABLE`.
const SKIP_LOG: &str = "DOM0NET_SKIP_LOG";

pub(super) fn run(places: &Places, report: &mut Report) {
    let mut programs = Vec::new();
    report.check("build the tests", || match build(places, "build tests", &["--workspace"]) {
        Ok(built) => {
            programs = built;
            Outcome::passed()
        }
        Err(outcome) => outcome,
    });
    for program in &programs {
        report.check(&format!("test {}", program.title), || test(places, program));
    }
    report.check("test the documentation", || documentation(places));
}

/// Builds the test programs of the crates that `selection` names, and for the target.
pub(super) fn build(places: &Places, title: &str, selection: &[&str]) -> Result<Vec<TestProgram>, Outcome> {
    let build = ["test", "--quiet", "--no-run", "--all-features", "--message-format=json-render-diagnostics"];
    let ran = cargo(places, title, &build).args(selection).run();
    let ran = ran.map_err(|error| Outcome::failed(error.to_string()))?;
    if !ran.succeeded() {
        return Err(Outcome::failed(ran.stderr));
    }
    Ok(test_programs(&ran.stdout))
}

fn test(places: &Places, program: &TestProgram) -> Outcome {
    let mut run = Program::new(places, &program.title, &program.file);
    run.in_private_network().within(LIMIT).folder(&program.folder).env("CARGO_MANIFEST_DIR", &program.folder);
    count(places, &mut run)
}

/// Examples in doc comments: cargo alone knows how to run them.
fn documentation(places: &Places) -> Outcome {
    let mut run = cargo(places, "test documentation", &[]);
    run.args(["test", "--quiet", "--doc", "--workspace", "--all-features", "--no-fail-fast"]);
    count(places, &mut run)
}

fn count(places: &Places, run: &mut Program) -> Outcome {
    let skip_log = run.log_file("skips");
    run.env(SKIP_LOG, &skip_log);
    let unpacked = [
        ("XEN_PACKAGES", places.xen_packages()),
        ("OVS_PACKAGES", places.switch_packages()),
        ("FIREWALL_PACKAGES", places.firewall_packages()),
        ("LIBVIRT_PACKAGES", places.libvirt_packages()),
    ];
    // What the build step has built.
    let shipped = super::build::shipped(places);
    if shipped.is_file() {
        run.env("DOM0NET_PROGRAM", shipped);
    }
    for (variable, packages) in unpacked.into_iter().filter(|(_, packages)| packages.is_dir()) {
        run.env(variable, packages);
    }
    match run.run() {
        Ok(ran) => {
            let outcome = libtest::count(libtest::Run {
                output: &ran.stdout,
                // None at all: nothing was skipped.
                skip_log: &fs::read_to_string(skip_log).unwrap_or_default(),
                succeeded: ran.succeeded(),
            });
            Outcome { details: ran.all(), ..outcome }
        }
        Err(error) => Outcome::failed(error.to_string()),
    }
}
