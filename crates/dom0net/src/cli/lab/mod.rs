//! `dom0net lab`: a Xen host out of network namespaces, to see what this program does and to try a configuration.

mod attacks;
mod demo;
mod pings;
mod scene;
mod store;
mod up;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use lab::keeper::{self, Context, KeeperError, Next, Places};

use super::fail;
use super::output::out;

/// The words with which this program calls itself for the parts of a lab.
const HIDDEN: [&str; 2] = ["lab", "stage"];
/// What a lab is started for.
const DEMO: &str = "demo";
const KEEP: &str = "keep";
const UP: &str = "up";

#[derive(Subcommand)]
pub(crate) enum Lab {
    /// Show the main job: a host, three guests, who reaches whom, and what becomes of guests that lie.
    #[command(after_help = "\
Needs no root where user namespaces are allowed, and touches nothing of this machine.

Examples:
  dom0net lab demo
  dom0net lab demo --keep && dom0net lab enter web")]
    Demo {
        /// Leave it running afterwards, for a look around.
        #[arg(long)]
        keep: bool,
    },
    /// Start a lab with your own configuration, and leave it running.
    #[command(after_help = "\
Examples:
  dom0net lab up --config examples/xend-config.sxp examples/rhel4 examples/web.cfg
  dom0net lab up my-guest.cfg && dom0net lab enter host")]
    Up(Files),
    /// Work inside: on the host, in a guest, at the gateway.
    #[command(after_help = "\
Examples:
  dom0net lab enter host
  dom0net lab enter web ip address")]
    Enter {
        /// host, gateway, switch, or a guest's name.
        station: String,
        /// A command; without one, a shell.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// Show the lab that is running.
    List,
    /// End it.
    Down,
    /// A part of a lab.
    #[command(hide = true, disable_help_flag = true)]
    Stage {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
}

/// The files that a lab is built from.
#[derive(Args)]
pub(crate) struct Files {
    /// The host's configuration; its network-script is run. Without it, the host has no bridge.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Guests' configurations, in any of Xen's languages.
    #[arg(value_name = "GUEST")]
    guests: Vec<PathBuf>,
}

impl Lab {
    /// Runs the command and returns the exit status.
    pub(crate) fn run(self) -> u8 {
        let places = Places::from_environment();
        let result = match self {
            Self::Demo { keep } => {
                let what = if keep { vec![DEMO.into(), KEEP.into()] } else { vec![DEMO.into()] };
                keeper::start(&places, &HIDDEN, &what)
            }
            Self::Up(files) => keeper::start(&places, &HIDDEN, &files.into_words()),
            Self::Enter { station, command } => keeper::enter(&places, &station, &command),
            Self::List => list(&places),
            Self::Down => keeper::end(&places).map(|()| 0),
            Self::Stage { words } => return keeper::main(&HIDDEN, words, work),
        };
        result.unwrap_or_else(|error| fail(&error))
    }
}

impl Files {
    /// What [`stage`] is given: it reads the files, as they are when the lab is built.
    fn into_words(self) -> Vec<OsString> {
        let config = self.config.map(PathBuf::into_os_string).unwrap_or_default();
        [UP.into(), config].into_iter().chain(self.guests.into_iter().map(PathBuf::into_os_string)).collect()
    }
}

fn list(places: &Places) -> Result<u8, KeeperError> {
    let running = keeper::running(places)?;
    out(&format!("A lab is running (process {}).\n", running.pid));
    for station in &running.stations {
        out(&format!("  dom0net lab enter {station}\n"));
    }
    Ok(0)
}

/// What a lab was started for.
fn work(context: &Context) -> Next {
    let (what, rest) = context.arguments.split_first().unzip();
    let rest = rest.unwrap_or_default();
    match what.and_then(|what| what.to_str()) {
        Some(DEMO) => demo::run(context, rest.iter().any(|word| word == KEEP)),
        Some(UP) => up::run(context, rest),
        _ => Next::End(2),
    }
}
