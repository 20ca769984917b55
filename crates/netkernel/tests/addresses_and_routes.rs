//! Addresses, routes, neighbours and forwarding tables, read and changed in namespaces of their own.
#![allow(clippy::unwrap_used, reason = "panicking is how a test fails")]

use std::error::Error;
use std::net::IpAddr;

use netkernel::address::{Address, Lifetime, address_flags};
use netkernel::link::{BridgeOptions, LinkChange, LinkKind, LinkName, Master, index_of};
use netkernel::neighbour::{Neighbour, neighbour_state};
use netkernel::route::{Route, route_numbers};
use netkernel::{Family, Rtnetlink};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Makes a bridge without ports, up, whose addresses and routes then work like those of a card.
fn device(kernel: &mut Rtnetlink, name: &str) -> u32 {
    let name = LinkName::new(name).unwrap();
    let up = LinkChange { up: Some(true), ..LinkChange::default() };
    kernel.create_link(&name, &LinkKind::Bridge(BridgeOptions::default()), &up).unwrap();
    index_of(&name).unwrap()
}

#[test]
fn addresses_keep_all_that_was_said_of_them() -> Outcome {
    let Some(namespace) = testkit::namespace() else {
        return Ok(());
    };
    namespace.run(|| {
        let mut kernel = Rtnetlink::open()?;
        let link = device(&mut kernel, "eth0");
        let plain = Address {
            broadcast: Some("10.0.0.255".parse()?),
            label: Some("eth0:1".into()),
            metric: Some(50),
            ..Address::new(link, ip("10.0.0.1"), 24)
        };
        let point_to_point =
            Address { peer: Some(ip("192.0.2.2")), ..Address::new(link, ip("192.0.2.1"), 32) };
        let mortal = Address {
            flags: address_flags::NODAD | address_flags::NO_PREFIX_ROUTE,
            lifetime: Some(Lifetime { preferred: 1000, valid: 2000 }),
            ..Address::new(link, ip("2001:db8::1"), 64)
        };
        for address in [&plain, &point_to_point, &mortal] {
            kernel.add_address(address)?;
        }

        let found = |kernel: &mut Rtnetlink, wanted: &Address| {
            let all = kernel.addresses(Some(link)).unwrap();
            all.into_iter().find(|address| address.local == wanted.local)
        };
        let read = found(&mut kernel, &plain).unwrap();
        assert_eq!(
            (read.broadcast, &read.label, read.metric, read.lifetime),
            (plain.broadcast, &plain.label, plain.metric, None)
        );
        assert_eq!(found(&mut kernel, &point_to_point).unwrap().peer, point_to_point.peer);
        let read = found(&mut kernel, &mortal).unwrap();
        assert_eq!(read.flags & mortal.flags, mortal.flags);
        assert!(!read.is_tentative());
        let left = read.lifetime.unwrap();
        assert!((990..=1000).contains(&left.preferred) && (1990..=2000).contains(&left.valid), "{left:?}");

        // What was read can be removed and put back as it is.
        let before = kernel.addresses(Some(link))?;
        for address in before.iter().rev() {
            kernel.remove_address(address)?;
        }
        assert_eq!(kernel.addresses(Some(link))?, []);
        for address in &before {
            kernel.add_address(address)?;
        }
        let forget_lifetime = |mut all: Vec<Address>| {
            for address in &mut all {
                address.lifetime = None;
            }
            all
        };
        assert_eq!(forget_lifetime(kernel.addresses(Some(link))?), forget_lifetime(before));
        Ok(())
    })?
}

#[test]
fn only_the_addresses_of_one_device_are_listed() -> Outcome {
    let Some(namespace) = testkit::namespace() else {
        return Ok(());
    };
    namespace.run(|| {
        let mut kernel = Rtnetlink::open()?;
        let (one, other) = (device(&mut kernel, "eth0"), device(&mut kernel, "eth1"));
        kernel.add_address(&Address::new(one, ip("10.0.0.1"), 24))?;
        kernel.add_address(&Address::new(other, ip("10.0.1.1"), 24))?;
        let addresses = kernel.addresses(Some(other))?;
        assert!(addresses.iter().all(|address| address.link == other), "{addresses:?}");
        assert!(addresses.iter().any(|address| address.local == ip("10.0.1.1")));
        Ok(())
    })?
}

#[test]
fn awkward_routes_move_to_another_device_and_back_unchanged() -> Outcome {
    let Some(namespace) = testkit::namespace() else {
        return Ok(());
    };
    let Some(program) = testkit::program("ip") else {
        return Ok(());
    };
    namespace.run(|| {
        let mut kernel = Rtnetlink::open()?;
        let (eth0, bridge) = (device(&mut kernel, "eth0"), device(&mut kernel, "xenbr0"));
        let third = device(&mut kernel, "eth2");
        for (link, four, six) in [
            (eth0, "10.0.0.1", "2001:db8::1"),
            (bridge, "10.0.1.1", "2001:db8:1::1"),
            (third, "10.0.2.1", "2001:db8:2::1"),
        ] {
            kernel.add_address(&Address::new(link, ip(four), 24))?;
            let six = Address { flags: address_flags::NODAD, ..Address::new(link, ip(six), 64) };
            kernel.add_address(&six)?;
        }
        for words in [
            "default via 10.0.0.254 dev eth0 metric 100 mtu lock 1400 advmss 1300 initcwnd 12",
            "198.51.100.0/24 via 192.0.2.77 dev eth0 onlink table 100 proto static",
            "203.0.113.0/24 nexthop via 10.0.0.7 dev eth0 weight 3 nexthop via 10.0.2.7 dev eth2",
            "192.0.2.0/24 dev eth0 src 10.0.0.1 scope link tos 0x10 realms 5",
            "198.18.0.0/15 via inet6 2001:db8::99 dev eth0",
            "unreachable 100.64.0.0/10 metric 7",
            "-6 default via 2001:db8::fe dev eth0 metric 1024 pref high expires 1000",
            "-6 2001:db8:aa::/48 via 2001:db8::7 dev eth0 hoplimit 33 proto static table 100",
            "-6 2001:db8:bb::/48 from 2001:db8::/64 dev eth0 metric 3",
        ] {
            let (family, rest) =
                words.split_once(' ').filter(|(first, _)| *first == "-6").unwrap_or(("-4", words));
            let status = std::process::Command::new(&program)
                .args([family, "route", "add"])
                .args(rest.split(' '))
                .status()?;
            assert!(status.success(), "ip route add {words}");
        }
        let configured = |kernel: &mut Rtnetlink, link: u32| -> Vec<Route> {
            [Family::Inet, Family::Inet6]
                .into_iter()
                .flat_map(|family| kernel.routes(family, Some(link)).unwrap())
                .filter(|route| route.protocol != route_numbers::PROTOCOL_KERNEL)
                .collect()
        };
        let listing = || {
            let output = |family: &str| {
                let arguments = [family, "route", "show", "table", "all"];
                let output = std::process::Command::new(&program).args(arguments).output().unwrap();
                let mut lines: Vec<String> = String::from_utf8(output.stdout)
                    .unwrap()
                    .lines()
                    // Those come when the kernel has found them unique.
                    .filter(|line| !line.starts_with("local fe80::"))
                    // Seconds pass.
                    .map(|line| line.split(" expires ").next().unwrap().to_owned())
                    .collect();
                lines.sort();
                lines
            };
            [output("-4"), output("-6")]
        };
        let before = listing();
        let routes = configured(&mut kernel, eth0);
        assert_eq!(routes.len(), 8, "{routes:?}");

        // A route by way of an on-link gateway needs that gateway's network on the new device too.
        kernel.add_address(&Address {
            flags: address_flags::NODAD,
            ..Address::new(bridge, ip("10.0.0.2"), 24)
        })?;
        kernel.add_address(&Address {
            flags: address_flags::NODAD,
            ..Address::new(bridge, ip("2001:db8::2"), 64)
        })?;
        for route in &routes {
            kernel.replace_route(&route.moved(eth0, bridge))?;
        }
        assert_eq!(configured(&mut kernel, eth0), []);
        assert_eq!(configured(&mut kernel, bridge).len(), 8);
        for route in &configured(&mut kernel, bridge) {
            kernel.replace_route(&route.moved(bridge, eth0))?;
        }
        kernel.remove_address(&Address::new(bridge, ip("10.0.0.2"), 24))?;
        kernel.remove_address(&Address::new(bridge, ip("2001:db8::2"), 64))?;
        assert_eq!(listing(), before);
        Ok(())
    })?
}

#[test]
fn neighbours_are_set_and_forgotten() -> Outcome {
    let Some(namespace) = testkit::namespace() else {
        return Ok(());
    };
    namespace.run(|| {
        let mut kernel = Rtnetlink::open()?;
        let link = device(&mut kernel, "eth0");
        for address in ["10.0.0.7", "2001:db8::7"] {
            let neighbour = Neighbour {
                link,
                address: ip(address),
                mac: Some("00:16:3e:00:00:07".parse()?),
                state: neighbour_state::STALE,
                flags: 0,
            };
            kernel.set_neighbour(&neighbour)?;
            assert!(kernel.neighbours(link)?.contains(&neighbour));
            kernel.remove_neighbour(&neighbour)?;
            assert!(
                !kernel
                    .neighbours(link)?
                    .iter()
                    .any(|entry| entry.address == ip(address) && entry.is_valid())
            );
        }
        Ok(())
    })?
}

#[test]
fn a_forwarding_entry_stays_with_its_port() -> Outcome {
    let Some(namespace) = testkit::namespace() else {
        return Ok(());
    };
    namespace.run(|| {
        let mut kernel = Rtnetlink::open()?;
        let bridge = device(&mut kernel, "xenbr0");
        let peer = LinkName::new("peer")?;
        let kind = LinkKind::Veth {
            peer,
            peer_index: None,
            peer_change: LinkChange::default(),
            peer_namespace: None,
        };
        let port = LinkName::new("vif1.0")?;
        kernel.create_link(&port, &kind, &LinkChange::default())?;
        let port = index_of(&port).unwrap();
        kernel
            .change_link(port, &LinkChange { master: Some(Master::Link(bridge)), ..LinkChange::default() })?;

        let mac = "00:16:3e:27:95:c0".parse()?;
        kernel.add_forwarding_entry(port, mac, None)?;
        let ours = |kernel: &mut Rtnetlink| {
            kernel.forwarding_entries(bridge).unwrap().into_iter().find(|entry| entry.mac == mac)
        };
        let entry = ours(&mut kernel).unwrap();
        assert_eq!((entry.port, entry.state), (port, neighbour_state::NOARP));
        kernel.remove_forwarding_entry(port, mac, None)?;
        assert_eq!(ours(&mut kernel), None);

        kernel.add_forwarding_entry(port, mac, None)?;
        kernel.change_link(port, &LinkChange { master: Some(Master::Nobody), ..LinkChange::default() })?;
        assert_eq!(ours(&mut kernel), None);
        Ok(())
    })?
}
