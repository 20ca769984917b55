//! Network devices, read and changed in namespaces of their own.
#![allow(clippy::unwrap_used, reason = "panicking is how a test fails")]

use std::error::Error;

use ethernet::MacAddress;
use netkernel::Rtnetlink;
use netkernel::link::{
    AddressGeneration, BridgeOptions, LinkChange, LinkKind, LinkName, Master, PortOptions, PortVlan, index_of,
};
use netkernel::namespace::Namespace;
use netkernel::packet::PacketSocket;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

fn name(text: &str) -> LinkName {
    LinkName::new(text).unwrap()
}

fn bridge(kernel: &mut Rtnetlink, text: &str, options: BridgeOptions) -> u32 {
    kernel.create_link(&name(text), &LinkKind::Bridge(options), &LinkChange::default()).unwrap();
    index_of(&name(text)).unwrap()
}

fn veth(kernel: &mut Rtnetlink, one: &str, other: &str, elsewhere: Option<&Namespace>) -> u32 {
    use std::os::fd::AsFd;
    let kind = LinkKind::Veth {
        peer: name(other),
        peer_index: None,
        peer_change: LinkChange::default(),
        peer_namespace: elsewhere.map(AsFd::as_fd),
    };
    kernel.create_link(&name(one), &kind, &LinkChange::default()).unwrap();
    index_of(&name(one)).unwrap()
}

#[test]
fn a_bridge_is_made_with_its_options_and_deleted() -> Outcome {
    let Some(namespace) = testkit::namespace() else {
        return Ok(());
    };
    namespace.run(|| {
        let mut kernel = Rtnetlink::open()?;
        let options = BridgeOptions {
            stp: Some(true),
            forward_delay: Some(400),
            ageing_time: Some(1000),
            multicast_snooping: Some(false),
            ..BridgeOptions::default()
        };
        let index = bridge(&mut kernel, "xenbr0", options);
        let link = kernel.link_at(index)?.unwrap();
        assert!(link.is_bridge());
        let read = link.bridge.unwrap();
        assert_eq!((read.stp, read.forward_delay), (Some(true), Some(400)));
        assert_eq!((read.ageing_time, read.multicast_snooping), (Some(1000), Some(false)));

        kernel.change_bridge(index, &BridgeOptions { stp: Some(false), ..BridgeOptions::default() })?;
        let changed = kernel.link_at(index)?.unwrap().bridge.unwrap();
        assert_eq!((changed.stp, changed.ageing_time), (Some(false), Some(1000)));

        kernel.delete_link(index)?;
        assert_eq!(kernel.link(&name("xenbr0"))?, None);
        Ok(())
    })?
}

#[test]
fn a_link_can_be_made_with_an_index_that_is_free() -> Outcome {
    let Some(namespace) = testkit::namespace() else { return Ok(()) };
    namespace.run(|| {
        let mut kernel = Rtnetlink::open()?;
        let kind = LinkKind::Bridge(BridgeOptions::default());
        kernel.create_link_at(Some(77), &name("xenbr0"), &kind, &LinkChange::default())?;
        assert_eq!(kernel.link_at(77)?.unwrap().name, "xenbr0");
        let taken = kernel.create_link_at(Some(77), &name("xenbr1"), &kind, &LinkChange::default());
        assert!(taken.is_err());
        assert_eq!(kernel.link_at(77)?.unwrap().name, "xenbr0");
        Ok(())
    })?
}

#[test]
fn a_bridge_can_tell_vlans_apart() -> Outcome {
    let Some(namespace) = testkit::namespace() else {
        return Ok(());
    };
    namespace.run(|| {
        let mut kernel = Rtnetlink::open()?;
        let options =
            BridgeOptions { vlan_filtering: Some(true), default_pvid: Some(7), ..BridgeOptions::default() };
        match kernel.create_link(&name("xenbr0"), &LinkKind::Bridge(options), &LinkChange::default()) {
            Err(error) if error.code() == Some(libc::EOPNOTSUPP) => {
                testkit::skip!("this kernel's bridges cannot filter VLANs ({error})");
                return Ok(());
            }
            result => result?,
        }
        let read = kernel.link(&name("xenbr0"))?.unwrap().bridge.unwrap();
        assert_eq!((read.vlan_filtering, read.default_pvid), (Some(true), Some(7)));
        Ok(())
    })?
}

#[test]
fn a_link_is_renamed_enslaved_and_released() -> Outcome {
    let Some(namespace) = testkit::namespace() else {
        return Ok(());
    };
    namespace.run(|| {
        let mut kernel = Rtnetlink::open()?;
        let master = bridge(&mut kernel, "xenbr0", BridgeOptions::default());
        let port = veth(&mut kernel, "vif1.0", "peer", None);
        let mac: MacAddress = "fe:ff:ff:ff:ff:ff".parse()?;
        kernel.change_link(
            port,
            &LinkChange {
                name: Some(name("http")),
                mac: Some(mac),
                mtu: Some(1400),
                address_generation: Some(AddressGeneration::None),
                alias: Some("the web server's".into()),
                ..LinkChange::default()
            },
        )?;
        let joined =
            LinkChange { master: Some(Master::Link(master)), up: Some(true), ..LinkChange::default() };
        kernel.change_link(port, &joined)?;

        let link = kernel.link(&name("http"))?.unwrap();
        assert_eq!((link.index, link.mac, link.mtu, link.master), (port, Some(mac), 1400, Some(master)));
        assert_eq!(link.address_generation, Some(AddressGeneration::None));
        assert_eq!(link.alias.as_deref(), Some("the web server's"));
        assert_eq!(link.port_kind.as_deref(), Some("bridge"));
        assert!(link.is_up());
        assert_eq!(kernel.ports_of(master)?.iter().map(|port| &port.name[..]).collect::<Vec<_>>(), ["http"]);

        kernel.change_link(port, &LinkChange { master: Some(Master::Nobody), ..LinkChange::default() })?;
        assert_eq!(kernel.link_at(port)?.unwrap().master, None);
        assert_eq!(kernel.ports_of(master)?, []);
        Ok(())
    })?
}

#[test]
fn port_options_are_set_one_by_one() -> Outcome {
    let Some(namespace) = testkit::namespace() else {
        return Ok(());
    };
    namespace.run(|| {
        let mut kernel = Rtnetlink::open()?;
        let master = bridge(&mut kernel, "xenbr0", BridgeOptions::default());
        let port = veth(&mut kernel, "vif1.0", "peer", None);
        kernel
            .change_link(port, &LinkChange { master: Some(Master::Link(master)), ..LinkChange::default() })?;
        let wanted = PortOptions {
            learning: Some(false),
            locked: Some(true),
            isolated: Some(true),
            ..PortOptions::default()
        };
        kernel.change_port(port, &wanted)?;
        let read = kernel.link_at(port)?.unwrap().port.unwrap();
        assert_eq!((read.learning, read.locked, read.isolated), (Some(false), Some(true), Some(true)));
        assert_eq!((read.hairpin, read.unicast_flood), (Some(false), Some(true)));
        Ok(())
    })?
}

#[test]
fn a_veth_reaches_into_another_namespace() -> Outcome {
    let Some(host) = testkit::namespace() else {
        return Ok(());
    };
    let Some(guest) = testkit::namespace() else {
        return Ok(());
    };
    host.run(|| {
        let mut kernel = Rtnetlink::open().unwrap();
        let vif = veth(&mut kernel, "vif1.0", "eth0", Some(&guest));
        assert!(kernel.link_at(vif).unwrap().unwrap().lower_is_elsewhere);
        assert_eq!(index_of(&name("eth0")), None);
    })?;
    assert!(guest.run(|| index_of(&name("eth0")))?.is_some());
    Ok(())
}

#[test]
fn links_are_listed_by_kind() -> Outcome {
    let Some(namespace) = testkit::namespace() else {
        return Ok(());
    };
    namespace.run(|| {
        let mut kernel = Rtnetlink::open()?;
        bridge(&mut kernel, "xenbr0", BridgeOptions::default());
        bridge(&mut kernel, "xenbr1", BridgeOptions::default());
        veth(&mut kernel, "vif1.0", "peer", None);
        let names = |links: Vec<netkernel::link::Link>| -> Vec<String> {
            links.into_iter().map(|link| link.name).collect()
        };
        assert_eq!(names(kernel.links_of_kind("bridge")?), ["xenbr0", "xenbr1"]);
        assert_eq!(names(kernel.links()?).len(), 5);
        Ok(())
    })?
}

#[test]
fn more_links_than_fit_one_answer_are_all_listed() -> Outcome {
    let Some(namespace) = testkit::namespace() else {
        return Ok(());
    };
    namespace.run(|| {
        let mut kernel = Rtnetlink::open()?;
        for number in 0..60 {
            bridge(&mut kernel, &format!("br{number}"), BridgeOptions::default());
        }
        assert_eq!(kernel.links_of_kind("bridge")?.len(), 60);
        Ok(())
    })?
}

#[test]
fn a_refusal_says_what_was_tried_and_why() -> Outcome {
    let Some(namespace) = testkit::namespace() else {
        return Ok(());
    };
    namespace.run(|| {
        let mut kernel = Rtnetlink::open()?;
        let port = veth(&mut kernel, "vif1.0", "peer", None);
        let other = veth(&mut kernel, "vif2.0", "peer2", None);
        let change = LinkChange { master: Some(Master::Link(other)), ..LinkChange::default() };
        let error = kernel.change_link(port, &change).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&format!("cannot set master number {other}")), "{text}");
        assert_eq!(error.code(), Some(libc::EOPNOTSUPP));

        let too_large = kernel
            .change_link(port, &LinkChange { mtu: Some(70_000), ..LinkChange::default() })
            .unwrap_err()
            .to_string();
        // The kernel's own sentence is passed on.
        assert!(too_large.contains("mtu greater than device maximum"), "{too_large}");

        let twice = kernel
            .create_link(&name("vif1.0"), &LinkKind::Bridge(BridgeOptions::default()), &LinkChange::default())
            .unwrap_err();
        assert!(twice.is_exists(), "{twice}");
        Ok(())
    })?
}

#[test]
fn a_port_is_in_the_vlans_that_it_was_given() -> Outcome {
    let Some(bridge_program) = testkit::program("bridge") else { return Ok(()) };
    let Some(namespace) = testkit::namespace() else { return Ok(()) };
    let vlans = namespace.run(|| -> Result<Option<String>, Box<dyn Error + Send + Sync>> {
        let mut kernel = Rtnetlink::open()?;
        let options = BridgeOptions { vlan_filtering: Some(true), ..BridgeOptions::default() };
        let kind = LinkKind::Bridge(options);
        if let Err(error) = kernel.create_link(&name("xenbr0"), &kind, &LinkChange::default()) {
            testkit::skip!("this kernel's bridges cannot filter VLANs ({error})");
            return Ok(None);
        }
        let bridge = index_of(&name("xenbr0")).unwrap();
        let port = veth(&mut kernel, "vif1.0", "peer", None);
        let join = LinkChange { master: Some(Master::Link(bridge)), ..LinkChange::default() };
        kernel.change_link(port, &join)?;
        let vlan = |id, is_own| PortVlan { id, pvid: is_own, untagged: is_own };
        kernel.remove_port_vlans(port, &[vlan(1, true)])?;
        kernel.add_port_vlans(port, &[vlan(10, true), vlan(100, false)])?;
        let output = std::process::Command::new(bridge_program)
            .args(["-json", "vlan", "show", "dev", "vif1.0"])
            .output()?;
        Ok(Some(String::from_utf8(output.stdout)?))
    })??;
    let Some(vlans) = vlans else { return Ok(()) };
    let expected = r#"[{"vlan":10,"flags":["PVID","Egress Untagged"]},{"vlan":100}]"#;
    assert!(vlans.contains(expected), "{vlans}");
    Ok(())
}

#[test]
fn what_passes_is_counted_at_both_ends() -> Outcome {
    let Some(namespace) = testkit::namespace() else { return Ok(()) };
    namespace.run(|| {
        let mut kernel = Rtnetlink::open()?;
        let near = veth(&mut kernel, "vif1.0", "peer", None);
        let far = index_of(&name("peer")).unwrap();
        // In this order the sender has a carrier at once.
        for index in [far, near] {
            kernel.change_link(index, &LinkChange { up: Some(true), ..LinkChange::default() })?;
        }
        let mut counted = |index| kernel.link_at(index).map(|link| link.unwrap().statistics);
        let before = (counted(near)?, counted(far)?);
        let socket = PacketSocket::open(&name("vif1.0"))?;
        let frame = [0xff; 100];
        (0..3).try_for_each(|_| socket.send(&frame))?;

        // The kernel sends of itself on a new device, too.
        let after = (counted(near)?, counted(far)?);
        assert!(after.0.sent_packets >= before.0.sent_packets + 3, "{after:?}");
        assert!(after.0.sent_bytes >= before.0.sent_bytes + 300, "{after:?}");
        assert!(after.1.received_packets >= before.1.received_packets + 3, "{after:?}");
        assert!(after.1.received_bytes >= before.1.received_bytes + 300, "{after:?}");
        Ok(())
    })?
}
