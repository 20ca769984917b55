//! Who is measured.

use std::error::Error;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A script `vif-bridge`, by whomever.
#[derive(Clone, Debug)]
pub(crate) struct Contender {
    /// What the table calls it.
    pub(crate) title: &'static str,
    /// The folder with its scripts.
    pub(crate) scripts: PathBuf,
}

/// Where Debian's package has Xen's scripts.
const STOCK: &str = "/etc/xen/scripts";

/// All that can be measured here. Who cannot is told.
pub(crate) fn all() -> Result<Vec<Contender>, Box<dyn Error>> {
    let folder = std::env::current_exe()?.with_file_name("bench-scripts");
    let mut contenders = vec![
        linked("dom0net", &folder.join("dom0net"), &program("dom0net")?)?,
        linked("the floor: no guard, no questions", &folder.join("floor"), &program("floor")?)?,
    ];
    if Path::new(STOCK).join("vif-bridge").is_file() {
        contenders.push(Contender { title: "Xen's script, as Debian ships it", scripts: STOCK.into() });
        if Command::new("iptables").arg("--version").output().is_ok() {
            contenders.push(with_rules(&folder.join("stock"))?);
        } else {
            eprintln!("not measured: Xen's script with its rules, which needs iptables");
        }
    } else {
        eprintln!("not measured: Xen's script, which is in the package xen-utils-common");
    }
    Ok(contenders)
}

/// A program that was built with this one.
pub(crate) fn program(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("{} is not built; call this by: make bench", path.display()).into())
    }
}

/// A program under the script's name.
fn linked(title: &'static str, folder: &Path, program: &Path) -> Result<Contender, Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let link = folder.join("vif-bridge");
    let _ = fs::remove_file(&link);
    symlink(program, link)?;
    Ok(Contender { title, scripts: folder.into() })
}

/// Debian has switched off the script's packet filter by a `return`; here it is on again.
fn with_rules(folder: &Path) -> Result<Contender, Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(STOCK)? {
        let entry = entry?;
        if entry.path().is_file() {
            fs::copy(entry.path(), folder.join(entry.file_name()))?;
        }
    }
    let common = folder.join("vif-common.sh");
    let text = fs::read_to_string(&common)?;
    let (head, body) = text.split_once("handle_iptable()\n{").ok_or("vif-common.sh has no handle_iptable")?;
    fs::write(&common, format!("{head}handle_iptable()\n{{{}", body.replacen("  return 0\n", "", 1)))?;
    Ok(Contender { title: "Xen's script, with its rules", scripts: folder.into() })
}
