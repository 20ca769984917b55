//! What is asked for.

use std::ffi::OsString;
use std::fmt::{self, Write as _};

use crate::steps::{STEPS, Step};

/// A run of some of the steps.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// Only what needs no test to run: `xtask check`.
    check: bool,
    /// Only steps of these names; none: all.
    only: Vec<&'static str>,
    /// Without the test on real Xen.
    skip_xen: bool,
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Run steps.
    Run(Arguments),
    /// Say how this program is called.
    Help,
}

/// A call that makes no sense.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadCall {
    Unknown(String),
    NoStep,
    UnknownStep(String),
}

impl Arguments {
    /// The steps to run, in order.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &'static Step> {
        STEPS.iter().filter(|step| {
            // Later steps rely on what this one finds.
            (step.name == "setup" && !self.check)
                || ((!self.check || step.in_check)
                    && (self.only.is_empty() || self.only.contains(&step.name))
                    && !(self.skip_xen && step.name == "xen"))
        })
    }
}

/// Understands the words of a call.
pub(crate) fn parse(words: &[OsString]) -> Result<Request, BadCall> {
    let mut words = words.iter().map(|word| word.to_string_lossy());
    let mut arguments = match words.next().as_deref() {
        Some("test") => Arguments::default(),
        Some("check") => Arguments { check: true, ..Arguments::default() },
        None | Some("help" | "-h" | "--help") => return Ok(Request::Help),
        Some(other) => return Err(BadCall::Unknown(other.to_owned())),
    };
    while let Some(word) = words.next() {
        match word.as_ref() {
            "--only" => {
                let name = words.next().ok_or(BadCall::NoStep)?;
                let step = STEPS.iter().find(|step| step.name == name);
                arguments.only.push(step.ok_or_else(|| BadCall::UnknownStep(name.into_owned()))?.name);
            }
            "--skip-xen" => arguments.skip_xen = true,
            "-h" | "--help" => return Ok(Request::Help),
            other => return Err(BadCall::Unknown(other.to_owned())),
        }
    }
    Ok(Request::Run(arguments))
}

/// How this program is called.
pub(crate) fn usage() -> String {
    let mut text = String::from(
        "\
Checks of the repository.

Usage: xtask test [--only STEP]... [--skip-xen]    all steps; make test
       xtask check [--only STEP]...                those marked *; make check

Steps, in the order in which they run:
",
    );
    for step in STEPS {
        let mark = if step.in_check { '*' } else { ' ' };
        // Writing to a string cannot fail.
        let _ = writeln!(text, " {mark} {:<9} {}", step.name, step.about);
    }
    text.push_str(
        "
All steps run, whatever fails. The last line is `N passed, N failed, N skipped`; the exit status is 1 if
anything failed. What cannot be had on this machine is skipped, and said.

Environment:
  XENLAB              where the images for the test on real Xen are kept (target/xenlab)
  DOM0NET_NO_SKIP=1   makes each skipped test a failed one
",
    );
    text
}

impl fmt::Display for BadCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(word) => write!(f, "{word} is not known"),
            Self::NoStep => f.write_str("--only needs the name of a step"),
            Self::UnknownStep(name) => write!(f, "there is no step {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &[&str]) -> Vec<&'static str> {
        let words: Vec<OsString> = words.iter().map(Into::into).collect();
        match parse(&words) {
            Ok(Request::Run(arguments)) => arguments.steps().map(|step| step.name).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn test_runs_all_steps() {
        assert_eq!(names(&["test"]).len(), STEPS.len());
        assert_eq!(names(&["test", "--skip-xen"]).len(), STEPS.len() - 1);
    }

    #[test]
    fn check_runs_no_tests_and_installs_nothing() {
        let names = names(&["check"]);
        assert!(names.contains(&"clippy") && !names.contains(&"tests") && !names.contains(&"setup"));
    }

    #[test]
    fn single_steps_run_after_the_setup() {
        assert_eq!(names(&["test", "--only", "xen", "--only", "format"]), ["setup", "format", "xen"]);
        assert_eq!(names(&["check", "--only", "format"]), ["format"]);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let refused = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(Into::into).collect();
            parse(&words).unwrap_err()
        };
        assert_eq!(refused(&["tset"]), BadCall::Unknown("tset".into()));
        assert_eq!(refused(&["test", "--only"]), BadCall::NoStep);
        assert_eq!(refused(&["test", "--only", "nothing"]), BadCall::UnknownStep("nothing".into()));
    }
}
