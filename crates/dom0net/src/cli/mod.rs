//! The command line: one file for each command.

mod guard;
mod host;
mod lab;
pub(crate) mod network_bridge;
mod output;
mod recover;
mod show;
mod status;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

/// The virtual network of a Xen host: bridges, guests' interfaces, and a guard that no guest gets past.
#[derive(Parser)]
#[command(name = "dom0net", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the network of this host, as its configuration says.
    #[command(after_help = "\
Examples:
  dom0net start --dry-run
  dom0net start --config /etc/xen/xend-config.sxp")]
    Start(host::Host),
    /// Stop it, and give the card everything back.
    #[command(after_help = "\
Examples:
  dom0net stop --dry-run
  dom0net stop")]
    Stop(host::Host),
    /// Undo or finish what a start or stop left half done when it was killed. Run it at boot.
    #[command(after_help = "\
The next start or stop does the same for its own network.

Example:
  dom0net recover")]
    Recover,
    /// Show the bridges of this host, the guests on them, and what the guard has dropped.
    Show(show::Show),
    /// What guests may send: shown, tested, changed, checked.
    #[command(subcommand)]
    Guard(guard::Guard),
    /// A Xen host without Xen, to see what this program does and to try a configuration.
    #[command(subcommand)]
    Lab(lab::Lab),
    /// Start, stop or show a bridge, with the words of Xen's own script.
    #[command(disable_help_flag = true)]
    NetworkBridge {
        /// start, stop or status, and words of the form name=value.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
    /// Plug a guest's interface into its bridge, as the toolstack calls it.
    #[command(disable_help_flag = true)]
    VifBridge {
        /// online or offline, and words of the form name=value.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
}

/// Runs the command line and returns the exit status.
pub(crate) fn run() -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // What cannot be written has no reader.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    match cli.command {
        Command::Start(host) => host.run("start"),
        Command::Stop(host) => host.run("stop"),
        Command::Recover => recover::run(),
        Command::Show(show) => show.run(),
        Command::Guard(guard) => guard.run(),
        Command::Lab(lab) => lab.run(),
        Command::NetworkBridge { words } => network_bridge::run(words),
        Command::VifBridge { words } => crate::vif_bridge(words),
    }
}

/// Tells a person why a command failed, and returns the exit status for that.
fn fail(error: &dyn std::fmt::Display) -> u8 {
    eprintln!("dom0net: {error}");
    1
}
