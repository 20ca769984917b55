//! Plans: ordered changes that are carried out whole, or undone.
//!
//! What should be, what is, and the plan between them are values; [`Kernel`] is the thin part that touches the
//! kernel. `--dry-run` prints the very plan that would be carried out.

mod apply;
mod change;
mod rename;

use std::fmt;

pub use apply::{Error, Kernel};
pub use change::{Change, ClientMove, Device, NewBridge, NewPair};
use serde::{Deserialize, Serialize};

/// Changes in the order in which they are made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plan {
    /// The changes.
    pub changes: Vec<Change>,
}

impl Plan {
    /// A plan that changes nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a change behind those that are there.
    pub fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// True when nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The devices that the plan makes.
    pub fn created(&self) -> impl Iterator<Item = &Device> {
        self.changes.iter().flat_map(Change::created)
    }

    /// The plan that undoes this one.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self { changes: self.changes.iter().rev().filter_map(Change::inverse).collect() }
    }

    /// Carries the plan out. If a change fails, that one and those before it are undone; what cannot be undone is
    /// part of the error.
    pub fn apply(&self, kernel: &mut Kernel) -> Result<(), Failure> {
        for (position, change) in self.changes.iter().enumerate() {
            if let Err(error) = kernel.apply(change) {
                // A change that failed may be half made.
                let left = undo(&self.changes[..=position], true, kernel);
                return Err(Failure { error, left });
            }
        }
        Ok(())
    }

    /// Undoes the plan after it was carried out, and returns what could not be undone.
    pub fn undo(&self, kernel: &mut Kernel) -> Vec<Error> {
        undo(&self.changes, false, kernel)
    }
}

/// Undoes changes, the last one first. Goes on when one cannot be undone, and returns what could not.
///
/// Where the last change failed, it is not known how much of it was made, and its undoing may find nothing to undo.
fn undo(changes: &[Change], last_failed: bool, kernel: &mut Kernel) -> Vec<Error> {
    let mut left = Vec::new();
    for (position, change) in changes.iter().enumerate().rev() {
        let Some(back) = change.inverse() else { continue };
        match kernel.apply(&back) {
            Err(error) if !(last_failed && position + 1 == changes.len()) => left.push(error),
            _ => {}
        }
    }
    left
}

/// One line for each change.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            writeln!(f, "{change}")?;
        }
        Ok(())
    }
}

/// A plan failed, and was undone.
#[derive(Debug)]
pub struct Failure {
    /// Why it failed.
    pub error: Error,
    /// What could not be undone, and why.
    pub left: Vec<Error>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)?;
        if self.left.is_empty() {
            return Ok(());
        }
        f.write_str("; and when undoing what had been done: ")?;
        let words: Vec<String> = self.left.iter().map(Error::to_string).collect();
        f.write_str(&words.join("; "))
    }
}

impl std::error::Error for Failure {}
