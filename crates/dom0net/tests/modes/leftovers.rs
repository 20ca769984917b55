//! What a toolstack that was killed has left is swept by those who come after it.

use std::process::Command;

use dom0net::vif::PortKind;
use xenstore::Requests;

use crate::nat::{has_dnsmasq, offered};
use crate::stage::{Outcome, Stage};

/// A vif as it is for its script: a device and nodes, and a domain of which nothing but its name matters here.
pub(crate) fn appear(stage: &Stage, domid: u32, nodes: &[(&str, &str)]) {
    stage.says("ip", &format!("link add vif{domid}.0 type veth peer name peer{domid}"));
    let mac = format!("00:16:3e:00:07:{domid:02x}");
    let name = format!("/local/domain/{domid}/name");
    stage.lab.store().unwrap().write(&name, format!("guest{domid}")).unwrap();
    for (node, value) in [("mac", &*mac)].iter().chain(nodes) {
        let path = format!("/local/domain/0/backend/vif/{domid}/0/{node}");
        stage.lab.store().unwrap().write(&path, value.as_bytes()).unwrap();
    }
}

pub(crate) fn call(stage: &Stage, words: &str, domid: u32) -> Outcome {
    let (path, device) = (format!("backend/vif/{domid}/0"), format!("vif{domid}.0"));
    stage.run_with(&format!("{words} type_if=vif"), &[("XENBUS_PATH", &path), ("vif", &device)])
}

pub(crate) fn plug(stage: &Stage, script: &str, domid: u32, nodes: &[(&str, &str)]) {
    appear(stage, domid, nodes);
    let outcome = call(stage, &format!("{script} online"), domid);
    assert_eq!(outcome.status, 0, "{outcome:?}");
}

/// Device and domain go, and nobody says so.
pub(crate) fn vanish(stage: &Stage, domid: u32) {
    stage.says("ip", &format!("link del vif{domid}.0"));
    die(stage, domid);
}

/// The domain goes, and nobody says so; its device lingers.
fn die(stage: &Stage, domid: u32) {
    for node in ["0/backend/vif/", ""] {
        stage.lab.store().unwrap().remove(&format!("/local/domain/{node}{domid}")).unwrap();
    }
}

/// The addresses that the host answers for, by the kernel.
fn proxied(stage: &Stage) -> Vec<String> {
    let all = stage.says("ip", "-6 neigh show proxy");
    let mut addresses: Vec<String> =
        all.lines().filter_map(|line| Some(line.split(' ').next()?.to_owned())).collect();
    addresses.sort();
    addresses
}

/// What is noted of vifs.
pub(crate) fn noted(stage: &Stage) -> Vec<String> {
    let folder = |name: &str| std::fs::read_dir(stage.script("run/vifs").join(name)).into_iter().flatten();
    let entries = folder("now").chain(folder("next"));
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn guards(stage: &Stage) -> String {
    stage.says("nft", "list tables netdev")
}

#[test]
fn what_the_host_answers_for_goes_with_the_next_plug() {
    let Some(stage) = Stage::new() else { return };
    stage.succeeds("network-route start");
    for domid in [7, 8] {
        plug(&stage, "vif-route", domid, &[("ip", &format!("10.0.0.{domid} 2001:db8::{domid}"))]);
    }
    assert_eq!(proxied(&stage), ["2001:db8::7", "2001:db8::8"]);
    vanish(&stage, 7);
    // The kernel itself leaves it there.
    assert_eq!(proxied(&stage), ["2001:db8::7", "2001:db8::8"]);
    // A plug of any mode looks after it, and says so.
    stage.lab.add_bridge("xenbr0", &[]).unwrap();
    appear(&stage, 9, &[("ip", "10.0.0.9"), ("bridge", "xenbr0")]);
    let outcome = call(&stage, "vif-bridge online", 9);
    assert!(outcome.stderr.contains("vif7.0 has gone without a word"), "{outcome:?}");
    assert_eq!((proxied(&stage), noted(&stage)), (vec!["2001:db8::8".to_owned()], vec!["vif8.0".to_owned()]));
    // An end that is told, of a device that has gone and that xenstore knows nothing of, needs nobody else.
    vanish(&stage, 8);
    assert_eq!(call(&stage, "vif-route offline", 8).status, 0);
    assert!(proxied(&stage).is_empty() && noted(&stage).is_empty());
}

#[test]
fn what_another_guest_has_by_then_is_not_swept() {
    let Some(stage) = Stage::new() else { return };
    stage.succeeds("network-route start");
    let ip = [("ip", "10.0.0.7 2001:db8::7")];
    plug(&stage, "vif-route", 7, &ip);
    vanish(&stage, 7);
    // The same guest, started anew; and one more, in whose plug the first is swept.
    plug(&stage, "vif-route", 8, &ip);
    plug(&stage, "vif-route", 9, &[("ip", "10.0.0.9")]);
    assert_eq!((proxied(&stage), noted(&stage)), (vec!["2001:db8::7".to_owned()], vec!["vif8.0".to_owned()]));
    // An end that comes late takes nothing of another's, either.
    assert_eq!(call(&stage, "vif-route offline", 7).status, 0);
    assert_eq!(proxied(&stage), ["2001:db8::7"]);
    // A domain that has the number of one that has gone is another one, too.
    vanish(&stage, 8);
    plug(&stage, "vif-route", 8, &[("ip", "10.0.0.8 2001:db8::8")]);
    assert_eq!(call(&stage, "vif-route online", 9).status, 0);
    assert!(stage.guard(8, PortKind::Vif).is_some());
    assert!(proxied(&stage).contains(&"2001:db8::8".to_owned()));
}

#[test]
fn starts_and_recovery_sweep_all() {
    let Some(stage) = Stage::new() else { return };
    let before = guards(&stage);
    stage.succeeds("network-route start");
    for command in [
        "network-route start",
        "network-nat start",
        "network-bridge start bridge=private0 netdev=none",
        "dom0net recover",
    ] {
        for domid in 20..32 {
            plug(&stage, "vif-route", domid, &[("ip", &format!("2001:db8::{domid}"))]);
        }
        (20..32).for_each(|domid| vanish(&stage, domid));
        assert_eq!((proxied(&stage).len(), noted(&stage).len()), (12, 12));
        let outcome = stage.run(command);
        assert_eq!(outcome.status, 0, "{command}: {outcome:?}");
        assert!([outcome.stdout, outcome.stderr].concat().contains("vif20.0 has gone without a word"));
        assert_eq!((proxied(&stage), noted(&stage)), (vec![], vec![]), "{command}");
        // New kernels keep guards whose device has gone.
        assert_eq!(guards(&stage), before, "{command}");
    }
}

#[test]
fn each_ones_turn_comes_and_no_plug_looks_after_many() {
    let Some(stage) = Stage::new() else { return };
    let Some(strace) = testkit::program("strace") else { return };
    stage.succeeds("network-route start");
    let address = |domid: u32| format!("2001:db8::{domid}");
    let looked_after = |domid: u32| {
        appear(&stage, domid, &[("ip", &address(domid))]);
        let log = stage.script("calls");
        let (path, device) = (format!("backend/vif/{domid}/0"), format!("vif{domid}.0"));
        let mut command = Command::new(&strace);
        command.args(["-f", "-qq", "-e", "trace=rename", "-o"]).arg(&log);
        command.arg(stage.script("vif-route")).args(["online", "type_if=vif"]);
        command.envs([("XENBUS_PATH", path), ("vif", device)]);
        let output = stage.lab.on_host(&mut command).unwrap();
        assert!(output.status.success(), "{output:?}");
        // Who was looked after moves from one folder to the other.
        let text = std::fs::read_to_string(log).unwrap();
        text.lines().filter(|line| line.contains("vifs/now/")).count()
    };
    let domids = 40..64;
    let counts: Vec<usize> = domids.map(looked_after).collect();
    let expected: Vec<usize> = (0..24).map(|others: usize| others.min(8)).collect();
    assert_eq!(counts, expected);
    // One of many has gone: its turn comes, at the latest when all others have had theirs.
    vanish(&stage, 50);
    let mut plugs = 0;
    while proxied(&stage).contains(&address(50)) {
        assert_eq!(call(&stage, "vif-route online", 40).status, 0);
        plugs += 1;
        assert!(plugs <= 4, "not swept after {plugs} plugs of 8 each");
    }
    // Of many that have gone, all go at once.
    (41..50).chain(51..64).for_each(|domid| vanish(&stage, domid));
    for _ in 0..2 {
        assert_eq!(call(&stage, "vif-route online", 40).status, 0);
    }
    assert_eq!((proxied(&stage), noted(&stage)), (vec![address(40)], vec!["vif40.0".to_owned()]));
}

#[test]
fn a_plug_that_is_killed_at_any_step_leaves_nothing_that_is_not_swept() {
    let Some(stage) = Stage::new() else { return };
    let Some(strace) = testkit::program("strace") else { return };
    stage.succeeds("network-route start");
    stage.succeeds("network-nat start bridge=nat0 subnet=10.1.0.0/24");
    // What a network with DHCP has, without the server.
    std::fs::create_dir_all(stage.script("run/dnsmasq/nat0/hosts")).unwrap();
    let reserved = || {
        let entries = std::fs::read_dir(stage.script("run/dnsmasq/nat0/hosts")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    for (script, nodes) in [
        ("vif-route", &[("ip", "10.0.0.7 2001:db8::7")][..]),
        ("vif-bridge", &[("ip", "10.1.0.7"), ("bridge", "nat0")][..]),
    ] {
        for point in ["sendto", "rename", "write"] {
            for count in 1.. {
                appear(&stage, 7, nodes);
                let inject = format!("inject={point}:signal=KILL:when={count}");
                let mut command = Command::new(&strace);
                command.args(["-f", "-o", "/dev/null", "-e", &format!("trace={point}"), "-e", &inject]);
                command.arg(stage.script(script)).args(["online", "type_if=vif"]);
                command.envs([("XENBUS_PATH", "backend/vif/7/0"), ("vif", "vif7.0")]);
                let was_killed = !stage.lab.on_host(&mut command).unwrap().status.success();
                vanish(&stage, 7);
                // The next one, which goes as it should.
                plug(&stage, script, 8, &[("ip", "10.0.0.8"), ("bridge", "nat0")]);
                let left = (proxied(&stage), noted(&stage).contains(&"vif7.0".to_owned()));
                assert_eq!(left, (vec![], false), "{script} killed at {point} {count}");
                assert!(!reserved().contains(&"10.1.0.7".to_owned()), "{script} killed at {point} {count}");
                assert_eq!(call(&stage, &format!("{script} offline"), 8).status, 0);
                vanish(&stage, 8);
                if !was_killed {
                    break;
                }
            }
        }
    }
    assert_eq!((noted(&stage), reserved()), (Vec::<String>::new(), Vec::<String>::new()));
}

#[test]
fn an_address_whose_reservation_nobody_took_back_goes_to_the_next_guest() {
    let Some(stage) = Stage::new() else { return };
    if !has_dnsmasq() {
        return;
    }
    stage.succeeds("network-nat start bridge=nat0 subnet=10.1.0.0/24 dhcp=yes");
    plug(&stage, "vif-bridge", 70, &[("ip", "10.1.0.77"), ("bridge", "nat0")]);
    vanish(&stage, 70);
    // The guest is started anew, with a MAC address that was made up again.
    let web = stage.guest("web", "mac=00:16:3e:00:00:02,bridge=nat0,ip=10.1.0.77", &[], &[]);
    let (address, _) = offered(web.station(), "00:16:3e:00:00:02").unwrap();
    assert_eq!(address.to_string(), "10.1.0.77");
    let hosts = std::fs::read_dir(stage.script("run/dnsmasq/nat0/hosts")).unwrap();
    assert_eq!(hosts.count(), 1);
    stage.lab.toolstack().destroy(web.domid()).unwrap();
    assert!(noted(&stage).is_empty());
    stage.succeeds("network-nat stop bridge=nat0");
}

/// Kernels that tie guards to names keep them when the device has gone.
#[test]
fn the_guard_of_a_bridged_vif_is_told_of_and_swept_when_its_domain_has_gone() {
    let Some(stage) = Stage::new() else { return };
    stage.lab.add_bridge("xenbr0", &[]).unwrap();
    // Its chain, or on kernels that take that away with the device, what is noted of it.
    let is_guarded = |domid: u32| stage.says("nft", "list ruleset").contains(&format!("vif{domid}.0"));
    for domid in 20..23 {
        plug(&stage, "vif-bridge", domid, &[("ip", &format!("10.0.0.{domid}")), ("bridge", "xenbr0")]);
    }
    // One has gone; of one only the device, which may be about to come again; one lives.
    vanish(&stage, 20);
    stage.says("ip", "link del vif21.0");
    assert!(noted(&stage).is_empty());
    let status = || stage.run("network-bridge status").stdout;
    let report = "vif20.0 has gone without a word; dom0net recover takes away what is left of it";
    let told = status();
    assert!(told.contains(report) && !told.contains("vif21.0") && !told.contains("vif22.0 has"), "{told}");
    let json = stage.run("network-bridge status --json").stdout;
    assert!(json.contains("\"leftovers\"") && json.contains("\"vif20.0\""), "{json}");
    assert!(!stage.run("network-bridge status bridge=xenbr0").stdout.contains("vif20.0"));
    std::fs::write(
        stage.script("dom0net.toml"),
        "[[network]]\nname = \"a\"\nmode = \"route\"\nuplink = \"eth0\"\n",
    )
    .unwrap();
    let config = stage.script("dom0net.toml");
    let told = stage.run(&format!("dom0net status --config {}", config.display())).stdout;
    assert!(told.contains(report), "{told}");
    // Telling takes nothing away. Without the store nobody knows who has gone.
    assert!(is_guarded(20));
    let program = stage.script("dom0net");
    stage.says("env", &format!("XENSTORED_PATH=/nonexistent {} recover", program.display()));
    assert!(is_guarded(20));
    let outcome = stage.run("network-bridge start bridge=private0 netdev=none");
    assert!(outcome.stderr.contains("vif20.0 has gone without a word"), "{outcome:?}");
    assert!(!is_guarded(20) && is_guarded(21) && is_guarded(22));
    assert!(!status().contains("gone without a word"));
}

/// One that comes with a number that was another's before has what that one has left taken away first, however many others have
/// something.
#[test]
fn a_number_that_comes_again_is_not_taken_for_the_one_that_has_gone() {
    let Some(stage) = Stage::new() else { return };
    stage.succeeds("network-route start");
    stage.lab.add_bridge("xenbr0", &[]).unwrap();
    for domid in 7..40 {
        plug(&stage, "vif-route", domid, &[("ip", &format!("2001:db8::{domid}"))]);
    }
    // In whichever order they are looked after, eight at a plug, the turn of one of these comes late.
    let ends = [7, 39];
    for domid in ends {
        vanish(&stage, domid);
    }
    plug(&stage, "vif-bridge", 40, &[("ip", "10.0.0.40"), ("bridge", "xenbr0")]);
    let is_left = |domid: &u32| proxied(&stage).contains(&format!("2001:db8::{domid}"));
    let last = ends.into_iter().rfind(is_left).expect("no plug looks after all");
    // On a bridge it has nothing outside of its device.
    plug(&stage, "vif-bridge", last, &[("ip", "10.0.0.77"), ("bridge", "xenbr0")]);
    assert!(!is_left(&last), "{:?}", proxied(&stage));
    stage.succeeds("dom0net recover");
    assert_eq!(proxied(&stage).len(), 31, "{:?}", proxied(&stage));
    assert!(stage.guard(last, PortKind::Vif).is_some());
    // Nor where what the first has left cannot be taken away yet, and is still noted.
    vanish(&stage, 28);
    let note = stage.script("run/vifs");
    let path = ["now", "next"].map(|folder| note.join(folder).join("vif28.0"));
    let path = path.iter().find(|path| path.exists()).unwrap();
    let text = std::fs::read(path).unwrap();
    plug(&stage, "vif-bridge", 28, &[("ip", "10.0.0.28"), ("bridge", "xenbr0")]);
    std::fs::write(path, text).unwrap();
    stage.succeeds("dom0net recover");
    assert!(stage.guard(28, PortKind::Vif).is_some());
}

#[test]
fn an_address_that_leads_to_a_guest_that_has_gone_goes_to_the_next_at_once() {
    let Some(stage) = Stage::new() else { return };
    stage.succeeds("network-route start");
    let ip = [("ip", "10.0.0.7 2001:db8::7")];
    plug(&stage, "vif-route", 7, &ip);
    // As long as it lives, the address is its own.
    appear(&stage, 8, &ip);
    let outcome = call(&stage, "vif-route online", 8);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("vif7.0 leads there already"), "{outcome:?}");
    let led = |family: &str| stage.says("ip", &format!("-{family} route show proto static"));
    assert!(led("4").contains("10.0.0.7 dev vif7.0") && led("6").contains("2001:db8::7 dev vif7.0"));
    // Where the store cannot say so, it lives.
    let (path, device) = ("backend/vif/8/0", "vif8.0");
    die(&stage, 7);
    stage.lab.store().unwrap().write("/local/domain/7/vm", "/vm/7").unwrap();
    assert_eq!(call(&stage, "vif-route online", 8).status, 1);
    stage.lab.store().unwrap().remove("/local/domain/7").unwrap();
    let dry =
        stage.run_with("vif-route online type_if=vif --dry-run", &[("XENBUS_PATH", path), ("vif", device)]);
    assert!(dry.stdout.contains("put vif7.0 aside, whose domain has gone"), "{dry:?}");
    assert!(led("4").contains("10.0.0.7 dev vif7.0"));
    let outcome = call(&stage, "vif-route online", 8);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("vif7.0 is in the way, and its domain has gone"), "{outcome:?}");
    for family in ["4", "6"] {
        assert!(led(family).contains("vif8.0") && !led(family).contains("vif7.0"), "{}", led(family));
    }
    assert!(!stage.host().link("vif7.0").unwrap().is_up());
    // Its end, told late or found out, takes nothing of the other's.
    assert_eq!(call(&stage, "vif-route offline", 7).status, 0);
    stage.says("ip", "link del vif7.0");
    stage.succeeds("dom0net recover");
    assert_eq!((proxied(&stage), noted(&stage)), (vec!["2001:db8::7".to_owned()], vec!["vif8.0".to_owned()]));
    assert!(stage.guard(8, PortKind::Vif).is_some());
}

/// The same guest, started anew: its device has the name that the old one had, and its guard alone holds for it.
#[test]
fn a_name_goes_to_the_next_guest_and_no_guard_with_it() {
    let Some(stage) = Stage::new() else { return };
    stage.lab.add_bridge("xenbr0", &[]).unwrap();
    let named = |ip| [("ip", ip), ("bridge", "xenbr0"), ("vifname", "web")];
    plug(&stage, "vif-bridge", 7, &named("10.0.0.7"));
    // Its device goes, and the guard stays where kernels tie it to the name.
    stage.says("ip", "link del web");
    die(&stage, 7);
    let stays = stage.guard(7, PortKind::Vif).is_some_and(|guard| guard.devices == ["web"]);
    plug(&stage, "vif-bridge", 8, &named("10.0.0.8"));
    assert!(stage.guard(7, PortKind::Vif).is_none(), "stayed before: {stays}");
    assert_eq!(stage.guard(8, PortKind::Vif).unwrap().devices, ["web"]);
    // Its device lingers.
    die(&stage, 8);
    appear(&stage, 9, &named("10.0.0.9"));
    let outcome = call(&stage, "vif-bridge online", 9);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("web is in the way, and its domain has gone"), "{outcome:?}");
    assert!(!stage.host().link("vif8.0").unwrap().is_up());
    assert_eq!(stage.host().link("web").unwrap().alias.as_deref(), Some("vif9.0"));
    assert!(stage.guard(8, PortKind::Vif).is_none() && stage.guard(9, PortKind::Vif).is_some());
    // One that lives keeps its name.
    appear(&stage, 10, &named("10.0.0.10"));
    let outcome = call(&stage, "vif-bridge online", 10);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert_eq!(stage.host().link("web").unwrap().alias.as_deref(), Some("vif9.0"));
    assert_eq!(stage.guard(9, PortKind::Vif).unwrap().devices, ["web"]);
    assert_eq!(call(&stage, "vif-bridge offline", 9).status, 0);
    assert!(std::fs::read_link(stage.script("run/names/web")).is_err());
}
