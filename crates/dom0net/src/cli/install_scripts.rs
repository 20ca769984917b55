//! `dom0net install-scripts`: this program in place of Xen's own scripts.

use std::path::PathBuf;

use clap::Args;
use dom0net::scripts::{Scripts, Step};

use super::fail;
use super::output::out;

#[derive(Args)]
pub(crate) struct InstallScripts {
    /// Remove the links, and put back what was there.
    #[arg(long, short)]
    uninstall: bool,
    /// The root of the system to work on, for images and packages.
    #[arg(long, value_name = "FOLDER", default_value = "/")]
    prefix: PathBuf,
    /// The program that the links lead to; without it this one.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Print what would be done, and do nothing.
    #[arg(long, short = 'n')]
    dry_run: bool,
}

impl InstallScripts {
    /// Runs the command and returns the exit status.
    pub(crate) fn run(&self) -> u8 {
        let program = match &self.program {
            Some(program) => Ok(program.clone()),
            None => std::env::current_exe(),
        };
        let program = match program {
            Ok(program) => program,
            Err(error) => return fail(&format!("cannot tell where this program is: {error}")),
        };
        let done = Scripts::new(&self.prefix, &program).and_then(|scripts| {
            if self.uninstall { scripts.uninstall(self.dry_run) } else { scripts.install(self.dry_run) }
        });
        match done {
            Ok(steps) if steps.iter().all(|step| matches!(step, Step::Already(_))) => {
                out("nothing to do: all is so already\n");
            }
            Ok(steps) => steps.iter().for_each(|step| out(&format!("{step}\n"))),
            Err(error) => return fail(&error),
        }
        0
    }
}
