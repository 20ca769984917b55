//! Who is measured.

use std::error::Error;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::peers;
use crate::progress::say;

/// A script `vif-bridge`, by whomever.
#[derive(Clone, Debug)]
pub(crate) struct Contender {
    /// What the table calls it.
    pub(crate) title: &'static str,
    /// The folder with its scripts.
    pub(crate) scripts: PathBuf,
    /// Whether another guest is there already, as on most hosts: then what guards share is there, too.
    pub(crate) has_neighbour: bool,
}

impl Contender {
    /// One that is alone on its host.
    pub(crate) const fn new(title: &'static str, scripts: PathBuf) -> Self {
        Self { title, scripts, has_neighbour: false }
    }

    /// One that is not.
    const fn beside_another(title: &'static str, scripts: PathBuf) -> Self {
        Self { title, scripts, has_neighbour: true }
    }
}

/// Where Debian's package has Xen's scripts, below the root or `$XEN_PACKAGES`.
const STOCK: &str = "etc/xen/scripts";

/// All that can be measured here. Who cannot is told.
pub(crate) fn all() -> Result<Vec<Contender>, Box<dyn Error>> {
    let mut contenders = vec![
        Contender::new("dom0net", linked("dom0net")?),
        Contender::beside_another("dom0net, beside another guest", linked("dom0net")?),
        Contender::new("the floor with the guard: no questions", linked("guarded-floor")?),
        Contender::beside_another("the floor with the guard, beside another guest", linked("guarded-floor")?),
        Contender::new("the floor: no guard, no questions", linked("floor")?),
    ];
    contenders.extend(stock()?);
    contenders.extend(peers::all(&folder()?)?);
    Ok(contenders)
}

/// Xen's own, as shipped and with its rules, as far as they are here.
pub(crate) fn stock() -> Result<Vec<Contender>, Box<dyn Error>> {
    let Some(stock) = stock_folder() else {
        say("not measured: Xen's scripts, of the package xen-utils-common (make bench-peers fetches it)");
        return Ok(Vec::new());
    };
    let mut contenders = Vec::new();
    if is_there("xenstore-read") {
        contenders.push(Contender::new("Xen's script, as Debian ships it", stock.clone()));
        if is_there("iptables") {
            contenders.push(with_rules(&stock, &folder()?.join("stock"))?);
        } else {
            say("not measured: Xen's script with its rules, which needs iptables");
        }
    } else {
        say("not measured: Xen's script, which needs xenstore-read of the package xenstore-utils");
    }
    Ok(contenders)
}

/// Which version of Xen the scripts are of.
pub(crate) fn stock_version() -> Option<String> {
    let paths = fs::read_to_string(stock_folder()?.join("hotplugpath.sh")).ok()?;
    let version = paths.split("/xen-").nth(1)?.split(['/', '"']).next()?;
    Some(format!("Xen's scripts of {version}"))
}

fn stock_folder() -> Option<PathBuf> {
    let unpacked = std::env::var_os("XEN_PACKAGES").map(PathBuf::from);
    let folders = [Some(PathBuf::from("/")), unpacked];
    folders
        .into_iter()
        .flatten()
        .map(|root| root.join(STOCK))
        .find(|folder| folder.join("vif-bridge").is_file())
}

/// Whether a program is on the path, or at this place.
pub(crate) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// What is made for the bench, beside the programs that were built with it.
fn folder() -> Result<PathBuf, Box<dyn Error>> {
    Ok(std::env::current_exe()?.with_file_name("bench-scripts"))
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

/// One of our programs under the name `vif-bridge`.
pub(crate) fn script(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    Ok(linked(name)?.join("vif-bridge"))
}

/// The folder with a program under the names of scripts.
pub(crate) fn linked(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let folder = folder()?.join(name);
    fs::create_dir_all(&folder)?;
    let program = program(name)?;
    for script in ["vif-bridge", "vif-route", "vif-nat", "network-nat"] {
        let link = folder.join(script);
        if fs::read_link(&link).ok().as_ref() != Some(&program) {
            // Another bench may be making it at this moment: the last one counts.
            let fresh = folder.join(format!("{script}-{}", std::process::id()));
            symlink(&program, &fresh)?;
            fs::rename(fresh, link)?;
        }
    }
    Ok(folder)
}

/// Debian has switched off the script's packet filter by a `return`; here it is on again.
fn with_rules(stock: &Path, folder: &Path) -> Result<Contender, Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(stock)? {
        let entry = entry?;
        if entry.path().is_file() {
            fs::copy(entry.path(), folder.join(entry.file_name()))?;
        }
    }
    let common = folder.join("vif-common.sh");
    let text = fs::read_to_string(&common)?;
    let (head, body) = text.split_once("handle_iptable()\n{").ok_or("vif-common.sh has no handle_iptable")?;
    fs::write(&common, format!("{head}handle_iptable()\n{{{}", body.replacen("  return 0\n", "", 1)))?;
    Ok(Contender::new("Xen's script, with its rules", folder.into()))
}
