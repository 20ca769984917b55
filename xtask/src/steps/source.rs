//! The source by itself: format, lints, documentation.

use crate::cargo::cargo;
use crate::places::Places;
use crate::report::Report;

pub(super) fn format(places: &Places, report: &mut Report) {
    report.check("format", || cargo(places, "format", &["fmt", "--all", "--check"]).check());
}

pub(super) fn clippy(places: &Places, report: &mut Report) {
    let arguments =
        ["clippy", "--quiet", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    report.check("clippy", || cargo(places, "clippy", &arguments).check());
}

pub(super) fn docs(places: &Places, report: &mut Report) {
    let arguments = ["doc", "--quiet", "--workspace", "--no-deps", "--all-features"];
    report.check("docs", || cargo(places, "docs", &arguments).env("RUSTDOCFLAGS", "-D warnings").check());
}
