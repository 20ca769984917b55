//! Writing to standard output.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// True when a person reads what is written.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Writes a result. A reader that has gone (`| head`) is no error.
pub(crate) fn out(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

/// Writes a result for programs.
pub(crate) fn json(value: &impl Serialize) {
    // Our own values have no maps with odd keys, the only thing that cannot be written.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    out(&format!("{text}\n"));
}

/// Tells a person that something was done. Programs have the exit status.
pub(crate) fn announce(text: &str) {
    if is_terminal() {
        out(&format!("{text}\n"));
    }
}
