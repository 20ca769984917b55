//! Our bytes, read by a decoder that others wrote.

use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::AddressAttribute;
use netlink_packet_route::link::{InfoData, InfoKind, LinkAttribute, LinkFlags, LinkInfo};
use netlink_packet_route::neighbour::NeighbourAttribute;
use netlink_packet_route::route::{RouteAddress, RouteAttribute};

use crate::address::{Address, Lifetime, address_flags};
use crate::link::{BridgeOptions, LinkChange, LinkKind, LinkName, Master};
use crate::netlink::{Message, flags};
use crate::route::Route;

fn decode(message: &Message) -> RouteNetlinkMessage {
    let decoded = NetlinkMessage::<RouteNetlinkMessage>::deserialize(message.bytes()).unwrap();
    match decoded.payload {
        NetlinkPayload::InnerMessage(inner) => inner,
        other => panic!("{other:?}"),
    }
}

#[test]
fn link_changes() {
    let change = LinkChange {
        name: Some(LinkName::new("http").unwrap()),
        mtu: Some(1400),
        master: Some(Master::Link(9)),
        up: Some(true),
        ..LinkChange::default()
    };
    let RouteNetlinkMessage::SetLink(link) = decode(&crate::link::change_message(3, &change)) else {
        panic!()
    };
    assert_eq!(link.header.index, 3);
    assert_eq!((link.header.flags, link.header.change_mask), (LinkFlags::Up, LinkFlags::Up));
    assert_eq!(
        link.attributes,
        [LinkAttribute::IfName("http".into()), LinkAttribute::Mtu(1400), LinkAttribute::Controller(9)]
    );
}

#[test]
fn bridges() {
    let kind = LinkKind::Bridge(BridgeOptions {
        stp: Some(false),
        forward_delay: Some(0),
        ..BridgeOptions::default()
    });
    let mut message = Message::new(libc::RTM_NEWLINK, flags::CREATE);
    message.header(&[0; 16]);
    kind.write(&mut message);
    let RouteNetlinkMessage::NewLink(link) = decode(&message) else { panic!() };
    let [LinkAttribute::LinkInfo(info)] = &link.attributes[..] else { panic!("{link:?}") };
    assert_eq!(info[0], LinkInfo::Kind(InfoKind::Bridge));
    let LinkInfo::Data(InfoData::Bridge(options)) = &info[1] else { panic!("{info:?}") };
    let text = format!("{options:?}");
    assert!(text.contains("ForwardDelay(0)") && text.contains("StpState"), "{text}");
}

#[test]
fn addresses() {
    let mut address = Address::new(4, "2001:db8::5".parse().unwrap(), 64);
    address.flags = address_flags::NODAD | address_flags::PERMANENT;
    address.lifetime = Some(Lifetime { preferred: 100, valid: 200 });
    let mut message = Message::new(libc::RTM_NEWADDR, 0);
    address.write(&mut message);
    let RouteNetlinkMessage::NewAddress(decoded) = decode(&message) else { panic!() };
    assert_eq!((decoded.header.index, decoded.header.prefix_len), (4, 64));
    assert!(decoded.attributes.contains(&AddressAttribute::Address("2001:db8::5".parse().unwrap())));
    let info = decoded.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::CacheInfo(info) => Some((info.ifa_preferred, info.ifa_valid)),
        _ => None,
    });
    assert_eq!(info, Some((100, 200)));
    // What only the kernel can know is not asked for.
    assert!(
        decoded.attributes.iter().any(|attribute| matches!(
            attribute,
            AddressAttribute::Flags(flags) if flags.bits() == address_flags::NODAD
        )),
        "{decoded:?}"
    );
}

#[test]
fn routes() {
    let route = Route::to("10.1.0.0".parse().unwrap(), 16).via("10.0.0.254".parse().unwrap()).through(2);
    let mut message = Message::new(libc::RTM_NEWROUTE, 0);
    route.with_metric(100).write(&mut message);
    let RouteNetlinkMessage::NewRoute(decoded) = decode(&message) else { panic!() };
    assert_eq!(decoded.header.destination_prefix_length, 16);
    for wanted in [
        RouteAttribute::Destination(RouteAddress::Inet("10.1.0.0".parse().unwrap())),
        RouteAttribute::Gateway(RouteAddress::Inet("10.0.0.254".parse().unwrap())),
        RouteAttribute::Oif(2),
        RouteAttribute::Priority(100),
        RouteAttribute::Table(254),
    ] {
        assert!(decoded.attributes.contains(&wanted), "{wanted:?} in {decoded:?}");
    }
}

#[test]
fn forwarding_entries() {
    let message = crate::neighbour::forwarding_message(
        libc::RTM_NEWNEIGH,
        crate::neighbour::neighbour_state::NOARP,
        7,
        "00:16:3e:00:00:01".parse().unwrap(),
        Some(5),
    );
    let RouteNetlinkMessage::NewNeighbour(decoded) = decode(&message) else { panic!() };
    assert_eq!(decoded.header.ifindex, 7);
    let text = format!("{:?}", decoded.header);
    assert!(text.contains("Bridge") && text.contains("Noarp"), "{text}");
    assert!(decoded.attributes.contains(&NeighbourAttribute::LinkLayerAddress(vec![0, 0x16, 0x3e, 0, 0, 1])));
    assert!(decoded.attributes.contains(&NeighbourAttribute::Vlan(5)));
}
