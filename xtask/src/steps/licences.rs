//! Whether we may ship what our program is made of, and why each crate from elsewhere is there.

use std::fs;

use crate::cargo::{Metadata, Package, cargo};
use crate::outcome::Outcome;
use crate::places::Places;
use crate::report::Report;
use crate::spdx;

/// The program that is shipped.
const PROGRAM: &str = "dom0net";

/// Licences that ask for no more than to be named.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// The page that gives the reason for each crate from elsewhere.
const REASONS: &str = "ARCHITECTURE.md";

pub(super) fn run(places: &Places, report: &mut Report) {
    let metadata = metadata(places);
    report.check("licences", || with(&metadata, licences));
    report.check("reasons for dependencies", || with(&metadata, |metadata| reasons(metadata, places)));
}

fn with(metadata: &Result<Metadata, String>, check: impl FnOnce(&Metadata) -> Outcome) -> Outcome {
    metadata.as_ref().map_or_else(|error| Outcome::failed(error.as_str()), check)
}

fn metadata(places: &Places) -> Result<Metadata, String> {
    let arguments = ["metadata", "--format-version=1", "--all-features", "--locked"];
    let answer = cargo(places, "metadata", &arguments).run().map_err(|error| error.to_string())?;
    if !answer.succeeded() {
        return Err(answer.all());
    }
    Metadata::parse(&answer.stdout).ok_or_else(|| "cargo metadata does not answer in JSON".to_owned())
}

fn licences(metadata: &Metadata) -> Outcome {
    let Some(parts) = metadata.parts_of(PROGRAM) else {
        return Outcome::failed(format!("cargo metadata knows nothing of {PROGRAM}"));
    };
    let complaints: Vec<String> = parts.iter().filter_map(complaint).collect();
    if complaints.is_empty() { Outcome::passed() } else { Outcome::failed(complaints.join("\n")) }
}

/// What is wrong with the licence of a crate.
fn complaint(package: &Package) -> Option<String> {
    let Package { name, version, licence } = package;
    let Some(licence) = licence else { return Some(format!("{name} {version} says nothing of its licence")) };
    match spdx::satisfied(licence, |licence| ALLOWED.contains(&licence)) {
        Ok(true) => None,
        Ok(false) => {
            Some(format!("{name} {version} is under {licence}, which is not among the allowed licences"))
        }
        Err(error) => Some(format!("{name} {version} has the licence {licence:?}: {error}")),
    }
}

fn reasons(metadata: &Metadata, places: &Places) -> Outcome {
    let page = match fs::read_to_string(places.root.join(REASONS)) {
        Ok(page) => page,
        Err(error) => return Outcome::failed(format!("{REASONS}: {error}")),
    };
    let missing: Vec<String> =
        metadata.third_party().into_iter().filter(|name| !names(&page, name)).collect();
    if missing.is_empty() {
        return Outcome::passed();
    }
    Outcome::failed(format!("{REASONS} gives no reason for: {}", missing.join(", ")))
}

/// True when the page has the name as a word of its own: `serde_json` is no mention of `serde`.
fn names(page: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    page.match_indices(name).any(|(start, _)| {
        let (before, after) = (&page[..start], &page[start + name.len()..]);
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(licence: Option<&str>) -> Package {
        Package { name: "thing".into(), version: "1.2.3".into(), licence: licence.map(Into::into) }
    }

    #[test]
    fn offenders_are_named() {
        assert_eq!(complaint(&package(Some("MIT OR GPL-2.0-only"))), None);
        for (licence, part) in
            [(Some("GPL-2.0-only"), "under GPL-2.0-only"), (None, "nothing"), (Some("MIT OR"), "missing")]
        {
            let complaint = complaint(&package(licence)).unwrap();
            assert!(complaint.starts_with("thing 1.2.3") && complaint.contains(part), "{complaint}");
        }
    }

    #[test]
    fn a_crate_is_named_by_its_whole_name() {
        let page = "- `serde_json`: journals.\n- clap, nix: the command line.";
        assert!(names(page, "serde_json") && names(page, "clap") && names(page, "nix"));
        assert!(!names(page, "serde") && !names(page, "json") && !names(page, "command-line"));
    }
}
