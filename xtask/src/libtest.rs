//! What Rust's test programs print, and what `testkit` records of the tests that could not run.

use std::collections::BTreeSet;

use crate::outcome::{Outcome, Tally};

/// How the reason of a test begins that others run, in a process of its own: `#[ignore = "run by …"]`. It counts with them.
const PART_OF_ANOTHER: &str = "run ";

/// What a test program has said and done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    /// Its standard output.
    pub(crate) output: &'a str,
    /// The file with a line `SKIPPED <test>: <reason>` for each test that could not run.
    pub(crate) skip_log: &'a str,
    /// Whether its exit status was 0.
    pub(crate) succeeded: bool,
}

/// The numbers of all lines `test result: …`, and the tests that were ignored.
#[derive(Debug, Default, PartialEq, Eq)]
struct Results {
    /// How many such lines there are: one for each program, several for the documentation of a crate.
    summaries: usize,
    passed: usize,
    failed: usize,
    /// Names, with reasons behind a colon where there are any.
    ignored: Vec<String>,
}

/// Counts. A test that said that it could not run did not pass, although its program thinks so.
pub(crate) fn count(run: Run<'_>) -> Outcome {
    let results = parse(run.output);
    let mut skips: Vec<String> = skipped_tests(run.skip_log);
    let passed = results.passed.saturating_sub(skips.len());
    skips.extend(results.ignored.into_iter().map(|test| format!("SKIPPED {test}")));
    let mut failed = results.failed;
    if !run.succeeded && failed == 0 {
        // It crashed, or its time was up.
        failed = 1;
    }
    let tally = Tally { passed, failed, skipped: skips.len() };
    Outcome { tally, skips, details: String::new() }
}

fn parse(output: &str) -> Results {
    let mut results = Results::default();
    for line in output.lines() {
        if let Some(rest) = line.strip_prefix("test result: ") {
            results.summaries += 1;
            results.passed += number_before(rest, " passed;");
            results.failed += number_before(rest, " failed;");
        } else if let Some(test) = line.strip_prefix("test ").and_then(ignored_test) {
            results.ignored.push(test);
        }
    }
    results
}

/// The number in front of `unit`; 0 when it is not there.
fn number_before(text: &str, unit: &str) -> usize {
    let before = text.split(unit).next().filter(|before| before.len() < text.len());
    before.and_then(|before| before.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

/// The test of a line like `net::pings ... ignored, needs a wire`, with its reason; none when it is a part of another.
fn ignored_test(line: &str) -> Option<String> {
    let (name, result) = line.rsplit_once(" ... ")?;
    let reason = result.strip_prefix("ignored")?;
    match reason.strip_prefix(", ") {
        Some(reason) if reason.starts_with(PART_OF_ANOTHER) => None,
        Some(reason) => Some(format!("{name}: {reason}")),
        None => Some(format!("{name}: ignored")),
    }
}

/// The first line for each test: one may say more than once that something is missing.
fn skipped_tests(log: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    log.lines()
        .filter(|line| {
            let rest = line.strip_prefix("SKIPPED ");
            // A test's name has no ": " in it, only "::".
            rest.and_then(|rest| rest.split(": ").next()).is_some_and(|test| seen.insert(test))
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
running 5 tests
test tests::skips ... ignored, run by the tests below, in a process of its own
test tests::slow ... ignored, needs an hour
test tests::bare ... ignored
test tests::a_skip_leaves_its_line ... ok
test tests::it_is_so ... FAILED

test result: FAILED. 12 passed; 1 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.02s
";

    fn tally(output: &str, skip_log: &str, succeeded: bool) -> (usize, usize, usize) {
        let Tally { passed, failed, skipped } = count(Run { output, skip_log, succeeded }).tally;
        (passed, failed, skipped)
    }

    #[test]
    fn the_programs_own_numbers_are_taken() {
        let results = parse(OUTPUT);
        assert_eq!((results.summaries, results.passed, results.failed), (1, 12, 1));
        assert_eq!(results.ignored, ["tests::slow: needs an hour", "tests::bare: ignored"]);
    }

    #[test]
    fn a_crate_with_several_summaries_counts_them_all() {
        let output = "\
test result: ok. 7 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.09s
all doctests ran in 0.50s; merged doctests compilation took 0.45s";
        assert_eq!(tally(output, "", true), (8, 0, 0));
    }

    #[test]
    fn a_test_that_could_not_run_did_not_pass() {
        let log = "SKIPPED a::b: no nft\nSKIPPED a::b: no ip\nSKIPPED a::c: no net: none\n";
        let output = "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out";
        let outcome = count(Run { output, skip_log: log, succeeded: true });
        assert_eq!(outcome.tally, Tally { passed: 3, failed: 0, skipped: 2 });
        assert_eq!(outcome.skips, ["SKIPPED a::b: no nft", "SKIPPED a::c: no net: none"]);
    }

    #[test]
    fn ignored_tests_are_skipped_ones_but_for_parts_of_others() {
        assert_eq!(tally(OUTPUT, "", false), (12, 1, 2));
    }

    #[test]
    fn a_program_that_dies_has_failed_whatever_it_had_said() {
        assert_eq!(tally("running 3 tests\n", "", false), (0, 1, 0));
        assert_eq!(tally("test result: ok. 3 passed; 0 failed;", "", false), (3, 1, 0));
    }

    #[test]
    fn a_test_that_prints_the_words_itself_is_not_taken_for_a_result() {
        let output = "---- a stdout ----\n  test result: ok. 99 passed; 0 failed\ntest x ... ok";
        assert_eq!(tally(output, "", true), (0, 0, 0));
    }
}
