//! Whole files, and all files of a folder together.
//!
//! [`read_file`] takes one file: what it is, what it says, what is wrong with it by itself. A [`Checker`] then
//! looks at it among the others: addresses that two guests share, bridges that nobody makes, keys that the
//! host cannot honour. Every file is shown to it twice, so that it matters in neither pass which one comes
//! first, and nothing but small facts is kept of it in between.
//!
//! ```
//! use xenconf::check::check;
//! use xenconf::options::Options;
//!
//! let a = ("a.cfg".to_owned(), b"name = 'a'\nvif = ['mac=00:16:3e:00:00:01']\n".to_vec());
//! let b = ("b.cfg".to_owned(), b"name = 'b'\nvif = ['mac=00:16:3e:00:00:01']\n".to_vec());
//! let reports = check([a, b], &Options::default());
//! assert!(reports[1].problems[0].message.contains("00:16:3e:00:00:01"));
//! assert_eq!((reports[1].problems[0].line, reports[1].problems[0].column), (2, 13));
//! ```

mod guests;
mod host;
mod prefixes;
mod reading;
mod report;
mod shared;
mod textual;

pub use host::Mode;
pub use reading::{Content, Reading, read_file};
pub use report::{FileReport, Problem, VifReport};

use crate::options::Options;
use host::HostFacts;
use shared::Shared;

/// Looks at files among each other.
#[derive(Debug, Default)]
pub struct Checker {
    host: HostFacts,
    shared: Shared,
}

impl Checker {
    /// Nothing is known yet but what `options` tell of the host.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self { host: HostFacts::new(options), shared: Shared::default() }
    }

    /// The first pass: takes from a file what the others depend on.
    pub fn learn(&mut self, reading: &Reading) {
        self.host.learn(reading);
    }

    /// The second pass: adds to the file's findings what is wrong with it among the others.
    pub fn check(&mut self, reading: &mut Reading) {
        self.host.check(reading);
        self.shared.check(reading, &self.host);
        reading.diagnostics.sort();
    }

    /// What is reported of a file after both passes.
    #[must_use]
    pub fn report(&self, reading: &Reading) -> FileReport {
        FileReport::new(reading, &self.host)
    }
}

/// Reads and checks files that are all at hand, and reports them in the order given. `files` are names and
/// contents.
#[must_use]
pub fn check(files: impl IntoIterator<Item = (String, Vec<u8>)>, options: &Options) -> Vec<FileReport> {
    let mut readings: Vec<Reading> =
        files.into_iter().map(|(name, bytes)| read_file(name, &bytes, options)).collect();
    let mut checker = Checker::new(options);
    for reading in &readings {
        checker.learn(reading);
    }
    for reading in &mut readings {
        checker.check(reading);
    }
    readings.iter().map(|reading| checker.report(reading)).collect()
}
