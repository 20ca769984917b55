//! Guests are created, attached to, detached from and destroyed, as libxl does it.
#![allow(clippy::unwrap_used, reason = "panicking is how a test fails")]

mod common;

use std::fs;
use std::time::Duration;

use lab::{
    DomainConfig, GuestBehaviour, Lab, LabConfig, MachineKind, Manner, Ping, ScriptEnd, ToolstackError,
    VifConfig,
};
use xenstore::{Requests, TreeLimits};

const WEB: &str = "mac=00:16:3e:00:00:02,ip=10.0.0.2 2001:db8::2";
const DB: &str = "mac=00:16:3e:00:00:03,ip=10.0.0.3 2001:db8::3";
const EVERYBODY: [&str; 8] = [
    "10.0.0.3",
    "2001:db8::3",
    "10.0.0.250",
    "2001:db8::250",
    "10.0.0.254",
    "2001:db8::fe",
    "192.0.2.1",
    "2001:db8:ffff::1",
];

fn web() -> DomainConfig {
    DomainConfig::xl("web", &[WEB]).unwrap()
}

fn ping(address: &str) -> Ping {
    Ping::to(address.parse::<std::net::IpAddr>().unwrap())
}

/// A lab whose script behaves so.
fn lab_behaving(behaviour: &str, change: impl FnOnce(&mut LabConfig)) -> Option<Lab> {
    common::lab_with(|config| {
        config.toolstack.environment.push((common::BEHAVIOUR.to_owned(), behaviour.into()));
        change(config);
    })
}

/// All nodes below `folder`, as `path = value (permissions)`.
fn nodes(lab: &Lab, folder: &str) -> Vec<String> {
    let mut store = lab.store().unwrap();
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        let Some(value) = store.read_text(&path).unwrap() else { continue };
        let permissions = store.permissions(&path).unwrap().unwrap();
        found.push(format!("{} = {value:?} ({permissions})", path.strip_prefix(folder).unwrap()));
        let children = store.directory(&path).unwrap().unwrap();
        waiting.extend(children.iter().rev().map(|child| format!("{path}/{child}")));
    }
    found
}

fn is_empty(lab: &Lab, folder: &str) -> bool {
    lab.store().unwrap().tree(folder, TreeLimits::default()).unwrap().is_none()
}

fn links(lab: &Lab) -> Vec<String> {
    lab.host().station().kernel().unwrap().links().unwrap().into_iter().map(|link| link.name).collect()
}

#[test]
fn two_guests_reach_each_other_the_host_the_gateway_and_the_internet() {
    let Some(lab) = common::lab() else { return };
    let web = lab.create(&web()).unwrap();
    let db = lab.create(&DomainConfig::xl("db", &[DB]).unwrap()).unwrap();
    for address in EVERYBODY {
        let answer = web.station().ping(&ping(address)).unwrap();
        assert!(answer.is_here(), "{address}: {answer}");
    }
    for address in ["10.0.0.2", "2001:db8::2"] {
        assert!(db.station().ping(&ping(address)).unwrap().is_here());
        assert!(lab.host().station().ping(&ping(address)).unwrap().is_here());
    }
    lab.toolstack().destroy(db.domid()).unwrap();
    let nobody = ping("10.0.0.3").attempts(2, Duration::from_millis(100));
    assert!(!web.station().ping(&nobody).unwrap().is_here());
}

#[test]
fn the_store_holds_what_libxl_writes() {
    let Some(lab) = common::lab() else { return };
    let config =
        DomainConfig::xl("web", &["mac=00:16:3e:00:00:02,ip=10.0.0.2,vifname=web,rate=10MB/s,mtu=1400"]);
    let deaf = GuestBehaviour { connects: false, ..GuestBehaviour::default() };
    let created = lab.toolstack().create(&config.unwrap().behaving(deaf)).unwrap();
    assert_eq!(created.guest.domid(), 1);
    assert_eq!(
        nodes(&lab, "/local/domain/1/device/vif/0"),
        [
            r#" = "" (n1,r0)"#,
            r#"/backend = "/local/domain/0/backend/vif/1/0" (n1,r0)"#,
            r#"/backend-id = "0" (n1,r0)"#,
            r#"/state = "1" (n1,r0)"#,
            r#"/handle = "0" (n1,r0)"#,
            r#"/mac = "00:16:3e:00:00:02" (n1,r0)"#,
            r#"/trusted = "1" (n1,r0)"#,
            r#"/mtu = "1400" (n0,r1)"#,
        ]
    );
    let script = lab.toolstack().options().scripts.join("vif-bridge");
    let script = format!("/script = {:?} (n0,r1)", script.display().to_string());
    let written = [
        r#" = "" (n0,r1)"#,
        r#"/frontend = "/local/domain/1/device/vif/0" (n0,r1)"#,
        r#"/frontend-id = "1" (n0,r1)"#,
        r#"/online = "1" (n0,r1)"#,
        r#"/state = "2" (n0,r1)"#,
        &script,
        r#"/vifname = "web" (n0,r1)"#,
        r#"/mac = "00:16:3e:00:00:02" (n0,r1)"#,
        r#"/ip = "10.0.0.2" (n0,r1)"#,
        r#"/rate = "500000,50000" (n0,r1)"#,
        r#"/mtu = "1400" (n0,r1)"#,
        r#"/bridge = "xenbr0" (n0,r1)"#,
        r#"/handle = "0" (n0,r1)"#,
        r#"/type = "vif" (n0,r1)"#,
        r#"/hotplug-status = "connected" (n0,r1)"#,
    ];
    let (toolstack, netback): (Vec<_>, Vec<_>) = nodes(&lab, "/local/domain/0/backend/vif/1/0")
        .into_iter()
        .partition(|node| !node.starts_with("/feature-") && !node.starts_with("/multi-queue-"));
    assert_eq!(toolstack, written);
    assert_eq!(netback.len(), 11);
    let copy = nodes(&lab, "/libxl/1/device/vif/0");
    assert_eq!(copy.len(), written.len() + 1);
    assert!(copy.iter().all(|node| node.ends_with("(n0)")), "{copy:#?}");
    // As it was at the beginning.
    assert!(copy.contains(&r#"/state = "1" (n0)"#.to_owned()), "{copy:#?}");
    let vm = lab.store().unwrap().read_text("/local/domain/1/vm").unwrap().unwrap();
    assert_eq!(lab.store().unwrap().read_text(&format!("{vm}/name")).unwrap().as_deref(), Some("web"));
}

#[test]
fn the_script_is_called_as_libxl_calls_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("calls");
    let Some(lab) = lab_behaving(&format!("record {}", log.display()), |_| ()) else { return };
    let config = DomainConfig::xl("web", &["mac=00:16:3e:00:00:02,gatewaydev=eth0"]).unwrap();
    let created = lab.toolstack().create(&config).unwrap();
    created.guest.wait_connected(0, Duration::from_secs(5)).unwrap();
    lab.toolstack().detach(1, 0).unwrap();
    let script = lab.toolstack().options().scripts.join("vif-bridge");
    let call = |command: &str, links: &[&str]| {
        let mut lines = vec![
            format!("arguments {command} type_if=vif"),
            "stdin /dev/null".to_owned(),
            format!("script={}", script.display()),
        ];
        let environment = [
            "XENBUS_TYPE=vif",
            "XENBUS_PATH=backend/vif/1/0",
            "XENBUS_BASE_PATH=backend",
            "netdev=eth0",
            "vif=vif1.0",
            "INTERFACE=(not set)",
        ];
        lines.extend(environment.map(str::to_owned));
        lines.extend(links.iter().map(|link| format!("link {link}")));
        lines
    };
    // The device has gone when the script is called for the second time.
    let expected =
        [call("online", &["lo", "eth0", "xenbr0", "vif1.0"]), call("offline", &["lo", "eth0", "xenbr0"])]
            .concat();
    let recorded = fs::read_to_string(log).unwrap();
    assert_eq!(recorded.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_guest_that_boots_with_an_emulated_card_has_two_calls() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("calls");
    let Some(lab) = lab_behaving(&format!("record {}", log.display()), |_| ()) else { return };
    let config = DomainConfig { kind: MachineKind::Hvm, ..DomainConfig::xl("hvm", &[WEB]).unwrap() };
    lab.toolstack().create(&config).unwrap();
    assert!(links(&lab).contains(&"vif1.0-emu".to_owned()), "{:?}", links(&lab));
    let backend = nodes(&lab, "/local/domain/0/backend/vif/1/0");
    assert!(backend.contains(&r#"/type = "vif_ioemu" (n0,r1)"#.to_owned()), "{backend:#?}");
    lab.toolstack().destroy(1).unwrap();
    assert!(!links(&lab).contains(&"vif1.0-emu".to_owned()));
    let calls = fs::read_to_string(&log).unwrap();
    let commands: Vec<&str> = calls.lines().filter_map(|line| line.strip_prefix("arguments ")).collect();
    assert_eq!(
        commands,
        ["online type_if=vif", "add type_if=tap", "offline type_if=vif", "remove type_if=tap"]
    );
    let interfaces: Vec<&str> = calls.lines().filter(|line| line.starts_with("INTERFACE=")).collect();
    let tap = "INTERFACE=vif1.0-emu";
    assert_eq!(interfaces, ["INTERFACE=(not set)", tap, "INTERFACE=(not set)", tap]);
}

#[test]
fn a_running_guest_gets_interfaces_and_loses_them() {
    let Some(lab) = common::lab() else { return };
    let guest = lab.create(&DomainConfig::new("web")).unwrap();
    let attached = lab.toolstack().attach(1, &WEB.parse().unwrap()).unwrap();
    assert_eq!(attached.vif.devid, 0);
    guest.wait_connected(0, Duration::from_secs(5)).unwrap();
    assert!(guest.station().ping(&ping("10.0.0.254")).unwrap().is_here());
    let second = lab.toolstack().attach(1, &"ip=10.0.0.7".parse().unwrap()).unwrap();
    assert_eq!(second.vif.devid, 1);
    assert_eq!(lab.toolstack().vifs(1).unwrap(), [0, 1]);
    guest.wait_connected(1, Duration::from_secs(5)).unwrap();
    assert!(links(&lab).contains(&"vif1.1".to_owned()));

    lab.toolstack().detach(1, 0).unwrap();
    lab.toolstack().detach(1, 1).unwrap();
    assert!(links(&lab).iter().all(|link| !link.starts_with("vif")), "{:?}", links(&lab));
    assert!(guest.station().link("eth0").is_err());
    for folder in ["/local/domain/0/backend", "/local/domain/1/device/vif", "/libxl/1/device/vif"] {
        assert!(is_empty(&lab, folder), "{folder}");
    }
    assert!(matches!(lab.toolstack().detach(1, 0), Err(ToolstackError::NoVif { .. })));
    // Numbers are given anew.
    assert_eq!(lab.toolstack().attach(1, &WEB.parse().unwrap()).unwrap().vif.devid, 0);
}

#[test]
fn a_guest_that_reboots_comes_back_under_another_number() {
    let Some(lab) = common::lab() else { return };
    lab.create(&web()).unwrap();
    let again = lab.toolstack().reboot(1, &web()).unwrap().guest;
    assert_eq!(again.domid(), 2);
    again.wait_connected(0, Duration::from_secs(5)).unwrap();
    assert!(again.station().ping(&ping("10.0.0.254")).unwrap().is_here());
    assert!(links(&lab).contains(&"vif2.0".to_owned()) && !links(&lab).contains(&"vif1.0".to_owned()));
}

#[test]
fn a_destroyed_guest_leaves_nothing() {
    let Some(lab) = common::lab() else { return };
    let before = (nodes(&lab, "/local"), links(&lab));
    let guest = lab.create(&DomainConfig::xl("web", &[WEB, "ip=10.0.0.7", "ip=10.0.0.8"]).unwrap()).unwrap();
    let destroyed = lab.toolstack().destroy(guest.domid()).unwrap();
    assert_eq!(destroyed.runs.len(), 3);
    assert!(destroyed.runs.iter().all(|run| run.is_success() && run.call.arguments[0] == "offline"));
    assert_eq!((nodes(&lab, "/local"), links(&lab)), before);
    assert!(is_empty(&lab, "/vm") || nodes(&lab, "/vm").len() == 1);
    assert!(lab.toolstack().guests().is_empty());
    assert_eq!(lab.netback_failure(), None);
}

#[test]
fn a_domain_whose_script_fails_is_destroyed_and_says_why() {
    let Some(lab) = lab_behaving("error", |_| ()) else { return };
    let error = lab.toolstack().create(&web()).unwrap_err();
    assert_eq!(error.hotplug_error(), Some("no bridge, no way"));
    let run = error.script().unwrap();
    assert_eq!(run.end, ScriptEnd::Exited(1));
    assert!(run.output.contains("this is the last line"), "{}", run.output);
    assert!(error.to_string().contains("no bridge, no way"), "{error}");
    assert!(lab.toolstack().guests().is_empty());
    assert!(is_empty(&lab, "/local/domain/0/backend") && is_empty(&lab, "/local/domain/1"));
}

#[test]
fn an_interface_whose_script_fails_leaves_its_nodes_until_it_is_detached() {
    let Some(lab) = lab_behaving("error", |_| ()) else { return };
    lab.create(&DomainConfig::new("web")).unwrap();
    assert!(lab.toolstack().attach(1, &WEB.parse().unwrap()).is_err());
    assert!(!is_empty(&lab, "/local/domain/0/backend/vif/1/0"));
    assert_eq!(lab.toolstack().vifs(1).unwrap(), [0]);
    lab.toolstack().detach(1, 0).unwrap();
    assert!(is_empty(&lab, "/local/domain/0/backend"));
}

#[test]
fn a_script_that_hangs_is_killed_at_the_limit() {
    let limit = Duration::from_millis(300);
    let Some(lab) = lab_behaving("hang", |config| config.toolstack.timeouts.script = limit) else { return };
    let error = lab.toolstack().create(&web()).unwrap_err();
    assert_eq!(error.script().unwrap().end, ScriptEnd::TimedOut(limit));
    assert!(error.script().unwrap().took < Duration::from_secs(5));
}

#[test]
fn a_script_that_is_missing_is_named() {
    let Some(lab) = common::lab() else { return };
    let config = DomainConfig::xl("web", &["script=vif-nothing"]).unwrap();
    let error = lab.toolstack().create(&config).unwrap_err();
    assert!(matches!(error.script().unwrap().end, ScriptEnd::NotStarted(_)), "{error}");
    assert!(error.to_string().contains("/vif-nothing online type_if=vif could not be started"), "{error}");
}

#[test]
fn nobody_is_told_that_traffic_can_pass_before_the_script_says_so() {
    let Some(lab) = lab_behaving("silent", |_| ()) else { return };
    let created = lab.toolstack().create(&web()).unwrap();
    assert!(created.guest.wait_connected(0, Duration::from_millis(300)).is_err());
    let mut store = lab.store().unwrap();
    let state = |store: &mut xenstore::Client, path: &str| store.read_text(path).unwrap().unwrap();
    assert_eq!(state(&mut store, "/local/domain/1/device/vif/0/state"), "4");
    assert_eq!(state(&mut store, "/local/domain/0/backend/vif/1/0/state"), "2");
    assert!(!created.guest.station().link("eth0").unwrap().is_up());
    store.write("/local/domain/0/backend/vif/1/0/hotplug-status", "error").unwrap();
    assert!(created.guest.wait_connected(0, Duration::from_millis(100)).is_err());
    store.write("/local/domain/0/backend/vif/1/0/hotplug-status", "connected").unwrap();
    while state(&mut store, "/local/domain/0/backend/vif/1/0/state") != "4" {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_guest_that_does_not_let_go_is_forced_and_no_script_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("calls");
    let Some(lab) = lab_behaving(&format!("record {}", log.display()), |config| {
        config.toolstack.timeouts.backend = Duration::from_secs(2);
    }) else {
        return;
    };
    let deaf = GuestBehaviour { closes: false, ..GuestBehaviour::default() };
    let guest = lab.create(&web().behaving(deaf)).unwrap();
    assert!(matches!(lab.toolstack().detach(1, 0), Err(ToolstackError::Backend { .. })));
    assert!(is_empty(&lab, "/local/domain/0/backend") && is_empty(&lab, "/libxl/1/device/vif"));
    assert!(!links(&lab).contains(&"vif1.0".to_owned()));
    let calls = fs::read_to_string(&log).unwrap();
    assert!(calls.contains("arguments online") && !calls.contains("arguments offline"), "{calls}");
    // Destroying asks nobody.
    lab.toolstack().attach(1, &WEB.parse().unwrap()).unwrap();
    guest.wait_connected(0, Duration::from_secs(5)).unwrap();
    lab.toolstack().destroy(1).unwrap();
    assert!(fs::read_to_string(&log).unwrap().contains("arguments offline"));
}

#[test]
fn a_vif_that_the_kernel_cannot_make_says_why() {
    let Some(lab) = common::lab_with(|config| config.toolstack.timeouts.backend = Duration::from_millis(300))
    else {
        return;
    };
    let vif = WEB.parse::<VifConfig>().unwrap();
    lab.create(&DomainConfig::new("web")).unwrap();
    let taken = "vif1.0";
    lab.add_bridge(taken, &[]).unwrap();
    let error = lab.toolstack().attach(1, &vif).unwrap_err().to_string();
    assert!(error.contains("cannot create veth vif1.0"), "{error}");
}

#[test]
fn xend_believes_the_store_and_calls_scripts_with_arguments_and_absolute_paths() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("calls");
    let Some(lab) = lab_behaving(&format!("record {}", log.display()), |config| {
        config.toolstack.manner = Manner::Xend;
    }) else {
        return;
    };
    let vif = VifConfig::xm("mac=00:16:3e:00:00:02,ip=10.0.0.2,bridge=xenbr0,script=vif-bridge x=y").unwrap();
    let guest = lab.create(&DomainConfig::new("web").with(vif)).unwrap();
    assert!(guest.station().ping(&ping("10.0.0.254")).unwrap().is_here());
    let recorded = fs::read_to_string(&log).unwrap();
    assert!(recorded.starts_with("arguments x=y online\n"), "{recorded}");
    assert!(recorded.contains("\nXENBUS_PATH=/local/domain/0/backend/vif/1/0\n"), "{recorded}");
    let backend = nodes(&lab, "/local/domain/0/backend/vif/1/0");
    assert!(backend.iter().any(|node| node.starts_with("/domain = \"web\"")), "{backend:#?}");
    assert!(is_empty(&lab, "/libxl/1/device/vif"));
    lab.toolstack().detach(1, 0).unwrap();
    // Numbers are never given twice.
    let again = VifConfig::xm("bridge=xenbr0").unwrap();
    assert_eq!(lab.toolstack().attach(1, &again).unwrap().vif.devid, 1);
}

#[test]
fn xend_takes_an_interface_back_whose_script_fails() {
    let Some(lab) = lab_behaving("error", |config| config.toolstack.manner = Manner::Xend) else { return };
    lab.create(&DomainConfig::new("web")).unwrap();
    let error = lab.toolstack().attach(1, &VifConfig::xm("bridge=xenbr0").unwrap()).unwrap_err();
    assert_eq!(error.hotplug_error(), Some("no bridge, no way"));
    assert!(is_empty(&lab, "/local/domain/0/backend"));
}
