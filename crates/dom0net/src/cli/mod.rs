//! The command line: one file for each command.

mod check;
mod configuration;
mod confirm;
mod convert;
mod explain;
mod host;
mod lab;
mod mac;
pub(crate) mod network_bridge;
mod output;
mod recover;
mod show;
mod status;
mod vif_spec;

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
  dom0net start --confirm 60s && dom0net confirm
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
    /// Confirm that this host can be reached after `start --confirm`, so that it does not go back.
    #[command(after_help = "\
Examples:
  dom0net start --confirm 60s
  dom0net confirm")]
    Confirm(confirm::Confirm),
    /// Take a start back that nobody confirms.
    #[command(hide = true)]
    WatchStart(confirm::Watch),
    /// Show the bridges of this host, the guests on them, and what the guard has dropped.
    Show(show::Show),
    /// Say what is wrong with configuration files: where, why, and what to write instead.
    Check(check::Check),
    /// Say what the code of a finding means.
    Explain(explain::Explain),
    /// Say what the specification of an interface means.
    VifSpec(vif_spec::VifSpec),
    /// Write a configuration in another language.
    Convert(convert::Convert),
    /// Make MAC addresses, and find those that are used twice.
    #[command(subcommand)]
    Mac(mac::Mac),
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
        Command::Confirm(confirm) => confirm.run(),
        Command::WatchStart(watch) => watch.run(),
        Command::Show(show) => show.run(),
        Command::Check(check) => check.run(),
        Command::Explain(explain) => explain.run(),
        Command::VifSpec(spec) => spec.run(),
        Command::Convert(convert) => convert.run(),
        Command::Mac(mac) => mac.run(),
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
