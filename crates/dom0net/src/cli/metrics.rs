//! `dom0net metrics`: counters for Prometheus.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use dom0net::inventory;
use dom0net::metrics;
use dom0net::network::Records;
use dom0net::places::Places;
use dom0net::plan::Kernel;
use tempfile::NamedTempFile;

use super::fail;
use super::output::out;

#[derive(Args)]
#[command(after_help = "\
Series are named by the guest's name and UUID and the interface's number, which stay when it starts again.
If something cannot be found out, the exit status is 1, and a file keeps what it had.

Examples:
  dom0net metrics
  dom0net metrics --into /var/lib/prometheus/node-exporter/dom0net.prom")]
pub(crate) struct Metrics {
    /// Write into this file, in one step: for the textfile collector of `node_exporter`.
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
}

impl Metrics {
    /// Runs the command and returns the exit status.
    pub(crate) fn run(&self) -> u8 {
        let records = Records::of(&Places::from_environment());
        let collected = Kernel::open().and_then(|mut kernel| inventory::collect(&mut kernel, &records));
        let inventory = match collected {
            Ok(inventory) => inventory,
            Err(error) => return fail(&error),
        };
        if !inventory.problems.is_empty() {
            // Half of it would look like guests that have gone.
            return fail(&inventory.problems.join("\ndom0net: "));
        }
        let text = metrics::text(&inventory);
        match &self.into {
            None => out(&text),
            Some(path) => {
                if let Err(error) = replace(path, &text) {
                    return fail(&format!("cannot write {}: {error}", path.display()));
                }
            }
        }
        0
    }
}

/// Whoever reads the file sees all of it, old or new.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    // The collector runs as somebody else.
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(readable)?;
    file.persist(path)?;
    Ok(())
}
