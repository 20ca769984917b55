//! The example configurations at the root of the project read without complaint, and say what they are meant to.

#![expect(clippy::unwrap_used, reason = "a panic is a test's way of failing")]

use std::path::Path;

use xenconf::diagnostic::Diagnostics;
use xenconf::dialect::Dialect;
use xenconf::domain::{self, Domain};
use xenconf::options::Options;
use xenconf::source::Source;
use xenconf::text::Text;
use xenconf::vif::Defaults;
use xenconf::xend;

fn example(name: &str) -> Source {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    Source::new(name, &std::fs::read(path).unwrap())
}

fn domain(name: &str) -> Domain {
    let mut diagnostics = Diagnostics::new();
    let domain = domain::read(&example(name), &Options::default(), &mut diagnostics).unwrap();
    assert_eq!(diagnostics.as_slice(), [], "{name}");
    domain
}

#[test]
fn the_host_runs_network_bridge_with_its_arguments() {
    let mut diagnostics = Diagnostics::new();
    let config = xend::read(&example("xend-config.sxp"), &mut diagnostics);
    assert_eq!(diagnostics.as_slice(), []);
    let script = config.network_script.unwrap();
    assert_eq!(script.path(), "/etc/xen/scripts/network-bridge");
    assert_eq!(script.arguments, ["netdev=eth0", "bridge=xenbr0", "antispoof=yes"]);
    assert_eq!(config.vif_script.unwrap().name, "vif-bridge");
}

#[test]
fn one_guest_in_each_language() {
    for (file, dialect, name, mac, ip) in [
        ("rhel4", Dialect::Xm, "rhel4", "00:16:3e:27:95:c0", "10.0.0.1 2001:db8::1"),
        ("web.cfg", Dialect::Xl, "web", "00:16:3e:27:95:c1", "10.0.0.2 2001:db8::2"),
        ("db.sxp", Dialect::Sxp, "db", "00:16:3e:27:95:c2", "10.0.0.3 2001:db8::3"),
    ] {
        let domain = domain(file);
        assert_eq!((domain.dialect, domain.name()), (dialect, Some(name)));
        let vifs = domain.effective_vifs(&Defaults::default());
        assert_eq!(vifs.len(), 1, "{file}");
        assert_eq!(vifs[0].mac.map(|mac| mac.to_string()).as_deref(), Some(mac));
        assert_eq!(vifs[0].ip_text.as_deref(), Some(ip));
        assert_eq!(vifs[0].ip.len(), 2, "{file}");
    }
}

#[test]
fn the_rest_of_a_domain_is_kept() {
    let rhel4 = domain("rhel4");
    assert_eq!(rhel4.uuid.as_ref().map(Text::as_str), Some("cf67710d-b756-086b-8cde-be61d2faca1b"));
    assert_eq!((rhel4.number("memory"), rhel4.number("vcpus")), (Some(512), Some(1)));
    assert_eq!(domain("db.sxp").number("memory"), Some(512));
    assert_eq!(domain("web.cfg").effective_vifs(&Defaults::default())[0].vifname.as_deref(), Some("web"));
}
