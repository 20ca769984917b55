//! A card with an address from a DHCP server: its lease goes to the bridge, stays alive there, and comes back.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getsid};

use crate::assert_same;
use crate::traffic::Traffic;
use crate::wire::{HOST, Wire};

const TAKE_OVER: &[&str] = &["start", "netdev=eth0", "bridge=xenbr0", "--take-over"];
const STOP: &[&str] = &["stop", "bridge=xenbr0"];
const PATIENCE: Duration = Duration::from_mins(1);

/// A host whose address is leased for two minutes and renewed every few seconds, with the server that does so.
struct Leased {
    wire: Wire,
    server: Child,
    folder: tempfile::TempDir,
    client: &'static str,
    six: bool,
}

impl Leased {
    fn new(client: &'static str) -> Option<Self> {
        Self::of_family(client, false)
    }

    fn of_family(client: &'static str, six: bool) -> Option<Self> {
        let dnsmasq = testkit::program("dnsmasq")?;
        let program = testkit::program(client)?;
        let wire = Wire::quick()?;
        if !six {
            wire.ip("addr del 10.0.0.250/24 dev eth0");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("log"), "").unwrap();
        // A user of its own could not write into the folder.
        let server = || {
            Command::new(&dnsmasq)
                .args(["--conf-file=/dev/null", "--keep-in-foreground", "--user=root", "--port=0"])
                .args(["--dhcp-range=10.0.0.250,10.0.0.250,2m", "--dhcp-authoritative", "--no-ping"])
                .args(["--dhcp-option=3,10.0.0.254", "--dhcp-option=58,4", "--dhcp-option=59,90"])
                // Nobody's name servers are written anywhere.
                .args([
                    "--dhcp-range=2001:db8::1000,2001:db8::1000,64,2m",
                    "--dhcp-option=option6:dns-server",
                ])
                .arg(format!("--dhcp-leasefile={}", path("served")))
                .arg(format!("--log-facility={}", path("log")))
                .arg("--pid-file=")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        };
        let server = wire.gateway.run(server).unwrap();
        let leased = Self { wire, server, folder, client, six };
        let words = leased.words();
        let run = || Command::new(&program).args(&words).output().unwrap();
        let output = leased.wire.host.namespace.run(run).unwrap();
        assert!(output.status.success(), "{output:?}");
        if six {
            // What an advertisement of a router would say.
            leased.wire.ip("-6 route replace 2001:db8::/64 dev eth0");
        } else {
            leased.wire.await_gateway();
        }
        Some(leased)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// How the client is called: with nothing of the machine's own.
    fn words(&self) -> Vec<String> {
        let pid = self.path("pid");
        if self.client == "dhclient" {
            let (configuration, leases) = (self.path("conf"), self.path("leases"));
            fs::write(&configuration, "request subnet-mask, broadcast-address, routers;\n").unwrap();
            let family = if self.six { "-6" } else { "-4" };
            [family, "-pf", &pid, "-cf", &configuration, "-lf", &leases, "eth0"].map(Into::into).into()
        } else {
            // Debian's own script, but for the file that it writes name servers to.
            let script = self.path("script");
            let text = fs::read_to_string("/etc/udhcpc/default.script").unwrap();
            let text = text.replace("/etc/resolv.conf", &self.path("resolv.conf"));
            let (shebang, rest) = text.split_once('\n').unwrap();
            // Hangs in the first renewal, as long as it shall, and then does what it was about to.
            let hang = format!(
                "if [ \"$1\" = renew ] && [ -e {0} ] && [ ! -e {1} ]; then\n  echo $$ >{1}\n  while [ -e {0} ]; do sleep 0.1; done\n  \
                 ip addr add 10.0.0.99/24 dev $interface\nfi",
                self.path("hang"),
                self.path("hanging")
            );
            fs::write(&script, [shebang, &hang, rest].join("\n")).unwrap();
            let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(&script, executable).unwrap();
            ["-t", "3", "-T", "1", "-n", "-p", &pid, "-s", &script, "-i", "eth0"].map(Into::into).into()
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// How often the server has said yes.
    fn acknowledged(&self) -> usize {
        self.log().matches(if self.six { "DHCPREPLY" } else { "DHCPACK" }).count()
    }

    fn await_acknowledged(&self, count: usize) {
        let end = Instant::now() + PATIENCE;
        while self.acknowledged() < count {
            assert!(Instant::now() < end, "the lease is not renewed:\n{}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the server has said yes this often, and once more for a renewal.
    fn await_renewal(&self, count: usize) {
        self.await_acknowledged(count);
        if self.client == "udhcpc" {
            // It renews when half of the two minutes is over, whatever the server says; or when it is told to.
            kill(self.await_background(), Signal::SIGUSR1).unwrap();
        }
        self.await_acknowledged(count + 1);
    }

    /// Waits until one client runs, in the background, and returns its process.
    ///
    /// When the server has said yes, the client still has to call its script, and then becomes another process. What the
    /// one before is told after that is lost: it has ended, or is about to.
    fn await_background(&self) -> Pid {
        let end = Instant::now() + PATIENCE;
        loop {
            if let [(process, _)] = self.processes()[..] {
                let process = Pid::from_raw(process);
                // What goes into the background begins a session; until then it is in the one of who called it.
                if getsid(Some(process)) == Ok(process) {
                    return process;
                }
            }
            assert!(Instant::now() < end, "it does not go into the background: {:?}", self.processes());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The devices for which the client runs, one for each process.
    fn devices(&self) -> Vec<String> {
        self.processes()
            .into_iter()
            .filter_map(|(_, words)| words.into_iter().find(|word| word == "eth0" || word == "xenbr0"))
            .collect()
    }

    fn processes(&self) -> Vec<(i32, Vec<String>)> {
        let ours = self.path("pid");
        let words = |path: PathBuf| {
            let text = fs::read_to_string(path.join("cmdline")).ok()?;
            let words: Vec<String> = text.split('\0').map(ToOwned::to_owned).collect();
            let number = path.file_name()?.to_str()?.parse().ok()?;
            (words.contains(&ours) && words[0].ends_with(self.client)).then_some((number, words))
        };
        fs::read_dir("/proc").unwrap().filter_map(|entry| words(entry.unwrap().path())).collect()
    }

    /// What the processes are, and what they wait for.
    fn described(&self) -> String {
        let describe = |(process, words): (i32, Vec<String>)| {
            let read = |file: &str| fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
            format!("{process}: {}\n{} {}\n", words.join(" "), read("stat"), read("wchan"))
        };
        self.processes().into_iter().map(describe).collect()
    }

    /// Waits until one client runs, for this device.
    fn await_only(&self, device: &str) {
        let end = Instant::now() + PATIENCE;
        while self.devices() != [device] {
            assert!(Instant::now() < end, "{}\n{}", self.described(), self.log());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        for (process, _) in self.processes() {
            let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn a_lease_of_dhclient_stays_alive_on_the_bridge_and_back_on_the_card() {
    stays_alive("dhclient");
}

#[test]
fn a_lease_of_udhcpc_stays_alive_on_the_bridge_and_back_on_the_card() {
    stays_alive("udhcpc");
}

fn stays_alive(client: &'static str) {
    let Some(leased) = Leased::new(client) else { return };
    let wire = &leased.wire;
    let before = wire.state();
    let refused = wire.network_bridge(&TAKE_OVER[..3]);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stderr.contains("--take-over, and its lease stays alive"), "{}", refused.stderr);

    let traffic = Traffic::start(wire);
    let asked = leased.log().matches("DHCPDISCOVER").count();
    for _ in 0..2 {
        let acknowledged = leased.acknowledged();
        wire.succeeds(TAKE_OVER);
        leased.await_only("xenbr0");
        assert!(wire.ip("addr show dev xenbr0").contains("inet 10.0.0.250/24"));
        let status = wire.network_bridge(&["status", "bridge=xenbr0"]);
        assert_eq!(status.status, 0, "{status:?}");
        // Once when it starts, and once for a renewal.
        leased.await_renewal(acknowledged + 1);
        traffic.goes_on();

        let acknowledged = leased.acknowledged();
        wire.succeeds(STOP);
        leased.await_only("eth0");
        assert_same(&before, &wire.state(), "");
        leased.await_renewal(acknowledged + 1);
        assert_same(&before, &wire.state(), "after it was renewed");
        traffic.goes_on();
    }
    let (flows, connection) = traffic.end();
    for flow in &flows {
        assert!(flow.lost <= 60, "{flows:?}");
    }
    connection.unwrap();
    let log = leased.log();
    assert!(!log.contains("DHCPRELEASE") && !log.contains("DHCPNAK"), "{log}");
    // udhcpc has no memory, and has to look for a server.
    assert!(client == "udhcpc" || log.matches("DHCPDISCOVER").count() == asked, "{log}");
}

#[test]
fn a_lease_goes_along_with_a_network_of_the_configuration() {
    let Some(leased) = Leased::new("dhclient") else { return };
    let wire = &leased.wire;
    let before = wire.state();
    let config = leased.path("dom0net.toml");
    fs::write(
        &config,
        "[[network]]\nname = \"lan\"\nmode = \"bridge\"\nbridge = \"xenbr0\"\nuplink = \"eth0\"\n",
    )
    .unwrap();
    let call = |words: &[&str]| wire.host.run("dom0net", &[words, &["--config", &config]].concat(), &[]);
    let refused = call(&["start"]);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert_same(&before, &wire.state(), "refused");
    let acknowledged = leased.acknowledged();
    let started = call(&["start", "--take-over"]);
    assert_eq!(started.status, 0, "{started:?}");
    leased.await_only("xenbr0");
    leased.await_renewal(acknowledged + 1);
    let stopped = call(&["stop"]);
    assert_eq!(stopped.status, 0, "{stopped:?}");
    leased.await_only("eth0");
    leased.await_background();
    assert_same(&before, &wire.state(), "stopped");
}

#[test]
fn a_lease_of_dhclient_goes_along_where_the_bridge_gets_the_cards_name() {
    goes_along("dhclient", "layout=bridge-is-eth0");
}

#[test]
fn a_lease_of_udhcpc_goes_along_where_the_host_becomes_like_a_guest() {
    goes_along("udhcpc", "layout=classic");
}

/// In these layouts the client is called for a device of the same name.
fn goes_along(client: &'static str, layout: &str) {
    let Some(leased) = Leased::new(client) else { return };
    let wire = &leased.wire;
    let before = wire.state();
    for _ in 0..2 {
        let acknowledged = leased.acknowledged();
        wire.succeeds(&["start", "netdev=eth0", layout, "--take-over"]);
        leased.await_background();
        assert!(wire.ip("addr show dev eth0").contains("inet 10.0.0.250/24"));
        assert!(wire.host.master_of("peth0").is_some());
        leased.await_renewal(acknowledged + 1);

        let acknowledged = leased.acknowledged();
        wire.succeeds(&["stop"]);
        leased.await_renewal(acknowledged + 1);
        leased.await_only("eth0");
        assert_same(&before, &wire.state(), layout);
    }
    let log = leased.log();
    assert!(!log.contains("DHCPRELEASE") && !log.contains("DHCPNAK"), "{log}");
}

#[test]
fn a_lease_of_dhcpv6_goes_along() {
    let Some(leased) = Leased::of_family("dhclient", true) else { return };
    let wire = &leased.wire;
    let before = wire.state();
    assert!(before.contains("inet6 2001:db8::1000/"), "{before}");
    let solicited = leased.log().matches("DHCPSOLICIT").count();
    for _ in 0..2 {
        let acknowledged = leased.acknowledged();
        wire.succeeds(TAKE_OVER);
        leased.await_only("xenbr0");
        assert!(wire.ip("addr show dev xenbr0").contains("inet6 2001:db8::1000/"));
        leased.await_acknowledged(acknowledged + 1);
        let acknowledged = leased.acknowledged();
        wire.succeeds(STOP);
        leased.await_only("eth0");
        leased.await_acknowledged(acknowledged + 1);
        leased.await_background();
        assert_same(&before, &wire.state(), "");
    }
    let log = leased.log();
    // It asks whether what it remembers still holds, and looks for no server.
    assert!(!log.contains("DHCPRELEASE") && log.matches("DHCPSOLICIT").count() == solicited, "{log}");
}

#[test]
fn a_client_that_gets_no_lease_on_the_bridge_takes_all_back() {
    let Some(mut leased) = Leased::new("udhcpc") else { return };
    leased.server.kill().unwrap();
    leased.server.wait().unwrap();
    let before = leased.wire.state();
    let outcome = leased.wire.network_bridge(TAKE_OVER);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    let sentence = "cannot get a lease with udhcpc on xenbr0";
    assert!(outcome.stderr.contains(sentence), "{}", outcome.stderr);
    assert_same(&before, &leased.wire.state(), "");
    assert!(leased.wire.ip("addr show dev eth0").contains(HOST[0]));
}

#[test]
fn a_script_that_hangs_ends_with_its_client_and_sets_no_address_later() {
    let Some(leased) = Leased::new("udhcpc") else { return };
    let wire = &leased.wire;
    let before = wire.state();
    fs::write(leased.path("hang"), "").unwrap();
    kill(leased.await_background(), Signal::SIGUSR1).unwrap();
    let end = Instant::now() + PATIENCE;
    let script = loop {
        let process = fs::read_to_string(leased.path("hanging")).unwrap_or_default();
        if process.ends_with('\n') {
            break process.trim().to_owned();
        }
        assert!(Instant::now() < end, "its script is not called");
        thread::sleep(Duration::from_millis(20));
    };
    wire.succeeds(TAKE_OVER);
    let words = fs::read(format!("/proc/{script}/cmdline")).unwrap_or_default();
    assert!(words.is_empty(), "it goes on: {}", String::from_utf8_lossy(&words));
    fs::remove_file(leased.path("hang")).unwrap();
    leased.await_only("xenbr0");
    wire.succeeds(STOP);
    leased.await_only("eth0");
    leased.await_background();
    assert_same(&before, &wire.state(), "");
}

#[test]
fn a_take_over_that_is_killed_leaves_one_client_and_its_lease() {
    if testkit::program("strace").is_none() {
        return;
    }
    let Some(leased) = Leased::new("dhclient") else { return };
    let wire = &leased.wire;
    let before = wire.state();
    let mut points = 0;
    // What is done with clients and their files, and a point between.
    for (call, counts) in [
        ("kill", 1..=2),
        ("symlink", 1..=1),
        ("rename", 1..=3),
        ("unlink", 1..=2),
        ("clone3,clone,vfork,fork", 1..=1),
        ("sendto", 30..=30),
    ] {
        for count in counts {
            for words in [TAKE_OVER, STOP] {
                points += usize::from(wire.killed_at_alone(words, call, count));
                let at = format!("{words:?} killed at {call} number {count}");
                wire.recover();
                if wire.host.link("xenbr0").is_some() {
                    leased.await_only("xenbr0");
                    assert!(wire.ip("addr show dev xenbr0").contains(HOST[0]), "{at}");
                } else {
                    leased.await_only("eth0");
                    assert_same(&before, &wire.state(), &at);
                }
            }
            wire.succeeds(STOP);
        }
    }
    assert!(points >= 10, "only {points} points were found");
    leased.await_acknowledged(leased.acknowledged() + 1);
    assert!(!leased.log().contains("DHCPRELEASE"), "{}", leased.log());
}

#[test]
fn a_client_that_cannot_be_told_of_another_device_is_left_alone() {
    let Some(leased) = Leased::new("dhclient") else { return };
    for (process, words) in leased.processes() {
        kill(Pid::from_raw(process), Signal::SIGKILL).unwrap();
        let anew: Vec<&String> =
            words[1..].iter().filter(|word| !word.is_empty() && *word != "eth0").collect();
        let program = testkit::program("dhclient").unwrap();
        let run = || Command::new(&program).args(&anew).output().unwrap();
        assert!(leased.wire.host.namespace.run(run).unwrap().status.success());
    }
    let before = leased.wire.state();
    let outcome = leased.wire.network_bridge(TAKE_OVER);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("it was started for all devices"), "{}", outcome.stderr);
    assert_same(&before, &leased.wire.state(), "");
}
