//! Writing to standard output.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

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

/// How long a person sees nothing before being told what is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Does something that is over at once, as a rule. If it is not, a person is told what it may be waiting for.
pub(crate) fn with_patience<T>(what: &'static str, work: impl FnOnce() -> T) -> T {
    if !io::stderr().is_terminal() {
        return work();
    }
    let (done, waiting) = mpsc::channel::<()>();
    let watcher = thread::spawn(move || {
        if waiting.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            // The terminal may have gone away, which is no reason to end.
            let _ = writeln!(io::stderr(), "{what}…");
        }
    });
    let result = work();
    drop(done);
    // It ends by itself now.
    let _ = watcher.join();
    result
}
