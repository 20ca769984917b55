//! `vif-openvswitch`, with the real Open vSwitch in the host's namespace.
//!
//! Its datapath is the one in user space, which needs nothing of the kernel.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dom0net::vif::PortKind;
use lab::Lab;
use netkernel::link::LinkChange;

use crate::leftovers::{appear, call, noted, plug, vanish};
use crate::stage::{Stage, reaches, reaches_not};

/// The programs of Open vSwitch: installed, or unpacked in `$OVS_PACKAGES`.
struct Programs {
    root: PathBuf,
}

impl Programs {
    fn find() -> Option<Self> {
        let unpacked = std::env::var_os("OVS_PACKAGES").map(PathBuf::from);
        let found = unpacked.into_iter().chain(["/".into()]).map(|root| Self { root }).find(|programs| {
            programs.command("ovsdb-server").is_some() && programs.command("ovs-vswitchd").is_some()
        });
        if found.is_none() {
            testkit::skip!("needs Open vSwitch (package openvswitch-switch), or OVS_PACKAGES with it");
        }
        found
    }

    fn command(&self, name: &str) -> Option<Command> {
        let folders = ["usr/sbin", "usr/bin", "usr/lib/openvswitch-switch"];
        let program =
            folders.map(|folder| self.root.join(folder).join(name)).into_iter().find(|it| it.is_file())?;
        let mut command = Command::new(program);
        if self.root != Path::new("/") {
            let architecture = format!("{}-linux-gnu", std::env::consts::ARCH);
            command.env("LD_LIBRARY_PATH", self.root.join("usr/lib").join(architecture));
        }
        Some(command)
    }
}

/// The switch of a host.
struct Switch {
    programs: Programs,
    folder: PathBuf,
    running: Vec<Child>,
}

impl Switch {
    /// Starts it, with a bridge `ovsbr0` that the host's card is a port of.
    fn start(stage: &Stage) -> Option<Self> {
        let programs = Programs::find()?;
        let folder = stage.script("ovs");
        std::fs::create_dir_all(&folder).unwrap();
        let mut switch = Self { programs, folder, running: Vec::new() };
        let schema = switch.programs.root.join("usr/share/openvswitch/vswitch.ovsschema");
        let database = switch.path("conf.db");
        let mut create = switch.command("ovsdb-tool");
        assert!(create.arg("create").arg(&database).arg(&schema).status().unwrap().success());
        let remote = format!("--remote=punix:{}", switch.path("db.sock"));
        switch.spawn(&stage.lab, "ovsdb-server", &[&database, &remote]);
        switch.await_file("db.sock");
        switch.vsctl("--no-wait init");
        let socket = format!("unix:{}", switch.path("db.sock"));
        switch.spawn(&stage.lab, "ovs-vswitchd", &[&socket]);
        switch.vsctl("add-br ovsbr0 -- set bridge ovsbr0 datapath_type=netdev");
        // No packet filter sees what passes there.
        std::fs::write(stage.script("guard.conf"), "bridge:ovsbr0 mode=disabled\n").unwrap();
        Some(switch)
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn command(&self, name: &str) -> Command {
        let mut command = self.programs.command(name).unwrap();
        for variable in ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"] {
            command.env(variable, &self.folder);
        }
        command
    }

    fn spawn(&mut self, lab: &Lab, name: &str, arguments: &[&str]) {
        let mut command = self.command(name);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.running.push(lab.host().station().spawn(&mut command).unwrap());
    }

    fn await_file(&self, name: &str) {
        let end = Instant::now() + Duration::from_secs(10);
        while !self.folder.join(name).exists() {
            assert!(Instant::now() < end, "{name} does not come");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What the switch's own tool says: the other eye.
    fn vsctl(&self, words: &str) -> String {
        let mut command = self.command("ovs-vsctl");
        command.arg(format!("--db=unix:{}", self.path("db.sock"))).arg("--timeout=20");
        let output = command.args(words.split(' ')).output().unwrap();
        assert!(output.status.success(), "{words}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn vif(number: u8, bridge: &str) -> String {
    format!("mac=00:16:3e:00:00:0{number},script=vif-openvswitch,bridge={bridge},ip=10.9.0.{number}")
}

#[test]
fn guests_are_ports_of_a_switch_and_kept_apart_by_their_vlans() {
    let Some(stage) = Stage::new() else { return };
    let Some(switch) = Switch::start(&stage) else { return };
    let guest = |name: &str, number: u8, bridge: &str| {
        stage.guest(name, &vif(number, bridge), &[&format!("10.9.0.{number}/24")], &[])
    };
    let web = guest("web", 2, "ovsbr0.10");
    let db = guest("db", 3, "ovsbr0.10");
    let other = guest("other", 4, "ovsbr0.20");
    reaches(web.station(), &["10.9.0.3"]);
    reaches_not(web.station(), &["10.9.0.4"]);
    reaches_not(other.station(), &["10.9.0.2"]);
    assert_eq!(switch.vsctl("get port vif1.0 tag"), "10");
    // It quotes what does not begin with a letter.
    let id = |key: &str| {
        switch.vsctl(&format!("get interface vif1.0 external_ids:{key}")).trim_matches('"').to_owned()
    };
    assert_eq!((id("attached-mac"), id("xen-vm-name")), ("00:16:3e:00:00:02".into(), "web".into()));
    let uuid = stage.node("/local/domain/1/vm").unwrap().replace("/vm/", "");
    assert_eq!(id("xen-vm-uuid"), uuid);
    assert_eq!(id("iface-id"), format!("{uuid}-0"));

    stage.lab.toolstack().detach(1, 0).unwrap();
    assert_eq!(switch.vsctl("list-ports ovsbr0"), "vif2.0\nvif3.0");
    drop(db);
}

#[test]
fn a_trunk_has_tagged_vlans_beside_its_own() {
    let Some(stage) = Stage::new() else { return };
    let Some(switch) = Switch::start(&stage) else { return };
    stage.guest("web", &vif(2, "ovsbr0.10:20:30"), &[], &[]);
    let column = |column: &str| switch.vsctl(&format!("get port vif1.0 {column}"));
    assert_eq!((column("tag"), column("trunks")), ("10".into(), "[20, 30]".into()));
    assert_eq!(column("vlan_mode"), "native-untagged");
    stage.guest("db", &format!("{},vlan=40p/50-51", vif(3, "ovsbr0")), &[], &[]);
    assert_eq!(switch.vsctl("get port vif2.0 trunks"), "[50, 51]");
    stage.guest("all", &vif(4, "ovsbr0:20"), &[], &[]);
    assert_eq!(switch.vsctl("get port vif3.0 vlan_mode"), "trunk");
}

#[test]
fn a_named_vif_is_found_again_and_twice_is_as_good_as_once() {
    let Some(stage) = Stage::new() else { return };
    let Some(switch) = Switch::start(&stage) else { return };
    stage.host().change("ovsbr0", &LinkChange { mtu: Some(1400), ..LinkChange::default() }).unwrap();
    stage.guest("web's \"name\"", &format!("{},vifname=web", vif(2, "ovsbr0")), &[], &[]);
    assert_eq!(stage.host().link("web").unwrap().mtu, 1400);
    assert_eq!(stage.node("/local/domain/1/device/vif/0/mtu").as_deref(), Some("1400"));
    let name = switch.vsctl("get interface web external_ids:xen-vm-name");
    assert_eq!(name, r#""web's \"name\"""#);
    let environment = [("XENBUS_PATH", "backend/vif/1/0"), ("vif", "vif1.0")];
    let outcome = stage.run_with("vif-openvswitch online type_if=vif", &environment);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    // What comes in on a packet socket has been seen by nobody.
    assert!(outcome.stderr.contains("web is not guarded"), "{outcome:?}");
    assert_eq!(switch.vsctl("list-ports ovsbr0"), "web");
    stage.lab.toolstack().destroy(1).unwrap();
    assert_eq!(switch.vsctl("list-ports ovsbr0"), "");
}

/// The database keeps a port whose device has gone, and the switch looks for that device for ever.
#[test]
fn a_port_whose_end_nobody_told_of_goes_with_the_next_plug() {
    let Some(stage) = Stage::new() else { return };
    let Some(switch) = Switch::start(&stage) else { return };
    let on_switch = [("bridge", "ovsbr0"), ("ip", "10.9.0.7")];
    for domid in [7, 8] {
        plug(&stage, "vif-openvswitch", domid, &on_switch);
    }
    vanish(&stage, 7);
    assert_eq!(switch.vsctl("list-ports ovsbr0"), "vif7.0\nvif8.0");
    // A plug of any mode looks after it.
    stage.lab.add_bridge("xenbr0", &[]).unwrap();
    appear(&stage, 9, &[("ip", "10.0.0.9"), ("bridge", "xenbr0")]);
    let outcome = call(&stage, "vif-bridge online", 9);
    assert!(outcome.stderr.contains("vif7.0 has gone without a word"), "{outcome:?}");
    assert_eq!(switch.vsctl("list-ports ovsbr0"), "vif8.0");
    assert_eq!(noted(&stage), ["vif8.0"]);
    // A switch that does not answer keeps nobody out, and what it could not be told of is not forgotten.
    vanish(&stage, 8);
    let socket = stage.script("ovs/db.sock");
    std::fs::rename(&socket, stage.script("ovs/aside")).unwrap();
    let outcome = call(&stage, "vif-bridge online", 9);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("Open vSwitch cannot be reached at"), "{outcome:?}");
    assert_eq!(noted(&stage), ["vif8.0"]);
    std::fs::rename(stage.script("ovs/aside"), &socket).unwrap();
    stage.succeeds("dom0net recover");
    assert_eq!((switch.vsctl("list-ports ovsbr0"), noted(&stage)), (String::new(), vec![]));
}

/// What the database has of a number is the new domain's by then.
#[test]
fn a_port_of_the_same_number_that_is_plugged_anew_is_not_swept() {
    let Some(stage) = Stage::new() else { return };
    let Some(switch) = Switch::start(&stage) else { return };
    plug(&stage, "vif-openvswitch", 7, &[("bridge", "ovsbr0"), ("ip", "10.9.0.7")]);
    vanish(&stage, 7);
    plug(&stage, "vif-openvswitch", 7, &[("bridge", "ovsbr0.10"), ("ip", "10.9.0.7")]);
    stage.succeeds("dom0net recover");
    assert_eq!(switch.vsctl("list-ports ovsbr0"), "vif7.0");
    assert_eq!(switch.vsctl("get port vif7.0 tag"), "10");
    // On a bridge it has no port there; what the first left goes before it is forgotten.
    vanish(&stage, 7);
    stage.lab.add_bridge("xenbr0", &[]).unwrap();
    plug(&stage, "vif-bridge", 7, &[("bridge", "xenbr0"), ("ip", "10.9.0.7")]);
    assert_eq!((switch.vsctl("list-ports ovsbr0"), noted(&stage)), (String::new(), vec![]));
    stage.succeeds("dom0net recover");
    assert!(stage.guard(7, PortKind::Vif).is_some());
}

#[test]
fn where_the_guard_cannot_hold_nobody_is_plugged_unless_that_is_wanted() {
    let Some(stage) = Stage::new() else { return };
    let Some(switch) = Switch::start(&stage) else { return };
    std::fs::remove_file(stage.script("guard.conf")).unwrap();
    let error = stage.refusal(&vif(2, "ovsbr0"));
    assert!(error.contains("where the guard does not see them"), "{error}");
    assert_eq!(switch.vsctl("list-ports ovsbr0"), "");
}

#[test]
fn what_only_bridges_can_hold_is_refused() {
    let Some(stage) = Stage::new() else { return };
    let Some(_switch) = Switch::start(&stage) else { return };
    for word in ["host=dns", "track=no", "isolated=yes"] {
        std::fs::write(stage.script("guard.conf"), format!("bridge:ovsbr0 {word}\n")).unwrap();
        let error = stage.refusal(&vif(2, "ovsbr0"));
        assert!(error.contains("cannot be held on ovsbr0"), "{word}: {error}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let Some(stage) = Stage::new() else { return };
    let error = stage.refusal(&vif(2, "ovsbr0"));
    assert!(error.contains("Open vSwitch cannot be reached at"), "{error}");
    let Some(_switch) = Switch::start(&stage) else { return };
    for (bridge, sentence) in [
        ("nonesuch", "Open vSwitch has no bridge nonesuch; name one that exists with bridge= (ovsbr0)"),
        ("ovsbr0.x", "a bridge of Open vSwitch is NAME"),
        ("ovsbr0.10.20", "a bridge of Open vSwitch is NAME"),
    ] {
        let error = stage.refusal(&vif(2, bridge));
        assert!(error.contains(sentence), "{error}");
    }
    let error = stage.refusal(&format!("{},vlan=10", vif(2, "ovsbr0.10")));
    assert!(error.contains("say them in one of the two"), "{error}");
    assert!(stage.guard(1, PortKind::Vif).is_none());
}
