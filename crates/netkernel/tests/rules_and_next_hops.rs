//! Routing rules, next hop objects and proxied neighbours, moved in namespaces of their own.
#![allow(clippy::unwrap_used, reason = "panicking is how a test fails")]

use std::error::Error;
use std::path::Path;
use std::process::Command;

use netkernel::Rtnetlink;
use netkernel::link::{BridgeOptions, LinkChange, LinkKind, LinkName, index_of};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

fn name(text: &str) -> LinkName {
    LinkName::new(text).unwrap()
}

fn device(kernel: &mut Rtnetlink, text: &str) -> u32 {
    let up = LinkChange { up: Some(true), ..LinkChange::default() };
    kernel.create_link(&name(text), &LinkKind::Bridge(BridgeOptions::default()), &up).unwrap();
    index_of(&name(text)).unwrap()
}

fn ip(program: &Path, words: &str) -> String {
    let output = Command::new(program).args(words.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_rule_follows_its_device_and_comes_back_as_it_was() -> Outcome {
    let Some(namespace) = testkit::namespace() else { return Ok(()) };
    let Some(program) = testkit::program("ip") else { return Ok(()) };
    namespace.run(|| {
        let mut kernel = Rtnetlink::open()?;
        device(&mut kernel, "eth0");
        device(&mut kernel, "xenbr0");
        ip(&program, "rule add iif eth0 to 10.9.0.0/16 fwmark 0x7/0xff tos 0x10 lookup 100 pref 77");
        ip(&program, "-6 rule add not oif eth0 from 2001:db8::/32 lookup 2000 pref 78");
        let listing = || ip(&program, "rule") + &ip(&program, "-6 rule");
        let before = listing();
        let ours: Vec<_> = kernel.rules()?.into_iter().filter(|rule| rule.names(&name("eth0"))).collect();
        assert_eq!(ours.iter().map(netkernel::rule::Rule::priority).collect::<Vec<_>>(), [77, 78]);

        for rule in &ours {
            kernel.add_rule(&rule.moved(&name("eth0"), &name("xenbr0")))?;
            kernel.remove_rule(rule)?;
        }
        assert_eq!(listing(), before.replace("eth0", "xenbr0"));
        for rule in &ours {
            kernel.add_rule(rule)?;
            kernel.add_rule(rule)?;
            kernel.remove_rule(&rule.moved(&name("eth0"), &name("xenbr0")))?;
        }
        assert_eq!(listing(), before);
        Ok(())
    })?
}

#[test]
fn a_next_hop_object_takes_its_routes_along() -> Outcome {
    let Some(namespace) = testkit::namespace() else { return Ok(()) };
    let Some(program) = testkit::program("ip") else { return Ok(()) };
    namespace.run(|| {
        let mut kernel = Rtnetlink::open()?;
        let (eth0, bridge) = (device(&mut kernel, "eth0"), device(&mut kernel, "xenbr0"));
        ip(&program, "addr add 10.0.0.1/24 dev eth0");
        ip(&program, "addr add 10.0.0.1/24 dev xenbr0");
        ip(&program, "nexthop add id 5 via 10.0.0.254 dev eth0");
        ip(&program, "route add 10.8.0.0/16 nhid 5");
        let route = |kernel: &mut Rtnetlink, link| {
            let routes = kernel.routes(netkernel::Family::Inet, Some(link)).unwrap();
            routes.into_iter().find(|route| route.next_hop_object() == Some(5))
        };
        assert!(route(&mut kernel, eth0).is_some());
        let objects = kernel.next_hop_objects(eth0)?;
        assert_eq!(objects.iter().map(netkernel::next_hop::NextHopObject::id).collect::<Vec<_>>(), [5]);
        kernel.set_next_hop_object(&objects[0].through(bridge))?;
        assert!(route(&mut kernel, eth0).is_none() && route(&mut kernel, bridge).is_some());
        kernel.set_next_hop_object(&objects[0])?;
        assert_eq!(kernel.next_hop_objects(eth0)?, objects);
        Ok(())
    })?
}

#[test]
fn addresses_that_are_answered_for_are_told_from_neighbours() -> Outcome {
    let Some(namespace) = testkit::namespace() else { return Ok(()) };
    let Some(program) = testkit::program("ip") else { return Ok(()) };
    namespace.run(|| {
        let mut kernel = Rtnetlink::open()?;
        let link = device(&mut kernel, "eth0");
        ip(&program, "neigh add proxy 10.0.0.9 dev eth0");
        ip(&program, "-6 neigh add proxy 2001:db8::9 dev eth0");
        ip(&program, "neigh add 10.0.0.8 lladdr 00:16:3e:00:00:08 dev eth0");
        let addresses = |neighbours: Vec<netkernel::neighbour::Neighbour>| -> Vec<String> {
            neighbours
                .into_iter()
                .map(|neighbour| neighbour.address.to_string())
                // Groups are neighbours too.
                .filter(|address| !address.starts_with("ff02") && !address.starts_with("224"))
                .collect()
        };
        let proxied = kernel.proxied_neighbours(link)?;
        assert_eq!(addresses(proxied.clone()), ["10.0.0.9", "2001:db8::9"]);
        assert_eq!(addresses(kernel.neighbours(link)?), ["10.0.0.8"]);
        for neighbour in &proxied {
            kernel.remove_neighbour(neighbour)?;
        }
        assert_eq!(kernel.proxied_neighbours(link)?, []);
        for neighbour in &proxied {
            kernel.set_neighbour(neighbour)?;
        }
        assert_eq!(kernel.proxied_neighbours(link)?, proxied);
        Ok(())
    })?
}
