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
    )
        .prop_map(|((name, mode, bridge, uplink, layout, subnet, subnet6), truths, forward)| {
            let (antispoof, stp, dhcp, dns, isolated) = truths;
            Network {
                bridge,
                uplink,
                antispoof,
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
        network in proptest::collection::vec(network(), 0..4),
    ) {
        let networks = Networks { vif_script, network };
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
        serde_json::to_value(Networks { vif_script: Some("e".into()), network: vec![network] }).unwrap();
    assert_eq!(names(&schema["properties"]), names(&whole));
    assert_eq!(names(&schema["$defs"]["network"]["properties"]), names(&whole["network"][0]));
}
