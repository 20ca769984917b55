//! For each kind of finding, a small configuration that has it.
//!
//! What is said of the configuration is not written down here: [`Example::found`] looks for it, so that an
//! explanation with its example always shows what would really be said.
//!
//! ```
//! use xenconf::diagnostic::find;
//! use xenconf::examples;
//!
//! let example = examples::of(find("X0111").unwrap()).unwrap();
//! assert_eq!(example.file.name, "xend-config.sxp");
//! let (source, finding) = example.found().unwrap();
//! assert_eq!((finding.kind.code, source.name()), ("X0111", "xend-config.sxp"));
//! ```

mod domain;
mod host;
mod languages;
mod text;
mod vif;

use crate::check::{Checker, Content, Reading, read_file};
use crate::diagnostic::{Diagnostic, Diagnostics, Kind};
use crate::dialect::Dialect;
use crate::native::Networks;
use crate::options::Options;
use crate::source::{MAX_SIZE, Source};

/// A file of an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: &'static str,
    /// What is in it.
    pub text: &'static [u8],
}

/// A small configuration that has a finding of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// The code of the kind.
    pub code: &'static str,
    /// Whose rules it is held against, where that is not plain.
    pub dialect: Option<Dialect>,
    /// The file that has the finding.
    pub file: File,
    /// Another file that it is checked together with.
    pub beside: Option<File>,
    /// Whether the finding comes when the host's networks are converted.
    pub is_converted: bool,
    /// Whether the file goes on in the same way, until it is larger than any that is read.
    pub goes_on: bool,
}

impl Example {
    const fn new(code: &'static str, name: &'static str, text: &'static [u8]) -> Self {
        let file = File { name, text };
        Self { code, dialect: None, file, beside: None, is_converted: false, goes_on: false }
    }

    /// A domain for xm.
    const fn xm(code: &'static str, text: &'static [u8]) -> Self {
        Self { dialect: Some(Dialect::Xm), ..Self::new(code, "web", text) }
    }

    /// A domain for xl.
    const fn xl(code: &'static str, text: &'static [u8]) -> Self {
        Self { dialect: Some(Dialect::Xl), ..Self::new(code, "web.cfg", text) }
    }

    /// A domain in SXP.
    const fn sxp(code: &'static str, text: &'static [u8]) -> Self {
        Self::new(code, "web.sxp", text)
    }

    /// xend's configuration.
    const fn xend(code: &'static str, text: &'static [u8]) -> Self {
        Self::new(code, "xend-config.sxp", text)
    }

    const fn beside(self, name: &'static str, text: &'static [u8]) -> Self {
        Self { beside: Some(File { name, text }), ..self }
    }

    /// The first finding of the kind in the example, and the file that it is in.
    #[must_use]
    pub fn found(&self) -> Option<(Source, Diagnostic)> {
        let options = Options { dialect: self.dialect, ..Options::default() };
        let mut readings: Vec<Reading> = self
            .beside
            .iter()
            .chain([&self.file])
            .map(|file| read_file(file.name, &self.bytes(file), &options))
            .collect();
        let mut checker = Checker::new(&options);
        for reading in &readings {
            checker.learn(reading);
        }
        for reading in &mut readings {
            checker.check(reading);
        }
        if self.is_converted {
            return self.found_in_conversion(&readings);
        }
        let is_it = |found: &Diagnostic| found.kind.code == self.code;
        readings.into_iter().find_map(|reading| {
            let found = reading.diagnostics.iter().find(|found| is_it(found)).cloned()?;
            Some((reading.source, found))
        })
    }

    fn bytes(&self, file: &File) -> Vec<u8> {
        let mut bytes = file.text.to_vec();
        if self.goes_on {
            bytes = bytes.repeat(MAX_SIZE / bytes.len().max(1) + 1);
        }
        bytes
    }

    fn found_in_conversion(&self, readings: &[Reading]) -> Option<(Source, Diagnostic)> {
        let [.., reading] = readings else { return None };
        let mut diagnostics = Diagnostics::new();
        match &reading.content {
            Content::XendConfig(config) => Networks::from_xend(config, None, &mut diagnostics),
            _ => Networks::from_wrapper(&reading.source, &mut diagnostics),
        };
        let found = diagnostics.into_iter().find(|found| found.kind.code == self.code)?;
        Some((reading.source.clone(), found))
    }
}

/// The example for a kind.
#[must_use]
pub fn of(kind: &Kind) -> Option<&'static Example> {
    all().find(|example| example.code == kind.code)
}

fn all() -> impl Iterator<Item = &'static Example> {
    [text::TABLE, languages::TABLE, host::TABLE, domain::TABLE, vif::TABLE].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic;

    #[test]
    fn each_kind_has_one_example_that_has_it() {
        let mut wrong = Vec::new();
        for kind in diagnostic::all() {
            let count = all().filter(|example| example.code == kind.code).count();
            let found = of(kind).and_then(Example::found);
            if count != 1 || found.is_none_or(|(_, found)| found.severity != kind.severity) {
                wrong.push(kind.code);
            }
        }
        assert_eq!(
            wrong, [""; 0],
            "kinds without an example, with several, or whose example lacks the finding"
        );
        assert!(all().all(|example| diagnostic::find(example.code).is_some()));
    }
}
