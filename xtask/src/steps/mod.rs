//! The checks, in the order of the run.

mod build;
mod fuzz;
mod licences;
mod packages;
mod setup;
mod source;
mod tests;
mod words;
mod xen;

use crate::places::Places;
use crate::report::Report;

/// A part of the run that can be asked for by itself.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Whether `xtask check` has it: it needs no program of ours to run.
    pub(crate) in_check: bool,
    pub(crate) run: fn(&Places, &mut Report),
}

const fn step(name: &'static str, about: &'static str, run: fn(&Places, &mut Report)) -> Step {
    Step { name, about, in_check: false, run }
}

const fn check(name: &'static str, about: &'static str, run: fn(&Places, &mut Report)) -> Step {
    Step { name, about, in_check: true, run }
}

/// All steps.
pub(crate) const STEPS: &[Step] = &[
    step("setup", "get what the tests hold our work against, where it can be had", setup::run),
    check("format", "rustfmt", source::format),
    check("clippy", "clippy, with each warning an error", source::clippy),
    check("docs", "rustdoc, with each warning an error", source::docs),
    check("licences", "licences and reasons of the crates that we use", licences::run),
    check("words", "no paths of a developer's machine in the source", words::run),
    step("build", "the program as it is shipped: static and small", build::run),
    step("tests", "unit tests, packet tests, tests in the documentation", tests::run),
    step("fuzz", "fuzz targets compile", fuzz::run),
    step("xen", "real Xen in an emulator, with real guests", xen::run),
];
