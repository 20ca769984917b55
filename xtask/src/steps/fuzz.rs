//! Fuzz targets, which only the nightly compiler builds.

use std::fs;
use std::path::PathBuf;

use crate::cargo::cargo;
use crate::outcome::Outcome;
use crate::places::Places;
use crate::report::Report;

pub(super) fn run(places: &Places, report: &mut Report) {
    for folder in folders(places) {
        let title = folder.strip_prefix(&places.root).unwrap_or(&folder).display().to_string();
        report.check(&format!("compile {title}"), || compile(places, &folder));
    }
}

/// `fuzz`, as `cargo fuzz` makes it, in the repository or one of its crates.
fn folders(places: &Places) -> Vec<PathBuf> {
    let crates = fs::read_dir(places.root.join("crates")).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = crates
        .map(|entry| entry.path())
        .chain([places.root.clone()])
        .map(|folder| folder.join("fuzz"))
        .filter(|folder| folder.join("Cargo.toml").is_file())
        .collect();
    folders.sort();
    folders
}

fn compile(places: &Places, folder: &PathBuf) -> Outcome {
    for (tool, missing) in [("--version", "the nightly compiler"), ("fuzz", "cargo-fuzz")] {
        let found = cargo(places, "fuzz-tools", &["+nightly", tool]).arg("--version").run();
        if !found.is_ok_and(|found| found.succeeded()) {
            return Outcome::skipped(format!("{missing} is not installed"));
        }
    }
    cargo(places, "fuzz", &["+nightly", "fuzz", "build", "--dev"]).arg("--fuzz-dir").arg(folder).check()
}
