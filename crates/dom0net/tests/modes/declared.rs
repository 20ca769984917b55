//! All networks of a host said in one file, and no script.

use dom0net::vif::PortKind;

use crate::stage::{Stage, reaches, reaches_not};

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

const GUARDED: &str = r#"
guard = "link-local=any"

[[network]]
name = "lan"
mode = "bridge"
bridge = "xenbr0"
uplink = "eth0"
guard = "isolated=yes host=ping"

[[network]]
name = "out"
mode = "route"
uplink = "xenbr0"
guard = "router=yes"
"#;

#[test]
fn networks_say_what_their_guests_may_send() {
    let Some(stage) = Stage::new() else { return };
    std::fs::write(stage.script("dom0net.toml"), GUARDED).unwrap();
    stage.succeeds("dom0net start");
    let bridged = |name: &str, last: u32| {
        let vif = format!("mac=00:16:3e:00:00:0{last},bridge=xenbr0,ip=10.0.0.{last}");
        stage.guest(name, &vif, &[&format!("10.0.0.{last}/24")], &["10.0.0.254"])
    };
    let (web, db) = (bridged("web", 2), bridged("db", 3));
    reaches(web.station(), &["10.0.0.254", "10.0.0.250"]);
    reaches_not(web.station(), &["10.0.0.3"]);
    // What the network says of the host is in force, too: ping, and nothing else.
    assert!(stage.says("nft", "list ruleset").contains("xenbr0"));
    let said = stage.succeeds("dom0net guard show web");
    assert!(said.contains("isolated"), "{said}");
    assert!(!said.contains("router"), "{said}");
    let routed = "mac=00:16:3e:00:00:04,script=vif-route,ip=10.0.0.4";
    let _out = stage.guest("out", routed, &["10.0.0.4/32"], &["10.0.0.250"]);
    let said = stage.succeeds("dom0net guard show out --json");
    assert!(said.contains("\"router\": true") && !said.contains("\"isolated\": true"), "{said}");
    // For guests that run, and by the guard's own file, whose lines count over these.
    std::fs::write(stage.script("guard.conf"), "web isolated=no\n").unwrap();
    assert_eq!(stage.run("dom0net guard check").status, 1);
    stage.succeeds("dom0net guard restore");
    stage.succeeds("dom0net guard check");
    reaches(web.station(), &["10.0.0.3"]);
    drop(db);
    // What cannot be refuses those whom it is about, with its place.
    std::fs::write(stage.script("dom0net.toml"), GUARDED.replace("router=yes", "router=maybe")).unwrap();
    let error = stage.refusal("mac=00:16:3e:00:00:09,script=vif-route,ip=10.0.0.9");
    assert!(error.contains("dom0net.toml:15: router=maybe cannot be: it is yes or no"), "{error}");
    let _ok = stage.guest("ok", "mac=00:16:3e:00:00:05,bridge=xenbr0,ip=10.0.0.5", &[], &[]);
    std::fs::write(stage.script("dom0net.toml"), format!("{GUARDED}]")).unwrap();
    let error = stage.refusal("mac=00:16:3e:00:00:09,bridge=xenbr0");
    assert!(error.contains("dom0net.toml cannot be read, and with it what it says of guards"), "{error}");
    let checked = stage.run("dom0net guard check");
    assert!(checked.status == 1 && checked.stdout.contains("dom0net.toml cannot be read"), "{checked:?}");
    assert!(stage.guard(1, PortKind::Vif).is_some());
}

#[test]
fn check_finds_what_is_wrong_where_it_stands() {
    let Some(stage) = Stage::new() else { return };
    let file = stage.script("dom0net.toml");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let outcome = stage.run(&format!("dom0net check {}", file.display()));
        (outcome.status, outcome.stdout)
    };
    assert_eq!(check(NETWORKS), (0, String::new()));
    assert_eq!(check(GUARDED), (0, String::new()));
    for (from, to, place, sentence) in [
        ("\"link-local=any\"", "\"link-local=some\"", "2:9", "link-local=some cannot be"),
        ("\"link-local=any\"", "\"host=ping\"", "2:9", "host=ping cannot be"),
        ("host=ping", "host=pong", "9:9", "host=pong cannot be"),
        ("\"eth0\"", "\"a card\"", "8:10", "it may not contain"),
        ("guard = \"router=yes\"", "dhcp = true", "15:8", "dhcp means nothing"),
        (
            "mode = \"route\"\nuplink = \"xenbr0\"",
            "mode = \"nat\"\nbridge = \"nat0\"\nsubnet = \"10.1.0.0\"",
            "15:10",
            "like 10.1.0.0/24",
        ),
        (
            "mode = \"route\"\nuplink = \"xenbr0\"",
            "mode = \"nat\"\nforward = [\"tcp:80-90:10.1.0.2:70\"]",
            "14:11",
            "as many",
        ),
        (
            "mode = \"route\"\nuplink = \"xenbr0\"",
            "mode = \"nat\"\nforward = [\"tcp:80:10.1.0.2\", \"tcp:70-90:10.1.0.3\"]",
            "14:11",
            "tcp:70-90:10.1.0.3",
        ),
        ("mode = \"route\"", "mode = \"rout\"", "13:8", "unknown variant"),
    ] {
        let (status, said) = check(&GUARDED.replace(from, to));
        let is_placed = said.contains(&format!("dom0net.toml:{place}\n"));
        assert!(status == 1 && is_placed && said.contains(sentence), "{to}, at {place}: {said}");
    }
}
