//! Who makes what the guards of a table share, when several want to at once.

use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::thread;
use std::time::{Duration, Instant};

/// How long the others are waited for. Longer than a batch takes where a thousand processes want the cores, and short enough for
/// somebody who takes the name and does nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks; then twice as long, up to the longest, so that many who wait leave the cores to those who work.
const PAUSE: Duration = Duration::from_micros(200);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// Somebody's turn, until it is dropped or its process ends.
///
/// A courtesy, not a lock: what is done without it is right, too, but then the second one writes the same once more, which the kernel
/// takes for a deletion of what the first one wrote, and lets everybody wait until no packet sees that any more.
#[derive(Debug)]
pub(super) struct Turn(
    #[expect(dead_code, reason = "the name is free when the socket is closed")] UnixDatagram,
);

impl Turn {
    /// Waits for the turn to change the table with this name, unless `is_needless` says meanwhile that another has done it: then there
    /// is none, and neither is there where it takes too long.
    pub(super) fn wait<E>(
        table: &str,
        mut is_needless: impl FnMut() -> Result<bool, E>,
    ) -> Result<Option<Self>, E> {
        let end = Instant::now() + PATIENCE;
        let mut pause = PAUSE;
        loop {
            // The names of sockets without a file are those of a network namespace, as the tables are.
            let bound = SocketAddr::from_abstract_name(table).and_then(|name| UnixDatagram::bind_addr(&name));
            match bound {
                Ok(socket) => return Ok(Some(Self(socket))),
                Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < end => {
                    thread::sleep(pause);
                }
                // Where there are no such names, nobody waits.
                Err(_) => return Ok(None),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            if is_needless()? {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn one_after_the_other() {
        let name = format!("turn-of-a-test-{}", std::process::id());
        let no = || Ok::<_, Infallible>(false);
        let first = Turn::wait(&name, no).unwrap();
        assert!(first.is_some());
        // Whoever waits is told by what it asks, or goes on without.
        assert!(Turn::wait(&name, || Ok::<_, Infallible>(true)).unwrap().is_none());
        assert!(Turn::wait(&name, no).unwrap().is_none());
        drop(first);
        assert!(Turn::wait(&name, no).unwrap().is_some());
        assert_eq!(Turn::wait(&name, || Err::<bool, _>(7)).map(|turn| turn.is_some()), Ok(true));
    }
}
