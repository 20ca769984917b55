//! What the tests share. Only ever a development dependency.
//!
//! A test that cannot run here says so: [`skip!`] prints the test's name and the reason, and writes them into the file
//! that `DOM0NET_SKIP_LOG` names, from which the whole run's summary takes them. With `DOM0NET_NO_SKIP=1` a skip is a
//! failure.
#![forbid(unsafe_code)]

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

use netkernel::namespace::Namespace;

/// Says that the test called `test` cannot run here, and why.
///
/// # Panics
/// With `DOM0NET_NO_SKIP=1`, and when the skip cannot be noted where `DOM0NET_SKIP_LOG` wants it.
pub fn skip(test: &str, reason: &str) {
    let line = format!("SKIPPED {test}: {reason}\n");
    assert!(std::env::var_os("DOM0NET_NO_SKIP").is_none_or(|value| value != "1"), "{line}");
    eprint!("{line}");
    if let Some(path) = std::env::var_os("DOM0NET_SKIP_LOG") {
        // One write of one line: tests run side by side.
        let noted = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(line.as_bytes()));
        noted.unwrap_or_else(|error| panic!("cannot note a skip in {}: {error}", path.display()));
    }
}

/// The name of the running test: the test harness names its threads so.
#[must_use]
pub fn test_name() -> String {
    std::thread::current().name().unwrap_or("a test").to_owned()
}

/// Says that the running test cannot run here, and why; takes what `format!` takes. The test must still return.
#[macro_export]
macro_rules! skip {
    ($($reason:tt)+) => {
        $crate::skip(&$crate::test_name(), &format!($($reason)+))
    };
}

/// A network namespace for the running test; none, after saying so, where this user may not make one.
///
/// # Panics
/// When it fails for any other reason.
#[must_use]
pub fn namespace() -> Option<Namespace> {
    match Namespace::new() {
        Ok(namespace) => Some(namespace),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            skip!("needs root, or `make test`, which makes a user namespace where that is allowed");
            None
        }
        Err(error) => panic!("cannot make a network namespace: {error}"),
    }
}

/// The path of a program that a test holds our own work against; none, after saying so, where it is not installed.
#[must_use]
pub fn program(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file());
    if found.is_none() {
        skip!("needs the program {name}, which is not installed");
    }
    found
}
