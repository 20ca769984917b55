//! The guard beside others who filter packets: the real programs, on a host of the lab.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "panicking is how a test fails")]

#[path = "support/mod.rs"]
mod support;

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lab::Lookout;
use lab::frame::{Arp, Ethernet, Packet};
use netkernel::Family;
use netkernel::nftables::{NfTables, TableFamily, TableInfo};
use netkernel::sysctl::Sysctl;

use support::guests::{Scene, reaches};

const WEB: ethernet::MacAddress = ethernet::MacAddress::new([0, 0x16, 0x3e, 0, 0, 2]);
const DB: ethernet::MacAddress = ethernet::MacAddress::new([0, 0x16, 0x3e, 0, 0, 3]);

/// No forgery of web's arrives anywhere.
fn assert_guarded(scene: &Scene) {
    let mut lookout = Lookout::around(&scene.lab, &scene.web).unwrap();
    let front = Ethernet::new(WEB, DB);
    for forged in [
        Ethernet::broadcast(WEB).arp(&Arp::gratuitous(WEB, [10, 0, 0, 254])),
        front.ip(&Packet::v4([10, 0, 0, 254], [10, 0, 0, 3]).udp(1, 2, b"x")),
        front
            .ip(&Packet::v6("2001:db8::fe".parse().unwrap(), "2001:db8::3".parse().unwrap()).udp(1, 2, b"x")),
        Ethernet::new(DB, DB).ip(&Packet::v4([10, 0, 0, 2], [10, 0, 0, 3]).udp(1, 2, b"x")),
    ] {
        let arrivals = lookout.send(scene.web.station(), "eth0", &forged).unwrap();
        assert!(arrivals.is_nowhere(), "{forged} arrived at {arrivals}");
    }
    let (is_right, text) = scene.guard(&["check"]);
    assert!(is_right, "{text}");
}

fn assert_connected(scene: &Scene) {
    for address in ["10.0.0.3", "10.0.0.254", "2001:db8::3", "2001:db8::fe"] {
        assert!(reaches(scene.web.station(), address), "{address}");
    }
}

/// Runs a program on the host.
fn on_host(scene: &Scene, program: &str, words: &[&str]) -> Output {
    let output = scene.lab.on_host(Command::new(program).args(words)).unwrap();
    assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn let_bridged_packets_pass_iptables(scene: &Scene, is_on: bool) -> bool {
    let value = if is_on { "1" } else { "0" };
    ["iptables", "ip6tables"].iter().all(|program| {
        let path = format!("/proc/sys/net/bridge/bridge-nf-call-{program}");
        scene.host().run(|| std::fs::write(path, value).is_ok()).unwrap()
    })
}

/// Docker's daemon, in the host's namespace, with processes, mounts and control groups of its own.
struct Docker(Child);

impl Docker {
    /// Starts it, and waits for its rules; if it does not start, what it said.
    fn start(scene: &Scene) -> Result<Self, String> {
        let log = scene.folder().join("dockerd.log");
        // It wants control groups; those of version 2 can be had by whoever has a namespace of them.
        let script = "mount -t tmpfs tmpfs /run && mount -t cgroup2 none /sys/fs/cgroup && exec dockerd \
                      --iptables=true --storage-driver vfs --data-root /run/data --exec-root /run/docker \
                      --pidfile /run/docker.pid --host unix:///run/docker.sock";
        let mut daemon = Command::new("unshare");
        daemon.args(["--mount", "--pid", "--cgroup", "--fork", "--kill-child", "--mount-proc"]);
        daemon.args(["sh", "-c", script]).stdout(Stdio::null());
        daemon.stderr(std::fs::File::create(&log).unwrap());
        let mut child = scene.lab.host().run(|| daemon.spawn()).unwrap().unwrap();
        let end = Instant::now() + Duration::from_mins(1);
        loop {
            let said = std::fs::read_to_string(&log).unwrap();
            if said.contains("Daemon has completed initialization") {
                return Ok(Self(child));
            }
            if child.try_wait().unwrap().is_some() || Instant::now() > end {
                let _ = child.kill();
                let _ = child.wait();
                return Err(said.lines().last().unwrap_or("it says nothing").to_owned());
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // Its namespace of processes goes with it, and so do those whom it has started.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn beside_docker_itself() {
    for program in ["dockerd", "containerd", "iptables", "unshare"] {
        if testkit::program(program).is_none() {
            return;
        }
    }
    let Some(scene) = Scene::new("bridge:xenbr0 host=ping\n") else { return };
    let can_choose = let_bridged_packets_pass_iptables(&scene, false);
    let docker = match Docker::start(&scene) {
        Ok(docker) => docker,
        Err(error) => return testkit::skip!("Docker's daemon does not start here: {error}"),
    };
    let rules = String::from_utf8(on_host(&scene, "iptables", &["-S"]).stdout).unwrap();
    assert!(rules.contains("-P FORWARD DROP") && rules.contains("-N DOCKER-USER"), "{rules}");
    assert!(scene.host().link("docker0").is_ok());
    for is_on in [false, true] {
        if can_choose {
            assert!(let_bridged_packets_pass_iptables(&scene, is_on));
        }
        assert_guarded(&scene);
        // Its policy is about bridged packets where iptables sees them; that is no rule of the guard's.
        if !is_on {
            assert_connected(&scene);
        }
    }
    let_bridged_packets_pass_iptables(&scene, false);
    // It starts again, and makes its rules anew.
    drop(docker);
    let docker = Docker::start(&scene).unwrap();
    assert_guarded(&scene);
    assert_connected(&scene);
    drop(docker);
    assert_guarded(&scene);
}

/// What Docker does to a host: the FORWARD policy is DROP, and its own chains come first.
#[test]
fn beside_dockers_rules() {
    if testkit::program("iptables").is_none() {
        return;
    }
    let Some(scene) = Scene::new("") else { return };
    for words in [
        "-N DOCKER",
        "-N DOCKER-USER",
        "-N DOCKER-ISOLATION-STAGE-1",
        "-P FORWARD DROP",
        "-A DOCKER-USER -j RETURN",
        "-A DOCKER-ISOLATION-STAGE-1 -j RETURN",
        "-A FORWARD -j DOCKER-USER",
        "-A FORWARD -j DOCKER-ISOLATION-STAGE-1",
        "-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-A FORWARD -o docker0 -j DOCKER",
        "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT",
        "-t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
    ] {
        on_host(&scene, "iptables", &words.split(' ').collect::<Vec<_>>());
    }
    assert_guarded(&scene);
    if !let_bridged_packets_pass_iptables(&scene, false) {
        return testkit::skip!("br_netfilter is not there: Docker's rules do not see bridged packets");
    }
    assert_guarded(&scene);
    assert_connected(&scene);
    assert!(let_bridged_packets_pass_iptables(&scene, true));
    assert_guarded(&scene);
    // An allowing rule of somebody else's lets nothing through that the guard has not let through before.
    on_host(&scene, "iptables", &["-P", "FORWARD", "ACCEPT"]);
    assert_guarded(&scene);
    assert_connected(&scene);
}

#[test]
fn a_reload_of_nftables_conf_is_found_out_and_the_bridge_still_holds_the_mac_address() {
    if testkit::program("nft").is_none() {
        return;
    }
    let Some(scene) = Scene::new("bridge:xenbr0 host=nothing\n") else { return };
    assert_guarded(&scene);
    let file = scene.folder().join("nftables.conf");
    std::fs::write(&file, "flush ruleset\ntable inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter\n\t}\n}\n").unwrap();
    on_host(&scene, "nft", &["-f", file.to_str().unwrap()]);
    let (is_right, text) = scene.guard(&["check"]);
    assert!(!is_right, "{text}");
    for port in ["vif1.0", "vif2.0", "xenbr0"] {
        assert!(text.contains(&format!("{port} has NO GUARD")), "{text}");
    }
    let mut lookout = Lookout::around(&scene.lab, &scene.web).unwrap();
    let anothers = Ethernet::new(DB, DB).ip(&Packet::v4([10, 0, 0, 2], [10, 0, 0, 3]).udp(1, 2, b"x"));
    assert!(lookout.send(scene.web.station(), "eth0", &anothers).unwrap().is_nowhere());
    let (is_right, text) = scene.guard(&["restore"]);
    assert!(is_right, "{text}");
    assert_guarded(&scene);
    assert_connected(&scene);
}

/// Somebody else's programs: installed, or unpacked in the folder that a variable names, where nothing has started them.
struct Programs {
    root: PathBuf,
}

impl Programs {
    /// Where all of these are; none, after saying so, if they are nowhere.
    fn find(variable: &str, programs: &[&str]) -> Option<Self> {
        let unpacked = std::env::var_os(variable).map(PathBuf::from);
        let has_all = |root: &PathBuf| programs.iter().all(|program| root.join(program).is_file());
        let found = unpacked.into_iter().chain(["/".into()]).find(has_all);
        if found.is_none() {
            testkit::skip!("needs {}, or {variable} with them", programs.join(" and "));
        }
        let this = Self { root: found? };
        // What is unpacked may lack what is not. Each program has one of these words.
        for program in programs {
            let outputs = ["--version", "--help"].map(|word| this.own(program).arg(word).output());
            let runs = |output: &io::Result<Output>| output.as_ref().is_ok_and(|it| it.status.success());
            if !outputs.iter().any(runs) {
                testkit::skip!("{program} does not run here: {outputs:?}");
                return None;
            }
        }
        Some(this)
    }

    fn is_unpacked(&self) -> bool {
        self.root != Path::new("/")
    }

    /// One of them, which finds what belongs to it.
    fn own(&self, path: &str) -> Command {
        self.program(self.root.join(path))
    }

    /// A program that finds what belongs to them.
    fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        if self.is_unpacked() {
            let libraries = self.root.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH));
            command.env("GI_TYPELIB_PATH", libraries.join("girepository-1.0"));
            command.env("LIBVIRT_DRIVER_DIR", libraries.join("libvirt/connection-driver"));
            command.env("LD_LIBRARY_PATH", libraries);
            command.env("PYTHONPATH", self.root.join("usr/lib/python3/dist-packages"));
            command.env("PYTHONDONTWRITEBYTECODE", "1");
        }
        command
    }
}

/// firewalld with a message bus of its own, in the host's namespace.
struct Firewalld {
    programs: Programs,
    processes: Vec<Child>,
    bus: String,
}

impl Firewalld {
    fn start(scene: &Scene, programs: Programs) -> Self {
        let folder = scene.folder();
        let socket = folder.join("bus");
        let config = folder.join("bus.conf");
        let text = format!(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
             \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n\
             <busconfig><listen>unix:path={}</listen><auth>EXTERNAL</auth><policy context=\"default\">\
             <allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow own=\"*\"/></policy></busconfig>\n",
            socket.display()
        );
        std::fs::write(&config, text).unwrap();
        let bus = format!("unix:path={}", socket.display());
        let mut this = Self { programs, processes: Vec::new(), bus };
        let mut daemon = this.programs.own("usr/bin/dbus-daemon");
        daemon.arg(format!("--config-file={}", config.display())).arg("--nofork");
        this.spawn(scene, &mut daemon);
        wait_until("the message bus is there", || socket.exists());
        let mut firewalld = this.programs.own("usr/sbin/firewalld");
        firewalld.args(["--nofork", "--nopid", "--log-target", "console"]);
        firewalld.arg("--system-config").arg(own_config(folder));
        if this.programs.is_unpacked() {
            firewalld.arg("--default-config").arg(this.programs.root.join("usr/lib/firewalld"));
        }
        this.spawn(scene, &mut firewalld);
        wait_until("firewalld is running", || this.client(scene, &["--state"]).status.success());
        this
    }

    fn spawn(&mut self, scene: &Scene, command: &mut Command) {
        command.env("DBUS_SYSTEM_BUS_ADDRESS", &self.bus).stdout(Stdio::null()).stderr(Stdio::null());
        self.processes.push(scene.host().spawn(command).unwrap());
    }

    fn client(&self, scene: &Scene, words: &[&str]) -> Output {
        let mut client = self.programs.own("usr/bin/firewall-cmd");
        scene.lab.on_host(client.args(words).env("DBUS_SYSTEM_BUS_ADDRESS", &self.bus)).unwrap()
    }
}

impl Drop for Firewalld {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().rev() {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// The host's own configuration of firewalld is none of this test's business.
fn own_config(folder: &Path) -> PathBuf {
    let config = folder.join("firewalld");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(
        config.join("firewalld.conf"),
        "DefaultZone=drop\nFlushAllOnReload=yes\nFirewallBackend=nftables\n",
    )
    .unwrap();
    config
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn beside_firewalld() {
    let programs = ["usr/sbin/firewalld", "usr/bin/firewall-cmd", "usr/bin/dbus-daemon"];
    let Some(programs) = Programs::find("FIREWALL_PACKAGES", &programs) else { return };
    let Some(scene) = Scene::new("") else { return };
    // It filters what is routed; bridged packets are none of its business.
    let_bridged_packets_pass_iptables(&scene, false);
    let firewalld = Firewalld::start(&scene, programs);
    let tables = || NfTables::open().unwrap().tables(TableFamily::Inet).unwrap();
    let is_its_own = |table: &TableInfo| table.name == "firewalld";
    assert!(scene.host().run(tables).unwrap().iter().any(is_its_own), "firewalld has no rules");
    assert_guarded(&scene);
    assert_connected(&scene);
    for words in ["--reload", "--complete-reload", "--panic-on", "--panic-off"] {
        let output = firewalld.client(&scene, &[words]);
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        assert_guarded(&scene);
    }
    drop(firewalld);
    assert_guarded(&scene);
    assert_connected(&scene);
}

/// libvirt's daemon, in the host's namespace, with processes and mounts of its own: what it writes goes with it.
struct Libvirt<'a> {
    scene: &'a Scene,
    programs: Programs,
    daemon: Child,
}

impl<'a> Libvirt<'a> {
    fn start(scene: &'a Scene, programs: Programs) -> Self {
        // It looks for all of its files in one place, wherever it is itself.
        let script = "mkdir \"$ETC\" && cd /etc && \
                      cp -a passwd group nsswitch.conf hosts ld.so.cache alternatives \"$ETC\" && \
                      cp -a \"$ROOT\"/etc/libvirt \"$ETC\" && mount --bind \"$ETC\" /etc && \
                      for folder in /run /var/cache /var/lib /var/log; do mount -t tmpfs tmpfs $folder; done && \
                      mkdir -p /var/lib/libvirt/dnsmasq && exec \"$ROOT\"/usr/sbin/libvirtd";
        let mut daemon = programs.program("unshare");
        daemon.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script]);
        daemon.env("ROOT", &programs.root).env("ETC", scene.folder().join("etc"));
        daemon.stdout(Stdio::null()).stderr(Stdio::null());
        let daemon = scene.lab.host().run(|| daemon.spawn()).unwrap().unwrap();
        let this = Self { scene, programs, daemon };
        wait_until("libvirt answers", || this.virsh(&["net-list"]).status.success());
        this
    }

    fn virsh(&self, words: &[&str]) -> Output {
        let mut virsh = self.programs.program("nsenter");
        virsh.args(["-m", "-t", &self.daemon.id().to_string()]).arg(self.programs.root.join("usr/bin/virsh"));
        self.scene.lab.on_host(virsh.args(["-c", "network:///system"]).args(words)).unwrap()
    }
}

impl Drop for Libvirt<'_> {
    fn drop(&mut self) {
        self.virsh(&["net-destroy", "default"]);
        // Its namespace of processes goes with it. It may have ended by itself.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

#[test]
fn beside_libvirt() {
    for program in ["dnsmasq", "iptables", "nsenter", "unshare"] {
        if testkit::program(program).is_none() {
            return;
        }
    }
    let Some(programs) = Programs::find("LIBVIRT_PACKAGES", &["usr/sbin/libvirtd", "usr/bin/virsh"]) else {
        return;
    };
    let Some(scene) = Scene::new("") else { return };
    let_bridged_packets_pass_iptables(&scene, false);
    let libvirt = Libvirt::start(&scene, programs);
    assert_guarded(&scene);
    let network = scene.folder().join("network.xml");
    std::fs::write(
        &network,
        "<network><name>default</name><forward mode='nat'/><bridge name='virbr0' stp='on' delay='0'/>\
         <ip address='192.168.122.1' netmask='255.255.255.0'/></network>",
    )
    .unwrap();
    let defined = libvirt.virsh(&["net-define", network.to_str().unwrap()]);
    assert!(defined.status.success(), "{defined:?}");
    let started = libvirt.virsh(&["net-start", "default"]);
    if !started.status.success() {
        return testkit::skip!(
            "libvirt cannot start a network here: {}",
            String::from_utf8_lossy(&started.stderr)
        );
    }
    assert!(scene.host().link("virbr0").is_ok());
    let rules = String::from_utf8(on_host(&scene, "iptables", &["-S"]).stdout).unwrap();
    assert!(rules.contains("-A FORWARD -j LIBVIRT_FWI"), "{rules}");
    assert_guarded(&scene);
    assert_connected(&scene);
    assert!(libvirt.virsh(&["net-destroy", "default"]).status.success());
    assert_guarded(&scene);
    assert_connected(&scene);
}

/// Settings of a kernel that the guard does not rely on.
#[test]
fn whatever_the_kernel_is_set_to() {
    let Some(scene) = Scene::new("") else { return };
    for forwarding in ["0", "1"] {
        scene.host().set(&Sysctl::of_host(Family::Inet, "ip_forward"), forwarding).unwrap();
        for is_on in [false, true] {
            let_bridged_packets_pass_iptables(&scene, is_on);
            assert_guarded(&scene);
            assert_connected(&scene);
        }
    }
}
