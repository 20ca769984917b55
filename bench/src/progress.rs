//! What is said while something is measured.

use std::fmt::Display;
use std::io::{self, Write};

/// Says a line to those who look on. When nobody does any more, the measurement goes on: what counts is in the files.
///
/// `eprintln!` would end the program then, and could not say so.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// The same for what was found out.
pub(crate) fn show(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}
