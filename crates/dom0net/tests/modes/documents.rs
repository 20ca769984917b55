//! What the documents show works as it stands there: wrapper scripts, scripts of one's own, foreign bridges beside ours, calls in
//! any number.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::thread;
use std::time::{Duration, Instant};

use dom0net::vif::PortKind;
use lab::Interface;
use xenstore::Requests;

use crate::leftovers::{appear, call};
use crate::stage::{Stage, reaches};

/// The book's wrapper for two bridges, one of them without a card.
const TWO_BRIDGES: &str = "#!/bin/sh\n\
    dir=$(dirname \"$0\")\n\
    \"$dir/network-bridge\" \"$@\" vifnum=0\n\
    \"$dir/network-bridge\" \"$@\" vifnum=1 netdev=dummy0\n";

/// The wiki's kind: one bridge for each card, and nothing told of what it was called with.
const TWO_CARDS: &str = "#!/bin/sh\n\
    dir=$(dirname \"$0\")\n\
    \"$dir/network-bridge\" \"$1\" vifnum=0 netdev=eth0 bridge=xenbr0\n\
    \"$dir/network-bridge\" \"$1\" vifnum=1 netdev=eth1 bridge=xenbr1\n";

/// Writes a script into the folder of Xen's scripts, beside ours.
fn write_script(stage: &Stage, name: &str, text: &str) {
    let folder = stage.script("scripts");
    std::fs::create_dir_all(&folder).unwrap();
    let ours = folder.join("network-bridge");
    if !ours.exists() {
        symlink(env!("CARGO_BIN_EXE_dom0net"), ours).unwrap();
    }
    std::fs::write(folder.join(name), text).unwrap();
    std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn xend(stage: &Stage, text: &str) -> String {
    let path = stage.script("xend-config.sxp");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// The host's devices, addresses and routes, without what comes and goes by itself.
fn state(stage: &Stage) -> String {
    let links = stage.host().kernel().unwrap().links().unwrap();
    let devices = links.iter().map(|link| {
        format!(
            "{} {:?} {:?} {:?} {} {}\n",
            link.name, link.alias, link.master, link.mac, link.mtu, link.group
        )
    });
    let others = ["-o addr", "route", "-6 route"].map(|words| stage.says("ip", words)).concat();
    devices.collect::<String>() + &others.replace("linkdown ", "").replace("tentative ", "")
}

#[test]
fn wrapper_scripts_make_several_bridges_as_often_as_they_are_called() {
    for (name, text, second) in [("my-wrapper", TWO_BRIDGES, false), ("my-network-script", TWO_CARDS, true)] {
        let Some(stage) = Stage::new() else { return };
        if second {
            let address =
                Interface { addresses: vec!["10.9.0.1/24".parse().unwrap()], ..Interface::default() };
            stage.lab.wire().connect(stage.host(), "eth1", &address).unwrap();
        }
        let before = state(&stage);
        write_script(&stage, name, text);
        let config = xend(&stage, &format!("(network-script {name})\n(vif-script vif-bridge)\n"));
        for _ in 0..2 {
            stage.succeeds(&format!("dom0net start --config {config}"));
        }
        let guest = |name: &str, number: u8, bridge: &str| {
            let vif = format!("mac=00:16:3e:00:00:0{number},ip=10.0.0.{number},bridge={bridge}");
            stage.guest(name, &vif, &[&format!("10.0.0.{number}/24")], &[])
        };
        let (web, db) = (guest("web", 2, "xenbr0"), guest("db", 3, "xenbr1"));
        reaches(web.station(), &["10.0.0.250", "10.0.0.254"]);
        for guest in [web, db] {
            stage.lab.toolstack().destroy(guest.domid()).unwrap();
        }
        for _ in 0..2 {
            stage.succeeds(&format!("dom0net stop --config {config}"));
        }
        // Numbers of devices that came and went are not the host's affair.
        assert_eq!(state(&stage).lines().count(), before.lines().count(), "{before}{}", state(&stage));
        reaches(stage.host(), &["10.0.0.254"]);
        // By hand as well.
        let wrapper = stage.script("scripts").join(name);
        for word in ["start", "start", "stop", "stop"] {
            stage.says(wrapper.to_str().unwrap(), word);
        }
        assert_eq!(state(&stage).lines().count(), before.lines().count());
    }
}

#[test]
fn a_script_of_ones_own_is_called_as_xend_did_and_its_failure_is_told() {
    let Some(stage) = Stage::new() else { return };
    let log = stage.script("called");
    write_script(
        &stage,
        "mine",
        &format!("#!/bin/sh\necho \"$@\" >> {}\n[ \"$1\" != stop ]\n", log.display()),
    );
    let config = xend(&stage, "(network-script 'mine netdev=eth7 a=b')\n");
    stage.succeeds(&format!("dom0net start --config {config}"));
    let outcome = stage.run(&format!("dom0net stop --config {config}"));
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("/mine stop failed: exit status: 1"), "{outcome:?}");
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "start netdev=eth7 a=b\nstop netdev=eth7 a=b\n");
    // By its path, wherever it is.
    let elsewhere = stage.script("scripts").join("mine");
    let config = xend(&stage, &format!("(network-script {})\n", elsewhere.display()));
    stage.succeeds(&format!("dom0net start --config {config}"));
    let config = xend(&stage, "(network-script nonesuch)\n");
    let outcome = stage.run(&format!("dom0net start --config {config}"));
    assert!(outcome.status == 1 && outcome.stderr.contains("cannot run"), "{outcome:?}");
}

#[test]
fn bridges_of_others_are_shown_as_such_and_never_touched() {
    let Some(stage) = Stage::new() else { return };
    for words in [
        "link add virbr0 type bridge",
        "link set virbr0 up",
        "addr add 192.168.122.1/24 dev virbr0",
        "link add theirs type veth peer name theirs0",
        "link set theirs0 up",
        "link set theirs master virbr0 up",
    ] {
        stage.says("ip", words);
    }
    let theirs = || {
        let details = ["-d -o link show virbr0", "-d -o link show theirs", "-o addr show virbr0"];
        details.map(|words| stage.says("ip", words)).concat()
    };
    // The kernel notices carriers and addresses of its own a moment later, and that is no change of ours.
    let is_up = |name: &str| stage.host().link(name).unwrap().operational_state == 6;
    let end = Instant::now() + Duration::from_mins(1);
    while !(is_up("virbr0") && is_up("theirs")) || theirs().contains("tentative") {
        assert!(Instant::now() < end, "{}", theirs());
        thread::sleep(Duration::from_millis(50));
    }
    let before = theirs();
    stage.succeeds("network-bridge start");
    stage.guest("web", "mac=00:16:3e:00:00:02,ip=10.0.0.2", &["10.0.0.2/24"], &[]);
    assert_eq!(stage.host().link("vif1.0").unwrap().master, Some(stage.host().link("xenbr0").unwrap().index));
    let status = stage.succeeds("network-bridge status");
    let row = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(row("virbr0").contains("up, not ours") && !row("xenbr0").contains("not ours"), "{status}");
    // There is nothing to stop.
    stage.succeeds("network-bridge stop bridge=virbr0");
    stage.lab.toolstack().destroy(1).unwrap();
    stage.succeeds("network-bridge stop");
    // Their ages and timers go on.
    let lasting = |text: &str| -> Vec<String> {
        let is_timer = |word: &&str| !word.contains('.') || word.contains("192.168");
        text.split_whitespace().filter(is_timer).map(str::to_owned).collect()
    };
    assert_eq!(lasting(&theirs()), lasting(&before));
}

#[test]
fn a_vif_that_comes_online_twice_is_there_once_in_every_mode() {
    let Some(stage) = Stage::new() else { return };
    stage.lab.add_bridge("xenbr0", &[]).unwrap();
    stage.succeeds("network-route start");
    stage.succeeds("network-nat start");
    let rules = || stage.says("nft", "list chains netdev").lines().count();
    for (script, nodes) in [
        ("vif-bridge", &[("ip", "10.0.0.7"), ("bridge", "xenbr0"), ("vifname", "web")][..]),
        ("vif-route", &[("ip", "10.0.0.7 2001:db8::7"), ("vifname", "web")]),
        ("vif-nat", &[("vifname", "web")]),
    ] {
        let (empty, no_rules) = (state(&stage), rules());
        appear(&stage, 7, nodes);
        assert_eq!(call(&stage, &format!("{script} online"), 7).status, 0);
        let once = (state(&stage), rules());
        let outcome = call(&stage, &format!("{script} online"), 7);
        assert_eq!(outcome.status, 0, "{script}: {outcome:?}");
        assert_eq!((state(&stage), rules()), once, "{script}");
        assert!(stage.guard(7, PortKind::Vif).is_some_and(|guard| guard.devices == ["web"]), "{script}");
        for _ in 0..2 {
            assert_eq!(call(&stage, &format!("{script} offline"), 7).status, 0);
        }
        stage.says("ip", "link del web");
        stage.lab.store().unwrap().remove("/local/domain/0/backend/vif/7").unwrap();
        assert_eq!((state(&stage).lines().count(), rules()), (empty.lines().count(), no_rules), "{script}");
    }
}

/// The card that a guest's `gatewaydev=` names, and no other.
#[test]
fn a_guest_may_have_another_card_for_its_gateway() {
    let Some(stage) = Stage::new() else { return };
    let second = Interface {
        addresses: vec!["10.9.0.1/24".parse().unwrap(), "2001:db8:9::1/64".parse().unwrap()],
        ..Interface::default()
    };
    stage.lab.wire().connect(stage.host(), "eth1", &second).unwrap();
    stage.succeeds("network-route start netdev=eth0");
    stage.succeeds("network-route start netdev=eth1");
    let vif = "mac=00:16:3e:00:00:02,script=vif-route,ip=10.9.0.7 2001:db8:9::7,gatewaydev=eth1";
    let web = stage.guest("web", vif, &["10.9.0.7/32", "2001:db8:9::7/128"], &["10.9.0.1", "fe80::1"]);
    let addresses = stage.says("ip", "-o addr show dev vif1.0");
    assert!(addresses.contains("10.9.0.1/32") && !addresses.contains("10.0.0.250"), "{addresses}");
    let proxied = stage.says("ip", "-6 neigh show proxy");
    assert!(proxied.contains("2001:db8:9::7 dev eth1"), "{proxied}");
    assert_eq!(proxied.lines().count(), 1, "{proxied}");
    reaches(web.station(), &["10.9.0.1", "10.0.0.250", "2001:db8:9::1"]);
    stage.lab.toolstack().destroy(web.domid()).unwrap();
    assert_eq!(stage.says("ip", "-6 neigh show proxy"), "");
}
