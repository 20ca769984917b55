//! `dom0net guard`: what guests may send, and what was dropped.

mod check;
mod packets;
mod set;
mod show;
mod test;
mod watch;
mod which;

use clap::Subcommand;

/// What the subcommands are called with.
#[derive(Subcommand)]
pub(crate) enum Guard {
    /// Show what a guest may send, whether that is in force, and what was dropped.
    Show(show::Show),
    /// Say what would become of frames from a guest, and why. Nothing is sent.
    Test(test::Test),
    /// Change what a running guest may send, from one frame to the next.
    Set(set::Set),
    /// Check that the guards of all guests are in force; exit status 1 if one is not.
    #[command(visible_alias = "status")]
    Check(check::Check),
    /// Put guards in force again that others have taken away.
    Restore(check::Restore),
    /// Put them in force again whenever others take them away: a service.
    Watch(watch::Watch),
}

impl Guard {
    /// Runs the command and returns the exit status.
    pub(crate) fn run(&self) -> u8 {
        match self {
            Self::Show(show) => show.run(),
            Self::Test(test) => test.run(),
            Self::Set(set) => set.run(),
            Self::Check(check) => check.run(),
            Self::Restore(restore) => restore.run(),
            Self::Watch(watch) => watch.run(),
        }
    }
}
