//! Network namespaces (`network_namespaces(7)`).

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::thread;

use crate::sys;

/// A network namespace: devices, addresses, routes and packet filters of its own. It lives as long as this handle,
/// or a process in it.
///
/// ```no_run
/// use netkernel::{Rtnetlink, namespace::Namespace};
///
/// let guest = Namespace::new()?;
/// let links = guest.run(|| Rtnetlink::open()?.links())??;
/// assert_eq!(links[0].name, "lo");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Namespace {
    descriptor: OwnedFd,
}

impl Namespace {
    /// Makes a namespace, with nothing in it but a loopback device that is down.
    ///
    /// # Errors
    /// `EPERM` without `CAP_SYS_ADMIN` in the current user namespace.
    pub fn new() -> io::Result<Self> {
        in_a_thread(|| {
            sys::unshare_network()?;
            Self::current()
        })?
    }

    /// The namespace of the calling thread.
    pub fn current() -> io::Result<Self> {
        Self::open("/proc/thread-self/ns/net")
    }

    /// The namespace that a file refers to: `/proc/PID/ns/net`, or a file that `ip netns add` made.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self { descriptor: File::open(path)?.into() })
    }

    /// Calls `work` in a thread that is in this namespace, and waits for it. Sockets that it opens, threads that
    /// it makes and programs that it starts stay in the namespace.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        in_a_thread(|| {
            sys::enter_network(self)?;
            Ok(work())
        })?
    }

    /// Moves the calling thread into this namespace for good.
    pub fn enter(&self) -> io::Result<()> {
        sys::enter_network(self)
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// A thread's namespace is its own, so that the caller's stays as it is. A panic goes on in the caller.
fn in_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let worker = thread::Builder::new().name(thread_name()).spawn_scoped(scope, work)?;
        worker.join().map_err(|panic| std::panic::resume_unwind(panic))
    })
}

/// The caller's name, so that what a test says in another namespace is still said by the test.
fn thread_name() -> String {
    thread::current().name().unwrap_or("namespace").to_owned()
}
