//! What a test needs around it, or a skip that says what is missing.

use std::io::ErrorKind;
use std::path::PathBuf;

use netkernel::namespace::Namespace;

/// A network namespace for the running test; none, after saying so, where this user may not make one.
///
/// # Panics
/// When it fails for any other reason.
#[must_use]
pub fn namespace() -> Option<Namespace> {
    match Namespace::new() {
        Ok(namespace) => Some(namespace),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            crate::skip!("needs root, or `make test`, which makes a user namespace where that is allowed");
            None
        }
        Err(error) => panic!("cannot make a network namespace: {error}"),
    }
}

/// The path of a program that a test holds our own work against; none, after saying so, where it is not installed.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file());
    if found.is_none() {
        crate::skip!("needs the program {name}, which is not installed");
    }
    found
}
