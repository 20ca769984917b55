//! Printing: a line for each check with its name and time, all about what failed, and the closing line.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::outcome::{Outcome, Tally};
use crate::places::Places;

/// The room for names.
const NAME_WIDTH: usize = 44;

/// What has been checked so far.
#[derive(Debug)]
pub(crate) struct Report {
    total: Tally,
    failures: Vec<String>,
    start: Instant,
    /// The closing line goes there too: `make` says more on standard error when something failed.
    summary: PathBuf,
}

impl Report {
    /// Nothing has been checked.
    pub(crate) fn new(places: &Places) -> Self {
        let summary = places.logs.join("summary");
        Self { total: Tally::default(), failures: Vec::new(), start: Instant::now(), summary }
    }

    /// Carries a check out, and prints its name, and then what it came to and how long it took.
    pub(crate) fn check(&mut self, name: &str, work: impl FnOnce() -> Outcome) {
        say(&format!("{name:<NAME_WIDTH$} "));
        let start = Instant::now();
        let outcome = work();
        say(&lines(&outcome, start.elapsed()));
        if outcome.tally.failed > 0 {
            self.failures.push(name.to_owned());
        }
        self.total += outcome.tally;
    }

    /// Prints the end, and returns all counts.
    pub(crate) fn close(self) -> Tally {
        if !self.failures.is_empty() {
            say(&format!("\nfailed: {}\n", self.failures.join(", ")));
        }
        say(&format!("\n{} s\n{}\n", self.start.elapsed().as_secs(), self.total));
        // It is on the screen already.
        let _ = fs::write(&self.summary, format!("{}\n", self.total));
        self.total
    }
}

/// The rest of the line, and what stands below it.
fn lines(outcome: &Outcome, time: Duration) -> String {
    let Tally { passed, failed, skipped } = outcome.tally;
    let result = match (passed, failed, skipped) {
        (0 | 1, 0, 0) => "ok".to_owned(),
        (0, 1, 0) => "FAILED".to_owned(),
        (0, 0, 1) => "skipped".to_owned(),
        (_, 0, 0) => format!("ok, {passed} passed"),
        (_, 0, _) => format!("ok, {passed} passed, {skipped} skipped"),
        _ => format!("FAILED, {}", outcome.tally),
    };
    let mut text = format!("{result} ({:.1} s)\n", time.as_secs_f64());
    for skip in &outcome.skips {
        text.extend(["  ", skip, "\n"]);
    }
    if failed > 0 {
        text.push_str(outcome.details.trim_end());
        text.push_str("\n\n");
    }
    text
}

/// Nobody is there to be told when this fails.
fn say(text: &str) {
    let mut output = io::stdout().lock();
    let _ = output.write_all(text.as_bytes());
    let _ = output.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(outcome: &Outcome) -> String {
        lines(outcome, Duration::from_millis(1250))
    }

    #[test]
    fn what_is_right_is_one_line() {
        assert_eq!(shown(&Outcome::passed()), "ok (1.2 s)\n");
        let outcome = Outcome { details: "long story".into(), ..Outcome::passed() };
        assert_eq!(shown(&outcome), "ok (1.2 s)\n");
    }

    #[test]
    fn what_failed_is_told_in_full() {
        assert_eq!(shown(&Outcome::failed("why\nand how\n")), "FAILED (1.2 s)\nwhy\nand how\n\n");
    }

    #[test]
    fn what_was_skipped_is_told_with_its_reason_even_when_the_rest_is_right() {
        let outcome = Outcome {
            tally: Tally { passed: 3, failed: 0, skipped: 1 },
            skips: vec!["SKIPPED a::b: no nft".into()],
            details: String::new(),
        };
        assert_eq!(shown(&outcome), "ok, 3 passed, 1 skipped (1.2 s)\n  SKIPPED a::b: no nft\n");
    }
}
