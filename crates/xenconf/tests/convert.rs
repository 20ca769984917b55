//! What is converted means the same as before.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use xenconf::convert;
use xenconf::diagnostic::{Diagnostics, Severity};
use xenconf::dialect::Dialect;
use xenconf::domain::{self, Domain};
use xenconf::options::Options;
use xenconf::source::Source;
use xenconf::vif::Defaults;

fn read(name: &str, text: &str, dialect: Option<Dialect>) -> (Domain, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let options = Options { dialect, ..Options::default() };
    let source = Source::new(name, text.as_bytes());
    let domain = domain::read(&source, &options, &mut diagnostics)
        .unwrap_or_else(|| panic!("no domain is read from:\n{text}"));
    (domain, diagnostics)
}

/// What two languages can agree upon in an interface.
#[derive(Debug, PartialEq, Eq)]
struct Essence {
    mac: Option<String>,
    bridge: Option<String>,
    ip: Vec<String>,
    rate: Option<String>,
    script: String,
    has_type: bool,
}

fn essence(domain: &Domain) -> Vec<Essence> {
    let effective = domain.effective_vifs(&Defaults::default());
    let pairs = effective.iter().zip(&domain.vifs);
    pairs
        .map(|(effective, vif)| Essence {
            mac: effective.mac.map(|mac| mac.to_string()),
            bridge: vif
                .bridge
                .as_ref()
                .map(|bridge| bridge.as_str().to_owned())
                .filter(|bridge| !bridge.is_empty()),
            ip: effective.ip.iter().map(ToString::to_string).collect(),
            rate: effective.rate.filter(|rate| !rate.is_unlimited()).map(|rate| rate.to_string()),
            script: effective.script.split(' ').next().unwrap_or("").to_owned(),
            has_type: vif.kind.is_some(),
        })
        .collect()
}

fn without_comments(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
}

fn converts_well(name: &str, domain: &Domain) {
    let as_xl = convert::to_xl(domain);
    let (xl, found) = read(name, &as_xl, Some(Dialect::Xl));
    let syntax = |code: &str| code.starts_with("X02") || code.starts_with("X03") || code.starts_with("X01");
    for diagnostic in found.iter().filter(|found| found.severity == Severity::Error) {
        assert!(!syntax(diagnostic.kind.code), "{name}: {diagnostic:?}\n{as_xl}");
    }
    assert_eq!(xl.name(), domain.name(), "{name}:\n{as_xl}");
    assert_eq!(xl.guest, domain.guest, "{name}:\n{as_xl}");
    assert_eq!(essence(&xl), essence(domain), "{name}:\n{as_xl}");
    let devices =
        |domain: &Domain| domain.pci.iter().flat_map(xenconf::pci::Device::xl_specs).collect::<Vec<_>>();
    assert_eq!(devices(&xl), devices(domain), "{name}:\n{as_xl}");
    assert_eq!(
        without_comments(&convert::to_xl(&xl)),
        without_comments(&as_xl),
        "{name}: another conversion changes it"
    );

    let as_sxp = convert::to_sxp(domain);
    let (sxp, found) = read(name, &as_sxp, None);
    for diagnostic in found.iter().filter(|found| found.severity == Severity::Error) {
        assert!(!syntax(diagnostic.kind.code), "{name}: {diagnostic:?}\n{as_sxp}");
    }
    assert_eq!(sxp.dialect, Dialect::Sxp);
    assert_eq!(sxp.name(), domain.name(), "{name}:\n{as_sxp}");
    assert_eq!(sxp.kernel_ip, domain.kernel_ip, "{name}:\n{as_sxp}");
    let macs = |domain: &Domain| {
        essence(domain).into_iter().map(|vif| (vif.mac, vif.bridge, vif.ip)).collect::<Vec<_>>()
    };
    assert_eq!(macs(&sxp), macs(domain), "{name}:\n{as_sxp}");
}

#[test]
fn every_domain_of_the_corpus_means_the_same_after_conversion() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut count = 0;
    for folder in
        fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.to_str().unwrap();
            let options = Options { variables: vec![("vmid".into(), "5".into())], ..Options::default() };
            let source = Source::new(name, &fs::read(&path).unwrap());
            // What stops a file from being read leaves nothing to compare.
            let mut found = Diagnostics::new();
            let Some(domain) = domain::read(&source, &options, &mut found) else { continue };
            let bad_mac = found.iter().any(|found| found.kind.code == "X0701");
            if name.ends_with(".expect") || domain.name().is_none() || bad_mac {
                continue;
            }
            converts_well(name, &domain);
            count += 1;
        }
    }
    assert!(count > 30, "only {count} domains were compared");
}

#[test]
fn what_has_no_successor_stays_as_a_comment() {
    let (domain, _) = read(
        "vm",
        "name='vm'\nmemory=64\non_xend_start='start'\nvif=['script=vif-bridge a=b']\n",
        Some(Dialect::Xm),
    );
    let text = convert::to_xl(&domain);
    assert!(text.contains("\n# on_xend_start = 'start' (link the file into /etc/xen/auto"), "{text}");
    assert!(
        text.contains("\n# vif 0: script=vif-bridge a=b (xl hands no arguments to a script)\n"),
        "{text}"
    );
}

#[test]
fn a_value_cannot_break_out_of_its_comment_or_its_string() {
    let (domain, _) =
        read("vm", "name='a\\nb\"c'\nmemory=64\non_xend_start='x\\nname=\"evil\"'\n", Some(Dialect::Xm));
    let (xl, _) = read("vm", &convert::to_xl(&domain), Some(Dialect::Xl));
    assert_eq!(xl.name(), Some("a\nb\"c"));
    let (sxp, _) = read("vm", &convert::to_sxp(&domain), None);
    assert_eq!(sxp.name(), Some("a\nb\"c"));
}

#[test]
fn a_rate_is_carried_over_by_what_it_means() {
    for (xm, xl) in
        [("010MB/s", "500000,50000"), ("10MB/s@20ms", "200000,20000"), ("12345B/s@7ms", "86,7000")]
    {
        let (domain, _) = read("vm", &format!("name='vm'\nvif=['rate={xm}']\n"), Some(Dialect::Xm));
        let (xl_domain, _) = read("vm", &convert::to_xl(&domain), Some(Dialect::Xl));
        let rate = xl_domain.effective_vifs(&Defaults::default())[0].rate.unwrap();
        assert_eq!(rate.to_string(), xl, "{xm}");
    }
}

proptest! {
    #[test]
    fn any_interface_means_the_same_after_conversion(
        mac in proptest::option::of(any::<[u8; 5]>()),
        bridge in proptest::option::of("[a-z][a-z0-9.]{0,8}"),
        ip in proptest::collection::vec(any::<[u8; 4]>(), 0..3),
        vifname in proptest::option::of("[a-z]{1,8}"),
        rate in proptest::option::of((1_u32..2_000_000, 0_usize..3, 1_u32..5_000)),
        strings in any::<bool>(),
    ) {
        let mut keys: Vec<String> = Vec::new();
        keys.extend(mac.map(|m| format!("mac=02:{:02x}:{:x}:{:02X}:{:02x}:{:02x}", m[0], m[1], m[2], m[3], m[4])));
        keys.extend(bridge.map(|bridge| format!("bridge={bridge}")));
        let ips: Vec<String> = ip.iter().map(|ip| std::net::Ipv4Addr::from(*ip).to_string()).collect();
        keys.extend((!ips.is_empty()).then(|| format!("ip={}", ips.join(" "))));
        keys.extend(vifname.map(|name| format!("vifname={name}")));
        keys.extend(rate.map(|(speed, unit, interval)| format!("rate={speed}{}B/s@{interval}ms", ["", "K", "M"][unit])));
        let quote = if strings { '\'' } else { '"' };
        let text = format!("name = 'vm'\nvif = [ {quote}{}{quote} ]\n", keys.join(", "));
        for dialect in [Dialect::Xm, Dialect::Xl] {
            let (domain, _) = read("vm", &text, Some(dialect));
            converts_well("vm", &domain);
        }
    }
}
