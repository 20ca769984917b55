//! `dom0net kernel-ip`: the `ip=…` for the kernel of a guest, as xm made it.

use std::io;
use std::path::PathBuf;

use clap::Args;
use xenconf::check::read_file;
use xenconf::dialect::Dialect;
use xenconf::options::Options;

use super::configuration::files::{self, Unreadable};
use super::configuration::findings::{draw_all, style, visible};
use super::configuration::rules::Variables;
use super::fail;
use super::output::{is_terminal, out};

#[derive(Args)]
#[command(after_help = "\
xm made it of dhcp, ip, netmask, gateway, hostname, interface and nfs_server. xl does not: for xl
the line belongs into extra or cmdline. A file is held against the rules of xm, whoever it is for.

Exit status: 0 there is a line, 1 the file makes none, or has errors, 2 it cannot be read.

Examples:
  dom0net kernel-ip /etc/xen/web
  dom0net kernel-ip --var vmid=5 /etc/xen/xmexample2
  xl create web.cfg \"extra='$(dom0net kernel-ip web.cfg)'\"")]
pub(crate) struct KernelIp {
    /// The configuration of a domain, or - for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    variables: Variables,
}

impl KernelIp {
    /// Runs the command and returns the exit status.
    pub(crate) fn run(&self) -> u8 {
        match files::bytes(&self.file) {
            Ok(bytes) => self.show(&bytes),
            Err(Unreadable(sentence)) => {
                fail(&sentence);
                2
            }
        }
    }

    fn show(&self, bytes: &[u8]) -> u8 {
        let options = Options { dialect: Some(Dialect::Xm), ..self.variables.options() };
        let reading = read_file(self.file.to_string_lossy(), bytes, &options);
        if reading.diagnostics.has_errors() {
            eprint!("{}", draw_all(&reading.diagnostics, &reading.source, style(&io::stderr())));
        }
        let name = visible(reading.source.name());
        let Some(domain) = reading.domain() else {
            return fail(&format!(
                "the kernel's ip= line is made of a domain's configuration; {name} is of the kind {}, since {}",
                reading.detection.kind.name(),
                reading.detection.reason
            ));
        };
        match &domain.kernel_ip {
            Some(line) if is_terminal() => out(&format!("{}\n", visible(line))),
            Some(line) => out(&format!("{line}\n")),
            None if reading.diagnostics.has_errors() => return 1,
            None => {
                return fail(&format!(
                    "{name} makes no ip= line for the kernel: for that it sets `ip`, or `dhcp` to something else than 'off'"
                ));
            }
        }
        u8::from(reading.diagnostics.has_errors())
    }
}
