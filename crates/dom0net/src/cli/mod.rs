//! The command line: one file for each command.

mod addresses;
mod check;
mod configuration;
mod confirm;
mod convert;
mod explain;
mod export;
mod generate;
mod guard;
mod host;
mod install_scripts;
mod kernel_ip;
mod lab;
mod mac;
mod metrics;
mod native;
pub(crate) mod network_bridge;
pub(crate) mod network_nat;
pub(crate) mod network_route;
pub(crate) mod output;
mod recover;
mod script;
mod show;
mod status;
pub(crate) mod vif_script;
mod vif_spec;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::{Parser, Subcommand};
use dom0net::hotplug::Mode;

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
  dom0net start --take-over
  dom0net start --config /etc/xen/dom0net.toml")]
    Start(host::Host),
    /// Stop it, and give the card everything back.
    #[command(after_help = "\
Examples:
  dom0net stop --dry-run
  dom0net stop")]
    Stop(host::Host),
    /// Show the networks of this host, and how they differ from what was started.
    #[command(after_help = "\
Exit status 1 means that a network is not as it should be.

Examples:
  dom0net status
  dom0net status --config /etc/xen/dom0net.toml")]
    Status(host::Host),
    /// Undo or finish what a start or stop left half done when it was killed. Run it at boot.
    #[command(after_help = "\
The next start or stop does the same for its own network.

Example:
  dom0net recover")]
    Recover,
    /// Write the bridge into the configuration of another program, which makes it at each boot.
    #[command(after_help = "\
Examples:
  dom0net export --to networkd
  dom0net export --to netplan --into / netdev=eth0 bridge=xenbr0")]
    Export(export::Export),
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
    /// Print what passed and what guards dropped, for Prometheus.
    Metrics(metrics::Metrics),
    /// Say what is wrong with configuration files: where, why, and what to write instead.
    Check(check::Check),
    /// Say what the code of a finding means.
    Explain(explain::Explain),
    /// Say what the specification of an interface means.
    VifSpec(vif_spec::VifSpec),
    /// Print the `ip=…` for the kernel of a guest, as xm made it of `ip`, `dhcp` and the like.
    KernelIp(kernel_ip::KernelIp),
    /// Write a configuration in another language.
    Convert(convert::Convert),
    /// Make MAC addresses, and find those that are used twice.
    #[command(subcommand)]
    Mac(mac::Mac),
    /// Show the addresses that `vif-nat` made up for guests without ip=, which are theirs from then on.
    #[command(after_help = "\
Examples:
  dom0net addresses
  dom0net addresses --forget 0b0b0b0b-0000-4000-8000-000000000001")]
    Addresses(addresses::Remembered),
    /// Put this program in place of Xen's own scripts, or give the place back.
    #[command(after_help = "\
What a package has put there is kept aside, with dpkg-divert where there is dpkg.

Examples:
  dom0net install-scripts --dry-run
  dom0net install-scripts
  dom0net install-scripts --uninstall")]
    InstallScripts(install_scripts::InstallScripts),
    /// What comes with the program: its man pages.
    #[command(subcommand)]
    Generate(generate::Generate),
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
    /// Make a network whose guests go out as this host, with a bridge, subnets, DHCP and port forwards of its own.
    #[command(disable_help_flag = true)]
    NetworkNat {
        /// start, stop or status, and words of the form name=value.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
    /// Make this host a router for guests with `vif-route`, with the words of Xen's own script.
    #[command(disable_help_flag = true)]
    NetworkRoute {
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
    /// Give a guest's interface an address that nobody but this host knows, as the toolstack calls it.
    #[command(disable_help_flag = true)]
    VifNat {
        /// online or offline, and words of the form name=value.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
    /// Plug a guest's interface into a bridge of Open vSwitch, as the toolstack calls it.
    #[command(disable_help_flag = true)]
    VifOpenvswitch {
        /// online or offline, and words of the form name=value.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
    /// Route a guest's addresses to its interface, as the toolstack calls it.
    #[command(disable_help_flag = true)]
    VifRoute {
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
        Command::Status(host) => host.run("status"),
        Command::Recover => recover::run(),
        Command::Export(export) => export.run(),
        Command::Confirm(confirm) => confirm.run(),
        Command::WatchStart(watch) => watch.run(),
        Command::Show(show) => show.run(),
        Command::Metrics(metrics) => metrics.run(),
        Command::Check(check) => check.run(),
        Command::Explain(explain) => explain.run(),
        Command::VifSpec(spec) => spec.run(),
        Command::KernelIp(spec) => spec.run(),
        Command::Convert(convert) => convert.run(),
        Command::Mac(mac) => mac.run(),
        Command::Addresses(remembered) => remembered.run(),
        Command::InstallScripts(install) => install.run(),
        Command::Generate(generate) => generate.run(),
        Command::Guard(guard) => guard.run(),
        Command::Lab(lab) => lab.run(),
        Command::NetworkBridge { words } => network_bridge::run(words),
        Command::NetworkNat { words } => network_nat::run(words),
        Command::NetworkRoute { words } => network_route::run(words),
        Command::VifBridge { words } => crate::vif_script(Mode::Bridge, words),
        Command::VifNat { words } => crate::vif_script(Mode::Nat, words),
        Command::VifOpenvswitch { words } => crate::vif_script(Mode::OpenVSwitch, words),
        Command::VifRoute { words } => crate::vif_script(Mode::Route, words),
    }
}

/// Tells a person why a command failed, and returns the exit status for that.
fn fail(error: &dyn std::fmt::Display) -> u8 {
    // Nobody is left to tell when this fails.
    let _ = writeln!(io::stderr(), "dom0net: {error}");
    1
}
