//! `dom0net export`: the bridge in the configuration of the program that manages the card.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use dom0net::export::{File, Format, Wanted};
use dom0net::network::{self, Arguments, Error, Layout, Records, Snapshot};
use dom0net::places::Places;
use dom0net::plan::Kernel;

use super::fail;
use super::output::{announce, out};

#[derive(Args)]
pub(crate) struct Export {
    /// Whose configuration: networkd, networkmanager, ifupdown, netplan or nmstate.
    #[arg(long, value_name = "FORMAT")]
    to: Format,
    /// Write the files below this folder instead of printing them; / puts them where they belong.
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
    /// What network-bridge start would be given: netdev=, bridge=, stp=…
    words: Vec<String>,
}

impl Export {
    pub(crate) fn run(&self) -> u8 {
        let words = ["start".to_owned()].into_iter().chain(self.words.iter().cloned());
        let arguments = match Arguments::parse(words.map(Into::into)) {
            Ok(arguments) => arguments,
            Err(error) => {
                fail(&error);
                return 2;
            }
        };
        if let Some(layout) = arguments.layout.filter(|layout| *layout != Layout::Today) {
            fail(&format!(
                "no other program can make layout={layout}; have it made by dom0net start at boot"
            ));
            return 2;
        }
        match wanted(&arguments) {
            Ok((wanted, left_out)) => {
                for what in left_out {
                    eprintln!("dom0net: left out, because not every format has words for it: {what}");
                }
                self.write(&self.to.write(&wanted))
            }
            Err(error) => fail(&error),
        }
    }

    fn write(&self, files: &[File]) -> u8 {
        let Some(folder) = &self.into else {
            for file in files {
                out(&format!("### {}\n{}\n", file.path.display(), file.text));
            }
            return 0;
        };
        for file in files {
            let path = folder.join(file.path.strip_prefix("/").unwrap_or(&file.path));
            if let Err(error) = put(&path, file) {
                return fail(&format!("cannot write {}: {error}", path.display()));
            }
            announce(&path.display().to_string());
        }
        0
    }
}

fn put(path: &Path, file: &File) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, &file.text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(file.mode))
}

/// What the card is now; when the network stands already, the bridge.
fn wanted(arguments: &Arguments) -> Result<(Wanted, Vec<String>), Error> {
    let mut kernel = Kernel::open()?;
    let records = Records::of(&Places::from_environment());
    let names = network::names(&mut kernel, &records, arguments)?;
    let record = records.read(&names.bridge)?;
    let front = record.as_ref().map_or(&names.uplink, |record| &record.front().name);
    let Some(mut snapshot) = Snapshot::take(&mut kernel, front)? else {
        return Err(Error::NoUplink { name: front.clone(), present: Vec::new() });
    };
    snapshot.device.name = names.uplink;
    Ok(Wanted::from_card(&snapshot, names.bridge, arguments.stp.unwrap_or(false)))
}
