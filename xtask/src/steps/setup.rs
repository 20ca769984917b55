//! Getting what the tests hold our own work against. Nothing here is a failure: what is missing is skipped, and says so.

use nix::unistd::Uid;

use super::build::{STATIC_TARGET, has_static_target};
use super::packages;
use crate::outcome::Outcome;
use crate::places::Places;
use crate::program::{Program, exists};
use crate::report::Report;

/// Programs, and the Debian packages that have them.
const PROGRAMS: &[(&str, &str)] = &[
    ("dhclient", "isc-dhcp-client"),
    ("dnsmasq", "dnsmasq-base"),
    ("ethtool", "ethtool"),
    ("gcc", "gcc"),
    ("groff", "groff-base"),
    ("ip", "iproute2"),
    ("iptables", "iptables"),
    ("man", "man-db"),
    ("nft", "nftables"),
    ("strace", "strace"),
    ("udhcpc", "udhcpc"),
    ("valgrind", "valgrind"),
    // Xen's own scripts call it, which run beside ours in some tests.
    ("xenstore-read", "xenstore-utils"),
];

pub(super) fn run(places: &Places, report: &mut Report) {
    report.check("setup", || {
        let results = [
            programs(places),
            xen_packages(places),
            switch_packages(places),
            firewall_packages(places),
            libvirt_packages(places),
            static_target(places),
        ];
        let problems: Vec<String> = results.into_iter().filter_map(Result::err).collect();
        Outcome {
            skips: problems.into_iter().map(|problem| format!("missing: {problem}")).collect(),
            ..Outcome::default()
        }
    });
}

fn programs(places: &Places) -> Result<(), String> {
    let missing: Vec<&(&str, &str)> = PROGRAMS.iter().filter(|(program, _)| !exists(program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    packages::install(places, &names)
        .map_err(|problem| format!("the programs of the packages {}: {problem}", names.join(", ")))
}

fn xen_packages(places: &Places) -> Result<(), String> {
    packages::unpack_xen(places).map_err(|problem| format!("Xen's own programs: {problem}"))
}

fn switch_packages(places: &Places) -> Result<(), String> {
    packages::unpack_switch(places).map_err(|problem| format!("Open vSwitch: {problem}"))
}

fn firewall_packages(places: &Places) -> Result<(), String> {
    packages::unpack_firewall(places).map_err(|problem| format!("firewalld: {problem}"))
}

fn libvirt_packages(places: &Places) -> Result<(), String> {
    packages::unpack_libvirt(places).map_err(|problem| format!("libvirt: {problem}"))
}

fn static_target(places: &Places) -> Result<(), String> {
    if has_static_target(places) {
        return Ok(());
    }
    let ran = Program::new(places, "rustup", "rustup").args(["target", "add", STATIC_TARGET]).run();
    match ran {
        Ok(ran) if ran.succeeded() => Ok(()),
        Ok(ran) => Err(format!("Rust's target {STATIC_TARGET}: {}", ran.last_words())),
        Err(error) => Err(format!("Rust's target {STATIC_TARGET}: {error}")),
    }
}

/// True for the user who may install packages and boot machines from images.
pub(super) fn is_root() -> bool {
    Uid::effective().is_root()
}
