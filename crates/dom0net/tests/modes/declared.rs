//! All networks of a host said in one file, and no script.

use crate::stage::{Stage, reaches};

const NETWORKS: &str = r#"
[[network]]
name = "lan"
mode = "bridge"
bridge = "xenbr0"
uplink = "eth0"

[[network]]
name = "inside"
mode = "nat"
bridge = "nat0"
subnet = "10.1.0.1/24"
subnet6 = "no"
dhcp = false

[[network]]
name = "quiet"
mode = "bridge"
bridge = "private0"
"#;

#[test]
fn all_networks_of_a_file_are_started_shown_and_stopped() {
    let Some(stage) = Stage::new() else { return };
    let file = stage.script("dom0net.toml");
    std::fs::write(&file, NETWORKS).unwrap();
    let command = |operation: &str| format!("dom0net {operation} --config {}", file.display());
    let before = stage.host().snapshot().unwrap();

    stage.succeeds(&command("start"));
    // Again is as good as once.
    stage.succeeds(&command("start"));
    for bridge in ["xenbr0", "nat0", "private0"] {
        assert!(stage.host().link(bridge).unwrap().is_bridge(), "{bridge}");
    }
    let status = stage.succeeds(&command("status"));
    assert!(status.contains("xenbr0") && status.contains("nat0"), "{status}");
    let vif = "mac=00:16:3e:00:00:02,bridge=nat0,ip=10.1.0.2";
    let guest = stage.guest("web", vif, &["10.1.0.2/24"], &["10.1.0.1"]);
    reaches(guest.station(), &["10.1.0.1", "192.0.2.1"]);
    stage.lab.toolstack().destroy(guest.domid()).unwrap();

    stage.succeeds(&command("stop"));
    let after = stage.host().snapshot().unwrap();
    assert_eq!(after.since(&before), []);
}

#[test]
fn what_is_wrong_in_the_file_is_told_before_anything_changes() {
    let Some(stage) = Stage::new() else { return };
    let file = stage.script("dom0net.toml");
    for (text, sentence) in [
        ("[[network]]\nname = \"a\"\nmode = \"brigde\"\n", "line 3"),
        ("[[network]]\nname = \"a\"\nmode = \"bridge\"\ndhcp = true\n", "dhcp means nothing with mode"),
        ("network = 1", "invalid type"),
    ] {
        std::fs::write(&file, text).unwrap();
        let outcome = stage.run(&format!("dom0net start --config {}", file.display()));
        assert_eq!(outcome.status, 1, "{outcome:?}");
        assert!(outcome.stderr.contains(sentence), "{}", outcome.stderr);
    }
}
