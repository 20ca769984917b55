//! The native configuration reads back as it was written, and its schema says what there is.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value as Json;

use xenconf::diagnostic::Diagnostics;
use xenconf::native::{Mode, Network, Networks, SCHEMA};
use xenconf::source::Source;
use xenconf::xend;

fn network() -> impl Strategy<Value = Network> {
    let text = || proptest::option::of(".{1,12}");
    let mode = proptest::sample::select(&[Mode::Bridge, Mode::Route, Mode::Nat][..]);
    let truth = any::<Option<bool>>;
    (
        (".{1,12}", mode, text(), text(), text(), text(), text()),
        (truth(), truth(), truth(), truth(), truth()),
        proptest::collection::vec(".{0,12}", 0..3),
        text(),
    )
        .prop_map(|((name, mode, bridge, uplink, layout, subnet, subnet6), truths, forward, guard)| {
            let (antispoof, stp, dhcp, dns, isolated) = truths;
            Network {
                bridge,
                uplink,
                antispoof,
                guard,
                stp,
                layout,
                subnet,
                subnet6,
                dhcp,
                dns,
                isolated,
                forward,
                ..Network::new(name, mode)
            }
        })
}

proptest! {
    #[test]
    fn the_file_reads_back_as_the_same_networks(
        vif_script in proptest::option::of(".{1,12}"),
        guard in proptest::option::of(".{1,12}"),
        network in proptest::collection::vec(network(), 0..4),
    ) {
        let networks = Networks { vif_script, guard, network };
        let text = networks.to_toml();
        let read: Networks = toml::from_str(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(read, networks);
    }

    #[test]
    fn any_wrapper_comes_to_an_end(text in "[a-z0-9 $(){}`'\"\\\\\n;|&=/#@-]{0,200}") {
        let _ = Networks::from_wrapper(&Source::new("wrapper", text.as_bytes()), &mut Diagnostics::new());
    }
}

#[test]
fn the_configuration_of_the_example_is_written_so() {
    let text = include_bytes!("../../../examples/xend-config.sxp");
    let mut diagnostics = Diagnostics::new();
    let config = xend::read(&Source::new("xend-config.sxp", text), &mut diagnostics);
    let networks = Networks::from_xend(&config, None, &mut diagnostics);
    assert_eq!(diagnostics.as_slice(), []);
    assert_eq!(
        networks.to_toml(),
        "# The networks of this host, for dom0net.\n\n\
         # Connects an interface that names no script itself.\nvif-script = \"vif-bridge\"\n\n\
         [[network]]\nname = \"xenbr0\"\nmode = \"bridge\"\nbridge = \"xenbr0\"\nuplink = \"eth0\"\nantispoof = true\n"
    );
}

#[test]
fn the_schema_knows_every_field_and_no_other() {
    let schema: Json = serde_json::from_str(SCHEMA).unwrap();
    let names = |object: &Json| object.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
    let word = || Some("b".to_owned());
    let network = Network {
        bridge: word(),
        uplink: word(),
        antispoof: Some(true),
        guard: word(),
        stp: Some(true),
        layout: word(),
        subnet: word(),
        subnet6: word(),
        dhcp: Some(true),
        dns: Some(true),
        isolated: Some(true),
        forward: vec!["c".into()],
        ..Network::new("a".into(), Mode::Nat)
    };
    let whole =
        serde_json::to_value(Networks { vif_script: word(), guard: word(), network: vec![network] }).unwrap();
    assert_eq!(names(&schema["properties"]), names(&whole));
    assert_eq!(names(&schema["$defs"]["network"]["properties"]), names(&whole["network"][0]));
}

#[test]
fn a_fault_is_found_where_it_stands() {
    let found = |text: &str| {
        let reports = xenconf::check::check(
            [("dom0net.toml".to_owned(), text.as_bytes().to_vec())],
            &xenconf::options::Options::default(),
        );
        let problems = &reports[0].problems;
        problems.iter().map(|it| (it.line, it.column, it.message.clone())).collect::<Vec<_>>()
    };
    let good = "guard = \"log=yes\"\n\n[[network]]\nname = \"a\"\nmode = \"nat\"\n";
    assert_eq!(found(good), []);
    for (text, line, column, part) in [
        ("[[network]\n", 1, 11, "expected"),
        ("[[network]]\nname = \"a\"\nmode = \"brigde\"\n", 3, 8, "unknown variant `brigde`"),
        ("[[network]]\nname = \"a\"\nmode = \"nat\"\ncolour = 1\n", 4, 1, "unknown field `colour`"),
        ("[[network]]\nname = \"a\"\nmode = \"bridge\"\ndhcp = true\n", 4, 8, "dhcp means nothing"),
        ("[[network]]\nname = \"a\"\nmode = \"bridge\"\nguard = \"log=yes\"\n", 4, 9, "say it with bridge"),
        ("network = 1\n", 1, 11, "invalid type"),
    ] {
        let all = found(text);
        assert!(
            matches!(&all[..], [(at, column_at, message)] if (*at, *column_at) == (line, column) && message.contains(part)),
            "{text}: {all:?}"
        );
    }
    // All of them, not the first alone.
    let network = "[[network]]\nname = \"a\"\nmode = \"bridge\"\ndhcp = true\nsubnet = \"10.1.0.0/24\"\n";
    assert_eq!(found(&network.repeat(2)).len(), 5);
}
