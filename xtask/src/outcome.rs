//! What a check came to.

use std::fmt;
use std::ops::AddAssign;

/// How many things were right, wrong, and not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

/// What a check came to, and what is to be said about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    /// A line for each thing that was skipped, with the reason.
    pub(crate) skips: Vec<String>,
    /// What there is to know when something failed: shown in full then, and only then.
    pub(crate) details: String,
}

impl Outcome {
    /// One thing was right.
    pub(crate) fn passed() -> Self {
        Self { tally: Tally { passed: 1, ..Tally::default() }, ..Self::default() }
    }

    /// One thing was wrong.
    pub(crate) fn failed(details: impl Into<String>) -> Self {
        Self { tally: Tally { failed: 1, ..Tally::default() }, details: details.into(), ..Self::default() }
    }

    /// One thing was not looked at.
    pub(crate) fn skipped(reason: impl fmt::Display) -> Self {
        Self {
            tally: Tally { skipped: 1, ..Tally::default() },
            skips: vec![format!("SKIPPED: {reason}")],
            ..Self::default()
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// The closing line.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}
