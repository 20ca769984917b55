//! What the tests share: skipping out loud, namespaces of their own.
//!
//! A test that needs root, a package or a feature of the kernel cannot run everywhere. It must not pass silently then: it says
//! so, with the reason, and leaves a line for the runner to count.
//!
//! ```
//! fn needs_the_kernels_settings() {
//!     let Ok(settings) = std::fs::read_dir("/proc/sys/net") else {
//!         return testkit::skip!("/proc/sys/net cannot be read");
//!     };
//!     assert!(settings.count() > 0);
//! }
//! # needs_the_kernels_settings();
//! ```
#![forbid(unsafe_code)]

mod surroundings;

use std::fs::OpenOptions;
use std::io::Write;

pub use surroundings::{namespace, program};

/// The environment variable with the file that gets a line for each skipped test.
pub const LOG_VARIABLE: &str = "DOM0NET_SKIP_LOG";

/// The environment variable that makes a skip a failure when it is `1`.
pub const FORBID_VARIABLE: &str = "DOM0NET_NO_SKIP";

/// Says that `test` is skipped and why: `SKIPPED <test>: <reason>`, on stderr and in the file named by
/// `DOM0NET_SKIP_LOG`.
///
/// The caller returns after it.
///
/// # Panics
///
/// When `DOM0NET_NO_SKIP` is `1`, and when the file cannot be written: a skip that is not recorded would look like a
/// test that passed.
pub fn skip(test: &str, reason: &str) {
    let line = format!("SKIPPED {test}: {}\n", reason.replace('\n', " "));
    assert!(
        std::env::var_os(FORBID_VARIABLE).is_none_or(|value| value != "1"),
        "{FORBID_VARIABLE} is set: {line}"
    );
    // Not `eprint!`: the test harness captures that, and shows it only when the test fails.
    let shown = std::io::stderr().write_all(line.as_bytes());
    drop(shown);
    if let Some(path) = std::env::var_os(LOG_VARIABLE) {
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut log| log.write_all(line.as_bytes()));
        assert!(written.is_ok(), "{}: {written:?}", path.display());
    }
}

/// The name of the running test: the test harness gives it to the thread.
#[must_use]
pub fn test_name() -> String {
    std::thread::current().name().unwrap_or("(unnamed)").to_owned()
}

/// [`skip()`]s the running test, which is found by the name of its thread. Takes a reason, or a format and its arguments.
#[macro_export]
macro_rules! skip {
    ($($reason:tt)+) => {
        $crate::skip(&$crate::test_name(), &format!($($reason)+))
    };
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    /// The variables are the process's, so each case runs this test program again, with one test that skips.
    fn run_skipping_test(variables: &[(&str, &str)]) -> (bool, String) {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::skips", "--ignored", "--test-threads=1"])
            .env_remove(super::LOG_VARIABLE)
            .env_remove(super::FORBID_VARIABLE)
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    #[test]
    #[ignore = "run by the tests below, in a process of its own"]
    fn skips() {
        let count = 2;
        crate::skip!("only {count}\nof 3 parts");
    }

    const LINE: &str = "SKIPPED tests::skips: only 2 of 3 parts\n";

    #[test]
    fn a_skip_is_seen_although_the_test_passes() {
        let (passed, text) = run_skipping_test(&[]);
        assert!(passed && text.contains(LINE), "{text}");
    }

    #[test]
    fn a_skip_leaves_its_line_in_the_log() {
        let log = std::env::temp_dir().join(format!("skip-log-{}", std::process::id()));
        for _ in 0..2 {
            assert!(run_skipping_test(&[(super::LOG_VARIABLE, log.to_str().unwrap())]).0);
        }
        let lines = std::fs::read_to_string(&log).unwrap();
        std::fs::remove_file(&log).unwrap();
        assert_eq!(lines, LINE.repeat(2));
    }

    #[test]
    fn a_skip_fails_where_it_is_forbidden_and_where_it_cannot_be_recorded() {
        assert!(!run_skipping_test(&[(super::FORBID_VARIABLE, "1")]).0);
        assert!(!run_skipping_test(&[(super::LOG_VARIABLE, "/no/such/folder/log")]).0);
        assert!(run_skipping_test(&[(super::FORBID_VARIABLE, "0")]).0);
    }
}
