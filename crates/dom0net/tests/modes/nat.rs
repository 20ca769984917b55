//! `network-nat` and `vif-nat`: the old form, networks with names, and those that lead nowhere.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use lab::Station;
use lab::frame::{DhcpMessage, Ethernet};

use crate::stage::{Stage, domain, reaches, reaches_not};

const OUTSIDE: [&str; 3] = ["10.0.0.254", "192.0.2.1", "10.0.0.250"];
const MAC: &str = "mac=00:16:3e:00:00:02";

/// Answers each connection with this word, in a thread that ends after the last.
fn serve(station: &Station, address: &str, word: &'static str, connections: usize) -> thread::JoinHandle<()> {
    let address: SocketAddr = address.parse().unwrap();
    let listener = station.run(|| TcpListener::bind(address).unwrap()).unwrap();
    thread::spawn(move || {
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(word.as_bytes()).unwrap();
        }
    })
}

/// What is said at an address, as seen from a station; none when nobody answers.
fn heard(station: &Station, address: &str) -> Option<String> {
    let address: SocketAddr = address.parse().unwrap();
    let limit = Duration::from_secs(3);
    let stream = station.run(|| TcpStream::connect_timeout(&address, limit)).unwrap();
    let mut stream = stream.ok()?;
    let mut text = String::new();
    stream.set_read_timeout(Some(limit)).unwrap();
    stream.read_to_string(&mut text).unwrap();
    Some(text)
}

/// Whether dnsmasq can be run; if not, that has been said.
pub(crate) fn has_dnsmasq() -> bool {
    if testkit::program("dnsmasq").is_none() {
        return false;
    }
    // It gives up its rights at start, which takes the right to do so.
    let may_change_groups =
        std::fs::read_to_string("/proc/self/setgroups").is_ok_and(|text| text.trim() == "allow");
    if !may_change_groups {
        testkit::skip!("dnsmasq needs the root of the machine, not that of a user namespace");
    }
    may_change_groups
}

#[test]
fn guests_behind_vif_nat_go_out_as_the_host() {
    let Some(stage) = Stage::new() else { return };
    stage.succeeds("network-nat start");
    // Domain 1, interface 0: the address is made up, and the host has the one that is 127 further.
    let vif = format!("{MAC},script=vif-nat");
    let web = stage.guest("web", &vif, &["10.0.1.1/16"], &["10.0.1.128"]);
    // The gateway knows no way back to 10.0.1.1.
    reaches(web.station(), &OUTSIDE);
    let db = stage.guest(
        "db",
        "mac=00:16:3e:00:00:03,script=vif-nat,ip=10.0.0.1",
        &["10.0.0.1/16"],
        &["10.0.0.128"],
    );
    reaches(db.station(), &["192.0.2.1", "10.0.1.1"]);
    reaches_not(stage.gateway(), &["10.0.1.1"]);
    let routes = stage.says("ip", "route show dev vif1.0");
    assert_eq!(routes, "10.0.1.1 proto static scope link src 10.0.1.128 metric 2 \n");
}

#[test]
fn what_the_network_changed_comes_back_however_often_it_started() {
    let Some(stage) = Stage::new() else { return };
    let state = || {
        [stage.says("nft", "list ruleset"), stage.setting("ipv4/ip_forward"), stage.says("ip", "-o link")]
            .concat()
    };
    let before = state();
    stage.succeeds("network-nat start");
    let once = state();
    stage.succeeds("network-nat start netdev=eth0");
    assert_eq!(state(), once);
    assert_eq!(once.matches("masquerade").count(), 1, "{once}");
    // Another network needs the host to forward, too.
    stage.succeeds("network-route start");
    stage.succeeds("network-nat stop");
    assert_eq!(stage.setting("ipv4/ip_forward"), "1");
    stage.succeeds("network-route stop");
    assert_eq!(state(), before);
    stage.succeeds("network-nat start bridge=nat0 subnet=10.1.0.0/24");
    stage.succeeds("network-nat stop bridge=nat0");
    assert_eq!(state(), before);
}

#[test]
fn addresses_that_cannot_be_are_refused() {
    let Some(stage) = Stage::new() else { return };
    stage.succeeds("network-nat start");
    let _web = stage.guest("web", &format!("{MAC},script=vif-nat"), &["10.0.1.1/16"], &["10.0.1.128"]);
    for (ip, sentence) in [
        ("10.0.0.200", "must be from 1 to 127"),
        ("10.0.1.1", "vif1.0 leads there already"),
        ("10.0.1.128", "must be from 1 to 127"),
    ] {
        let error = stage.refusal(&format!("mac=00:16:3e:00:00:09,script=vif-nat,ip={ip}"));
        assert!(error.contains(sentence), "{ip}: {error}");
    }
}

#[test]
fn an_address_that_was_made_up_stays_with_the_guest() {
    let Some(stage) = Stage::new() else { return };
    stage.succeeds("network-nat start");
    let mut config = domain("web", &format!("{MAC},script=vif-nat"), &[], &[]);
    config.uuid = Some("0b0b0b0b-0000-4000-8000-000000000001".to_owned());
    let web = stage.lab.create(&config).unwrap();
    stage.lab.toolstack().destroy(web.domid()).unwrap();
    // Its number is another one now, and its address the same.
    let web = stage.lab.create(&config).unwrap();
    assert_eq!(web.domid(), 2);
    assert!(stage.says("ip", "route show dev vif2.0").starts_with("10.0.1.1 "));
    let shown = stage.succeeds("dom0net addresses");
    assert!(shown.contains("0b0b0b0b-0000-4000-8000-000000000001/0  10.0.1.1  web"), "{shown}");
    stage.succeeds("dom0net addresses --forget 0b0b0b0b-0000-4000-8000-000000000001");
    assert!(!stage.succeeds("dom0net addresses").contains("10.0.1.1"));
}

#[test]
fn a_network_with_a_name_has_a_bridge_and_lets_nobody_in() {
    let Some(stage) = Stage::new() else { return };
    stage.succeeds("network-nat start bridge=nat0 subnet=10.1.0.0/24 subnet6=fd00:1::/64");
    let web = stage.guest(
        "web",
        &format!("{MAC},bridge=nat0,ip=10.1.0.2 fd00:1::2"),
        &["10.1.0.2/24", "fd00:1::2/64"],
        &["10.1.0.1", "fe80::1"],
    );
    reaches(web.station(), &OUTSIDE);
    reaches(web.station(), &["10.1.0.1", "fd00:1::1"]);
    // IPv6 is not translated unless asked for: the gateway cannot answer a unique local address.
    reaches_not(web.station(), &["2001:db8:ffff::1"]);
    // Somebody on the wire who sends to the guest by way of the host.
    stage.gateway().add_route("10.1.0.0/24".parse().unwrap(), "10.0.0.250".parse().unwrap()).unwrap();
    stage.gateway().add_route("fd00:1::/64".parse().unwrap(), "2001:db8::250".parse().unwrap()).unwrap();
    reaches(stage.gateway(), &["10.0.0.250"]);
    reaches_not(stage.gateway(), &["10.1.0.2", "fd00:1::2"]);
    assert!(stage.run("network-nat stop bridge=nat0").stderr.contains("guests are still on nat0 (vif1.0)"));
    let status = stage.succeeds("network-nat status bridge=nat0");
    assert!(status.contains("nat0: out as this host") && status.contains("guests: vif1.0"), "{status}");
    stage.lab.toolstack().destroy(web.domid()).unwrap();
    stage.succeeds("network-nat stop bridge=nat0");
}

#[test]
fn nat66_is_had_on_request() {
    let Some(stage) = Stage::new() else { return };
    stage.succeeds("network-nat start bridge=nat0 subnet=10.1.0.0/24 subnet6=fd00:1::/64 nat66=yes");
    let web = stage.guest("web", &format!("{MAC},bridge=nat0,ip=fd00:1::2"), &["fd00:1::2/64"], &["fe80::1"]);
    reaches(web.station(), &["2001:db8:ffff::1", "2001:db8::fe"]);
}

#[test]
fn ports_of_the_host_lead_to_guests() {
    let Some(stage) = Stage::new() else { return };
    let network = "network-nat start bridge=nat0 subnet=10.1.0.0/24 subnet6=fd00:1::/64";
    stage.succeeds(&format!(
        "{network} forward=tcp:8080:10.1.0.2:80,tcp:5000-5999:10.1.0.2,tcp:6000-6001:10.1.0.3,tcp:8080:[fd00:1::2]:80"
    ));
    let web = stage.guest(
        "web",
        &format!("{MAC},bridge=nat0,ip=10.1.0.2 fd00:1::2"),
        &["10.1.0.2/24", "fd00:1::2/64"],
        &["10.1.0.1", "fe80::1"],
    );
    let db =
        stage.guest("db", "mac=00:16:3e:00:00:03,bridge=nat0,ip=10.1.0.3", &["10.1.0.3/24"], &["10.1.0.1"]);
    let port_80 = serve(web.station(), "10.1.0.2:80", "moved", 3);
    let port_5999 = serve(web.station(), "10.1.0.2:5999", "last of a range", 1);
    let port_6000 = serve(db.station(), "10.1.0.3:6000", "another range", 1);
    let ipv6 = serve(web.station(), "[fd00:1::2]:80", "six", 1);
    let said = |address: &str| heard(stage.gateway(), address);
    assert_eq!(said("10.0.0.250:8080").as_deref(), Some("moved"));
    assert_eq!(said("10.0.0.250:5999").as_deref(), Some("last of a range"));
    assert_eq!(said("10.0.0.250:6000").as_deref(), Some("another range"));
    assert_eq!(said("[2001:db8::250]:8080").as_deref(), Some("six"));
    assert_eq!(said("10.0.0.250:6002"), None);
    // The host itself, and a guest that comes by the host's door.
    assert_eq!(heard(stage.host(), "10.0.0.250:8080").as_deref(), Some("moved"));
    assert_eq!(heard(db.station(), "10.0.0.250:8080").as_deref(), Some("moved"));
    for server in [port_80, port_5999, port_6000, ipv6] {
        server.join().unwrap();
    }
    // One look for all ranges, not a rule for each port.
    let rules = stage.says("nft", "list table inet dom0net-nat-nat0");
    assert!(rules.contains("5000-5999 : 10.1.0.2, 6000-6001 : 10.1.0.3"), "{rules}");
    assert!(rules.contains("8080 : 10.1.0.2 . 80"), "{rules}");

    // Others, without stopping.
    stage.succeeds(&format!("{network} forward=tcp:8081:10.1.0.3:80"));
    assert_eq!(heard(stage.gateway(), "10.0.0.250:8080"), None);
    let port_80 = serve(db.station(), "10.1.0.3:80", "new", 1);
    assert_eq!(heard(stage.gateway(), "10.0.0.250:8081").as_deref(), Some("new"));
    port_80.join().unwrap();
}

/// Answers each datagram with the port that it came to.
fn echo(station: &Station, address: &str) {
    let address: SocketAddr = address.parse().unwrap();
    let socket = station.run(|| UdpSocket::bind(address).unwrap()).unwrap();
    thread::spawn(move || {
        let mut word = [0; 16];
        while let Ok((_, sender)) = socket.recv_from(&mut word) {
            socket.send_to(address.port().to_string().as_bytes(), sender).unwrap();
        }
    });
}

/// Which port of whoever is behind an address answers a datagram, as seen from a station.
fn echoed(station: &Station, address: &str) -> Option<String> {
    let address: SocketAddr = address.parse().unwrap();
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = station.run(|| UdpSocket::bind(any).unwrap()).unwrap();
    // An answer from another address than the one that was asked is none.
    socket.connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut word = [0; 16];
    (0..4).find_map(|_| {
        socket.send(b"?").ok()?;
        let length = socket.recv(&mut word).ok()?;
        Some(String::from_utf8_lossy(&word[..length]).into_owned())
    })
}

#[test]
fn ranges_of_ports_lead_to_ports_of_other_numbers() {
    let Some(stage) = Stage::new() else { return };
    let network = "network-nat start bridge=nat0 subnet=10.1.0.0/24 subnet6=fd00:1::/64";
    let forwards = [
        "tcp:8000-8010:10.1.0.2:80-90",
        "udp:8000-8010:10.1.0.2:80-90",
        "tcp:8000-8010:[fd00:1::2]:80-90",
        "udp:8000-8010:[fd00:1::2]:80-90",
        // Many; and to numbers of which some are its own.
        "udp:20000-60000:10.1.0.2:10000-50000",
        "tcp:1000-1010:10.1.0.2:1005-1015",
    ];
    stage.succeeds(&format!("{network} forward={}", forwards.join(",")));
    let web = stage.guest(
        "web",
        &format!("{MAC},bridge=nat0,ip=10.1.0.2 fd00:1::2"),
        &["10.1.0.2/24", "fd00:1::2/64"],
        &["10.1.0.1", "fe80::1"],
    );
    let hosts = [("10.1.0.2", "10.0.0.250"), ("[fd00:1::2]", "[2001:db8::250]")];
    for (guest, host) in hosts {
        for (from, to, word) in [(8000, 80, "first"), (8003, 83, "fourth"), (8010, 90, "last")] {
            let server = serve(web.station(), &format!("{guest}:{to}"), word, 1);
            assert_eq!(
                heard(stage.gateway(), &format!("{host}:{from}")).as_deref(),
                Some(word),
                "{host}:{from}"
            );
            server.join().unwrap();
            echo(web.station(), &format!("{guest}:{to}"));
            assert_eq!(
                echoed(stage.gateway(), &format!("{host}:{from}")),
                Some(to.to_string()),
                "{host}:{from}"
            );
        }
        // Beside them nothing leads inside.
        echo(web.station(), &format!("{guest}:79"));
        echo(web.station(), &format!("{guest}:91"));
        for port in [7999, 8011] {
            assert_eq!(heard(stage.gateway(), &format!("{host}:{port}")), None);
            assert_eq!(echoed(stage.gateway(), &format!("{host}:{port}")), None);
        }
    }
    for (from, to) in [(20_000, 10_000), (43_210, 33_210), (60_000, 50_000)] {
        echo(web.station(), &format!("10.1.0.2:{to}"));
        assert_eq!(echoed(stage.gateway(), &format!("10.0.0.250:{from}")), Some(to.to_string()));
    }
    let server = serve(web.station(), "10.1.0.2:1010", "its own number among them", 1);
    assert_eq!(heard(stage.gateway(), "10.0.0.250:1005").as_deref(), Some("its own number among them"));
    server.join().unwrap();
    // The host itself comes there too.
    assert_eq!(echoed(stage.host(), "10.0.0.250:8003").as_deref(), Some("83"));
    // One look for each protocol and family, however many ports there are.
    let rules = stage.says("nft", "list chain inet dom0net-nat-nat0 forwards");
    assert_eq!(rules.matches("dnat").count(), 4, "{rules}");
    let status = stage.succeeds("network-nat status bridge=nat0");
    assert!(status.contains("forward tcp:8000-8010:[fd00:1::2]:80-90"), "{status}");
}

#[test]
fn an_isolated_network_leads_nowhere() {
    let Some(stage) = Stage::new() else { return };
    // The host forwards, for another network.
    stage.succeeds("network-route start");
    stage.succeeds("network-nat start bridge=private0 subnet=10.1.0.0/24 isolated=yes");
    let web =
        stage.guest("web", &format!("{MAC},bridge=private0,ip=10.1.0.2"), &["10.1.0.2/24"], &["10.1.0.1"]);
    let db = "mac=00:16:3e:00:00:03,bridge=private0,ip=10.1.0.3";
    let _db = stage.guest("db", db, &["10.1.0.3/24"], &["10.1.0.1"]);
    stage.gateway().add_route("10.1.0.0/24".parse().unwrap(), "10.0.0.250".parse().unwrap()).unwrap();
    reaches(web.station(), &["10.1.0.3", "10.1.0.1"]);
    reaches_not(web.station(), &["10.0.0.254", "192.0.2.1"]);
    reaches_not(stage.gateway(), &["10.1.0.2"]);
}

#[test]
fn a_brouter_routes_for_a_bridge_without_a_card() {
    let Some(stage) = Stage::new() else { return };
    stage.succeeds("network-nat start bridge=brouter0 subnet=198.51.100.1/28 nat=no subnet6=2001:db8:7::/64");
    let vif = format!("{MAC},bridge=brouter0,ip=198.51.100.2 2001:db8:7::2");
    let addresses = ["198.51.100.2/28", "2001:db8:7::2/64"];
    let web = stage.guest("web", &vif, &addresses, &["198.51.100.1", "fe80::1"]);
    let to_host = |net: &str, host: &str| {
        stage.gateway().add_route(net.parse().unwrap(), host.parse().unwrap()).unwrap();
    };
    to_host("198.51.100.0/28", "10.0.0.250");
    to_host("2001:db8:7::/64", "2001:db8::250");
    reaches(web.station(), &["192.0.2.1", "2001:db8:ffff::1"]);
    reaches(stage.gateway(), &["198.51.100.2", "2001:db8:7::2"]);
}

#[test]
fn a_start_that_was_cut_short_is_made_good_by_the_next() {
    let Some(stage) = Stage::new() else { return };
    let start = "network-nat start bridge=nat0 subnet=10.1.0.0/24";
    stage.succeeds(start);
    let record = stage.script("run/routed/nat-nat0.json");
    let text = std::fs::read_to_string(&record).unwrap();
    let cut = text.replace("\"is_complete\":true", "\"is_complete\":false");
    assert_ne!(text, cut);
    std::fs::write(&record, cut).unwrap();
    stage.says("ip", "addr flush dev nat0");
    stage.succeeds(start);
    assert!(stage.says("ip", "-o addr show dev nat0").contains("10.1.0.1/24"));
    // Rules that somebody has flushed come back.
    stage.says("nft", "flush ruleset");
    assert!(stage.succeeds("network-nat status").contains("its rules are gone"));
    stage.succeeds(start);
    assert!(!stage.succeeds("network-nat status").contains("its rules are gone"));
    // A bridge that somebody has removed is made anew.
    stage.says("ip", "link del nat0");
    stage.succeeds(start);
    let other = stage.run("network-nat start bridge=nat0 subnet=10.2.0.0/24");
    assert!(other.stderr.contains("nat0 stands with other addresses"), "{other:?}");
    stage.says("ip", "link add br7 type bridge");
    assert!(stage.run("network-nat start bridge=br7").stderr.contains("not made by this program"));
}

#[test]
fn recover_undoes_what_was_cut_short() {
    let Some(stage) = Stage::new() else { return };
    let state =
        || [stage.says("nft", "list ruleset"), stage.says("ip", "-o link"), settings(&stage)].concat();
    let before = state();
    for (start, record) in [
        ("network-nat start bridge=nat0", "nat-nat0"),
        ("network-nat start", "nat-eth0"),
        ("network-route start", "route-eth0"),
        ("network-bridge start bridge=private0 netdev=none", "private-private0"),
    ] {
        stage.succeeds(start);
        let path = stage.script("run/routed").join(format!("{record}.json"));
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"is_complete\":true", "\"is_complete\":false")).unwrap();
        assert_ne!(state(), before);
        stage.succeeds("dom0net recover");
        assert_eq!(state(), before, "{start}");
    }
    // What stands is left alone.
    stage.succeeds("network-nat start bridge=nat0");
    stage.succeeds("dom0net recover");
    assert!(stage.says("ip", "-o link").contains("nat0"));
}

fn settings(stage: &Stage) -> String {
    ["ipv4/ip_forward", "ipv4/conf/eth0/proxy_arp", "ipv6/conf/all/forwarding", "ipv6/conf/eth0/proxy_ndp"]
        .map(|setting| stage.setting(setting))
        .concat()
}

#[test]
fn a_subnet_is_chosen_where_none_is_named() {
    let Some(stage) = Stage::new() else { return };
    stage.says("ip", "addr add 10.192.0.7/24 dev eth0");
    stage.succeeds("network-nat start bridge=nat0");
    let addresses = stage.says("ip", "-o addr show dev nat0");
    assert!(addresses.contains("10.192.1.1/24") && addresses.contains("inet6 fd"), "{addresses}");
    // It stays, whatever is free by then.
    stage.says("ip", "addr del 10.192.0.7/24 dev eth0");
    stage.succeeds("network-nat start bridge=nat0");
    assert!(stage.says("ip", "-o addr show dev nat0").contains("10.192.1.1/24"));
}

#[test]
fn dhcp_without_dnsmasq_is_a_clear_error() {
    let Some(stage) = Stage::new() else { return };
    let environment = [("DOM0NET_DNSMASQ", "/nonexistent/dnsmasq")];
    let outcome = stage.run_with("network-nat start bridge=nat0 dhcp=yes", &environment);
    assert!(outcome.stderr.contains("need the program dnsmasq"), "{outcome:?}");
    assert!(!stage.says("ip", "-o link").contains("nat0"));
    assert_eq!(stage.run_with("network-nat start bridge=nat0", &environment).status, 0);
}

/// What the server offers to a client of this MAC address: the message, as far as it is needed.
pub(crate) fn offered(station: &Station, mac: &str) -> Option<(IpAddr, Vec<u8>)> {
    let mac = mac.parse().unwrap();
    let discover = DhcpMessage::discover(mac);
    let frame = Ethernet::new(mac, ethernet::MacAddress::BROADCAST).ip(&discover.packet());
    let mut socket = station.socket("eth0").unwrap();
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        socket.send(&frame).unwrap();
        let wait = Instant::now() + Duration::from_millis(500);
        while let Some(received) = socket.receive(wait.saturating_duration_since(Instant::now())).unwrap() {
            // UDP from port 67 to 68: the address for the client stands 16 bytes into the message, behind the headers.
            if received.len() > 62 && received[12..14] == [8, 0] && received[34..38] == [0, 67, 0, 68] {
                let message = &received[42..];
                let address: [u8; 4] = message[16..20].try_into().unwrap();
                return Some((address.into(), message.to_vec()));
            }
        }
    }
    None
}

/// The value of an option in a DHCP message.
fn option(message: &[u8], wanted: u8) -> Option<Vec<u8>> {
    let mut rest = message.get(240..)?;
    while let [kind, length, tail @ ..] = rest {
        let value = tail.get(..usize::from(*length))?;
        if *kind == wanted {
            return Some(value.to_vec());
        }
        rest = &tail[usize::from(*length)..];
    }
    None
}

#[test]
fn guests_of_a_network_get_their_addresses_from_dnsmasq() {
    let Some(stage) = Stage::new() else { return };
    if !has_dnsmasq() {
        return;
    }
    stage.succeeds("network-nat start bridge=nat0 subnet=10.1.0.0/24 dhcp=yes");
    let status = stage.succeeds("network-nat status --json");
    let process =
        |status: &str| status.split("\"runs\": ").nth(1).unwrap().split('\n').next().unwrap().to_owned();
    let before = process(&status);
    let web = stage.guest("web", &format!("{MAC},bridge=nat0,ip=10.1.0.77"), &[], &[]);
    let (address, message) = offered(web.station(), "00:16:3e:00:00:02").unwrap();
    assert_eq!(address.to_string(), "10.1.0.77");
    // The way out, the names, and its own name.
    assert_eq!(option(&message, 3).unwrap(), [10, 1, 0, 1]);
    assert_eq!(option(&message, 6).unwrap(), [10, 1, 0, 1]);
    assert_eq!(option(&message, 12).unwrap(), b"web");
    // A guest without ip= gets some address.
    let db = stage.guest("db", "mac=00:16:3e:00:00:03,bridge=nat0", &[], &[]);
    let (address, _) = offered(db.station(), "00:16:3e:00:00:03").unwrap();
    assert!(address.to_string().starts_with("10.1.0."), "{address}");
    // No plug has restarted it.
    assert_eq!(process(&stage.succeeds("network-nat status --json")), before);
    // A guest that comes again under another address gets that one.
    stage.lab.toolstack().destroy(web.domid()).unwrap();
    let web = stage.guest("web", &format!("{MAC},bridge=nat0,ip=10.1.0.78"), &[], &[]);
    let (address, _) = offered(web.station(), "00:16:3e:00:00:02").unwrap();
    assert_eq!(address.to_string(), "10.1.0.78");
    stage.lab.toolstack().destroy(web.domid()).unwrap();
    stage.lab.toolstack().destroy(db.domid()).unwrap();
    stage.succeeds("network-nat stop bridge=nat0");
    // Where nobody collects it, what has ended is still listed, without its words.
    let words = std::fs::read(std::path::Path::new("/proc").join(&before).join("cmdline"));
    assert!(words.is_ok_and(|words| words.is_empty()) || !stage.script("run/dnsmasq/nat0").exists());
}

#[test]
fn guests_behind_vif_nat_get_their_addresses_from_dnsmasq() {
    let Some(stage) = Stage::new() else { return };
    if !has_dnsmasq() {
        return;
    }
    stage.succeeds("network-nat start dhcp=yes");
    let web = stage.guest("web", &format!("{MAC},script=vif-nat"), &[], &[]);
    let (address, message) = offered(web.station(), "00:16:3e:00:00:02").unwrap();
    assert_eq!(address.to_string(), "10.0.1.1");
    assert_eq!(option(&message, 3).unwrap(), [10, 0, 1, 128]);
    assert_eq!(option(&message, 1).unwrap(), [255, 255, 0, 0]);
    let error = stage.refusal("mac=00:16:3e:00:00:09,script=vif-nat,vifname=web");
    assert!(error.contains("it must begin with vif"), "{error}");
    stage.succeeds("network-nat stop");
    assert!(stage.node("/local/domain/1/name").is_some());
}
