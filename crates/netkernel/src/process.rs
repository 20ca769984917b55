//! This process itself.

use std::io;

use crate::sys;

/// From now on this process does not end or stop because its terminal goes away, or because someone presses Ctrl-C or Ctrl-Z
/// there or asks it to end: for who has begun something that must not stay half done. Programs that it starts do, as ever.
pub fn finish_what_is_begun() -> io::Result<()> {
    sys::survive(&[libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGTSTP])
}
