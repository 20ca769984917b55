//! Debian packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::setup::is_root;
use crate::places::Places;
use crate::program::{Program, Ran, exists};

/// A mirror that does not answer is no reason to wait for long.
const PATIENT_BUT_NOT_VERY: &[&str] = &[
    "-q",
    "-o",
    "Acquire::Retries=1",
    "-o",
    "Acquire::http::Timeout=20",
    "-o",
    "Acquire::https::Timeout=20",
];

/// Installs packages, where this user may.
pub(super) fn install(places: &Places, packages: &[&str]) -> Result<(), String> {
    if !is_root() {
        return Err("only root can install them".into());
    }
    update(places)?;
    let mut apt = apt(places, &["install", "-y", "--no-install-recommends"]);
    apt.args(packages).env("DEBIAN_FRONTEND", "noninteractive");
    succeed(&apt).map(drop)
}

/// Fetches the lists of packages, once in a run.
pub(super) fn update(places: &Places) -> Result<(), String> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    DONE.get_or_init(|| succeed(&apt(places, &["update"])).map(drop)).clone()
}

/// Unpacks what Xen's packages have, unless it is installed or unpacked already. Unpacked, not installed: no daemon is started, and
/// any user may. So with the others.
pub(super) fn unpack_xen(places: &Places) -> Result<(), String> {
    obtain(places, &places.xen_packages(), has_xen, || xen_package_names(places))
}

/// Fetches what Open vSwitch's packages have, unless it is installed or unpacked already.
pub(super) fn unpack_switch(places: &Places) -> Result<(), String> {
    let names = || Ok(switch_names(&dependencies(places, &["openvswitch-switch"])?));
    obtain(places, &places.switch_packages(), has_switch, names)
}

/// Fetches firewalld and the message bus that it is spoken to over, unless it is installed or unpacked already.
pub(super) fn unpack_firewall(places: &Places) -> Result<(), String> {
    let names = || Ok(firewall_names(&dependencies(places, &["firewalld", "dbus-daemon"])?));
    obtain(places, &places.firewall_packages(), has_firewall, names)
}

/// Fetches libvirt's daemon and its client, unless they are installed or unpacked already.
pub(super) fn unpack_libvirt(places: &Places) -> Result<(), String> {
    let names = || Ok(libvirt_names(&dependencies(places, &["libvirt-daemon", "libvirt-clients"])?));
    obtain(places, &places.libvirt_packages(), has_libvirt, names)
}

fn obtain(
    places: &Places,
    folder: &Path,
    is_there: fn(&Path) -> bool,
    names: impl FnOnce() -> Result<Vec<String>, String>,
) -> Result<(), String> {
    if is_there(Path::new("/")) || is_there(folder) {
        return Ok(());
    }
    if !exists("apt-get") || !exists("dpkg-deb") {
        return Err("they are had from Debian packages, and there is no apt-get".into());
    }
    if is_root() {
        update(places)?;
    }
    unpack(places, folder, &names()?)?;
    if is_there(folder) { Ok(()) } else { Err("the packages do not hold what they should".into()) }
}

fn has_firewall(root: &Path) -> bool {
    ["usr/sbin/firewalld", "usr/bin/firewall-cmd", "usr/bin/dbus-daemon"]
        .iter()
        .all(|file| root.join(file).is_file())
}

fn has_libvirt(root: &Path) -> bool {
    ["usr/sbin/libvirtd", "usr/bin/virsh"].iter().all(|file| root.join(file).is_file())
}

/// The names of libvirt's own packages without what it runs machines with, and of libraries that few other programs need.
fn libvirt_names(listing: &str) -> Vec<String> {
    const WANTED: &[&str] = &[
        "libnuma1",
        "libparted2",
        "libpcap0.8",
        "libssh-4",
        "libvirt-clients",
        "libvirt-daemon",
        "libvirt0",
        "libyajl2",
    ];
    names_in(listing, |name| WANTED.contains(&name.trim_end_matches(":amd64")))
}

/// The names of firewalld's own packages, of the Python modules that it needs, and of libraries that few other programs need.
fn firewall_names(listing: &str) -> Vec<String> {
    const WANTED: &[&str] = &[
        "dbus-daemon",
        "firewalld",
        "gir1.2-glib-2.0",
        "libcap-ng0",
        "libdbus-glib-1-2",
        "libgirepository-1.0-1",
        "libnftables1",
        "python3-attr",
        "python3-cap-ng",
        "python3-dbus",
        "python3-firewall",
        "python3-gi",
        "python3-jsonschema",
        "python3-nftables",
        "python3-pyrsistent",
    ];
    names_in(listing, |name| WANTED.contains(&name.trim_end_matches(":amd64")))
}

fn has_switch(root: &Path) -> bool {
    ["usr/sbin/ovsdb-server", "usr/lib/openvswitch-switch/ovs-vswitchd"]
        .iter()
        .all(|file| root.join(file).is_file())
}

/// The names of Open vSwitch's own packages, and of libraries that few other programs need.
fn switch_names(listing: &str) -> Vec<String> {
    let wanted = ["openvswitch-common", "openvswitch-switch", "libbpf", "libevent-2", "libunbound", "libxdp"];
    let is_wanted = |name: &&str| wanted.iter().any(|begin| name.starts_with(begin));
    names_in(listing, is_wanted)
}

/// Downloads packages and unpacks them into a folder.
fn unpack(places: &Places, folder: &Path, names: &[String]) -> Result<(), String> {
    // It takes its place when it is complete.
    let unfinished = folder.with_added_extension("unfinished");
    remake(&unfinished)?;
    let mut download = apt(places, &["download"]);
    download.args(names).folder(&unfinished);
    succeed(&download)?;
    for package in files(&unfinished)? {
        let mut unpack = Program::new(places, "dpkg-deb", "dpkg-deb");
        succeed(unpack.arg("-x").args([&package, &unfinished]))?;
        fs::remove_file(&package).map_err(|error| error.to_string())?;
    }
    remake(folder)?;
    fs::rename(&unfinished, folder).map_err(|error| error.to_string())
}

/// True when the daemon, its tools and its headers are below `root`.
fn has_xen(root: &Path) -> bool {
    let versions = fs::read_dir(root.join("usr/lib")).into_iter().flatten().flatten();
    let mut daemons = versions.map(|version| version.path().join("bin/xenstored"));
    daemons.any(|daemon| daemon.is_file())
        && ["usr/bin/xenstore-ls", "usr/include/xenctrl.h"].iter().all(|file| root.join(file).is_file())
}

/// The packages with the daemon, its tools, headers, and all of Xen's libraries that they need.
fn xen_package_names(places: &Places) -> Result<Vec<String>, String> {
    let ran = succeed(Program::new(places, "apt-cache", "apt-cache").args(["pkgnames", "xen-utils-4."]))?;
    let newest = newest_version(&ran.stdout).ok_or("apt knows no package xen-utils-4")?;
    Ok(xen_names(&dependencies(places, &["libxen-dev", "xenstore-utils", &newest])?))
}

/// What these packages need, as apt lists it, and what that needs.
fn dependencies(places: &Places, packages: &[&str]) -> Result<String, String> {
    let mut closure = Program::new(places, "apt-cache", "apt-cache");
    closure.args([
        "depends",
        "--recurse",
        "--no-recommends",
        "--no-suggests",
        "--no-conflicts",
        "--no-breaks",
    ]);
    closure.args(["--no-replaces", "--no-enhances"]).args(packages);
    Ok(succeed(&closure)?.stdout)
}

/// Of `xen-utils-4.17` and the like, the one with the highest number.
fn newest_version(names: &str) -> Option<String> {
    let minor = |name: &&str| name.rsplit('.').next()?.parse::<u32>().ok();
    names.lines().filter(|name| minor(name).is_some()).max_by_key(minor).map(str::to_owned)
}

/// The names in what `apt-cache depends --recurse` prints: they begin in the first column. Others than Xen's are on every machine.
fn xen_names(listing: &str) -> Vec<String> {
    names_in(listing, |name| name.starts_with("libxen") || name.starts_with("xen"))
}

fn names_in(listing: &str, is_wanted: impl FnMut(&&str) -> bool) -> Vec<String> {
    let mut names: Vec<String> =
        listing.lines().filter(is_wanted).map(|name| name.trim_end_matches(":amd64").to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

fn apt(places: &Places, words: &[&str]) -> Program {
    let mut program = Program::new(places, "apt-get", "apt-get");
    program.within(Duration::from_mins(5)).args(PATIENT_BUT_NOT_VERY).args(words);
    program
}

fn succeed(program: &Program) -> Result<Ran, String> {
    let ran = program.run().map_err(|error| error.to_string())?;
    if ran.succeeded() { Ok(ran) } else { Err(ran.last_words().to_owned()) }
}

fn remake(folder: &Path) -> Result<(), String> {
    // That it is not there is as well.
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| error.to_string())?;
    Ok(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_xen_is_the_one_with_the_highest_number() {
        let names = "xen-utils-4.9\nxen-utils-4.17\nxen-utils-4.14\nxen-utils-4.17-dbg\n";
        assert_eq!(newest_version(names).as_deref(), Some("xen-utils-4.17"));
        assert_eq!(newest_version(""), None);
    }

    #[test]
    fn of_the_closure_only_what_is_xens_is_taken() {
        let listing = "\
xenstore-utils
  Depends: libc6
  Depends: libxenstore4
libc6
libxenstore4
<libxen-virtual>
  libxenstore4
libxenstore4
";
        assert_eq!(xen_names(listing), ["libxenstore4", "xenstore-utils"]);
        let listing = "openvswitch-switch\n  Depends: libc6\nlibc6\nlibbpf1:amd64\nopenvswitch-switch-dpdk\n";
        assert_eq!(switch_names(listing), ["libbpf1", "openvswitch-switch", "openvswitch-switch-dpdk"]);
        let listing = "firewalld\n  Depends: python3\npython3\npython3-gi:amd64\npython3-gi-cairo\n";
        assert_eq!(firewall_names(listing), ["firewalld", "python3-gi"]);
        let listing = "libvirt-daemon\nlibvirt-daemon-driver-qemu\nlibyajl2:amd64\n";
        assert_eq!(libvirt_names(listing), ["libvirt-daemon", "libyajl2"]);
    }
}
