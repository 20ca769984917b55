//! This process itself.

use std::io;

use crate::sys;

/// From now on this process does not end or stop because its terminal goes away, or because someone presses Ctrl-C or Ctrl-Z
/// there or asks it to end: for who has begun something that must not stay half done. Programs that it starts do, as ever.
pub fn finish_what_is_begun() -> io::Result<()> {
    sys::survive(&[libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGTSTP])
}

/// From now on the calling thread runs before ordinary ones, for a time in which every moment counts: on a host under load it
/// would have to wait between two steps, for a tenth of a second and more. Programs that it starts are ordinary ones.
///
/// # Errors
/// `EPERM` where that is not allowed, as in some containers.
pub fn hurry() -> io::Result<()> {
    sys::run_first()
}
