//! Packet filter rules: accepted by the kernel, shown by `nft` as they were meant, and at work on packets.
#![allow(clippy::unwrap_used, reason = "panicking is how a test fails")]

use std::error::Error;
use std::os::fd::AsFd;
use std::process::Command;
use std::time::Duration;

use netkernel::link::{LinkChange, LinkKind, LinkName, index_of};
use netkernel::namespace::Namespace;
use netkernel::nftables::{
    Batch, Element, Field, Hook, KeyKind, Match, NfTables, Policy, Rule, Statement, Table, TableFamily,
    Target, Test, Verdict, link_name, tracking_status,
};
use netkernel::packet::PacketSocket;
use netkernel::{Family, Rtnetlink};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// An ethertype for experiments (IEEE 802).
const ETHERTYPE: [u8; 2] = [0x88, 0xb5];

const TABLE: Table<'static> = Table { family: TableFamily::Netdev, name: "test" };

fn name(text: &str) -> LinkName {
    LinkName::new(text).unwrap()
}

/// A host with a device `vif1.0`, and a guest whose `eth0` is its other end; both up.
fn pair() -> Option<(Namespace, Namespace)> {
    let (host, guest) = (testkit::namespace()?, testkit::namespace()?);
    let raise = |text: &str| {
        let mut kernel = Rtnetlink::open().unwrap();
        let up = LinkChange { up: Some(true), ..LinkChange::default() };
        kernel.change_link(index_of(&name(text)).unwrap(), &up).unwrap();
    };
    host.run(|| {
        let kind = LinkKind::Veth {
            peer: name("eth0"),
            peer_index: None,
            peer_change: LinkChange::default(),
            peer_namespace: Some(guest.as_fd()),
        };
        Rtnetlink::open().unwrap().create_link(&name("vif1.0"), &kind, &LinkChange::default()).unwrap();
        raise("vif1.0");
    })
    .unwrap();
    guest.run(|| raise("eth0")).unwrap();
    Some((host, guest))
}

fn ingress_chain(batch: &mut Batch, policy: Policy) {
    batch.add_table(TABLE);
    let devices = [name("vif1.0")];
    batch.add_base_chain(
        TABLE,
        "ingress",
        &Hook { kind: "filter", number: 0, priority: -500, policy, devices: &devices },
    );
}

fn rule(matches: Vec<Match>, statements: Vec<Statement>) -> Rule {
    Rule { matches, statements, comment: None }
}

/// Only the test's own frames, and not what an IPv6 host says by itself.
fn ours() -> Match {
    Match::is(Field::link(12, 2), ETHERTYPE)
}

fn frame(source_last: u8, payload_first: u8) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend([0, 0x16, 0x3e, 0, 0, source_last]);
    frame.extend(ETHERTYPE);
    frame.push(payload_first);
    frame.resize(60, 0);
    frame
}

/// How many frames of ours the other end sees, of those that `guest` sends.
fn delivered(host: &Namespace, guest: &Namespace, frames: &[Vec<u8>]) -> usize {
    let mut receiver = host.run(|| PacketSocket::open(&name("vif1.0"))).unwrap().unwrap();
    guest
        .run(|| {
            let sender = PacketSocket::open(&name("eth0")).unwrap();
            for frame in frames {
                sender.send(frame).unwrap();
            }
        })
        .unwrap();
    let mut count = 0;
    while let Some(frame) = receiver.receive(Duration::from_millis(20)).unwrap() {
        count += usize::from(frame.get(12..14) == Some(&ETHERTYPE));
    }
    count
}

#[test]
fn rules_decide_over_frames_and_count_them() -> Outcome {
    let Some((host, guest)) = pair() else {
        return Ok(());
    };
    host.run(|| -> Outcome {
        let mut batch = Batch::new();
        ingress_chain(&mut batch, Policy::Accept);
        let foreign = rule(
            vec![ours(), Match::is_not(Field::link(6, 6), [0, 0x16, 0x3e, 0, 0, 1])],
            vec![Statement::Count, Statement::Verdict(Verdict::Drop)],
        );
        batch.add_rule(TABLE, "ingress", &Rule { comment: Some("mac".into()), ..foreign });
        let mut filter = NfTables::open()?;
        filter.commit(&batch)?;
        // An AF_PACKET socket sees frames before the ingress hook: only the counter tells.
        assert_eq!(delivered(&host, &guest, &[frame(1, 0), frame(2, 0), frame(3, 0)]), 3);
        let rules = filter.rules(TABLE, Some("ingress"))?;
        assert_eq!(rules[0].comment.as_deref(), Some("mac"));
        assert_eq!(rules[0].counted.map(|(packets, _)| packets), Some(2));
        Ok(())
    })?
}

/// Each kind of test in front of a counter, and how many of the frames with payload 1, 5, 9 and 13 it lets through.
#[test]
fn every_kind_of_test_means_what_it_says() -> Outcome {
    let Some((host, guest)) = pair() else {
        return Ok(());
    };
    let field = Field::link(14, 1);
    let test = |test| Match { field, mask: None, test };
    let cases = [
        (test(Test::Is(vec![5])), 1),
        (test(Test::IsNot(vec![5])), 3),
        (test(Test::Within(vec![5], vec![9])), 2),
        (test(Test::Outside(vec![5], vec![9])), 2),
        (test(Test::OneOf(KeyKind::Number(1), [1, 5, 9].map(|it| Element::one([it])).to_vec())), 3),
        (test(Test::NoneOf(KeyKind::Number(1), [1, 5, 9].map(|it| Element::one([it])).to_vec())), 1),
        (Match { field, mask: Some(vec![4]), test: Test::Is(vec![4]) }, 2),
    ];
    host.run(|| -> Outcome {
        let mut batch = Batch::new();
        ingress_chain(&mut batch, Policy::Accept);
        for (test, _) in &cases {
            batch.add_rule(TABLE, "ingress", &rule(vec![ours(), test.clone()], vec![Statement::Count]));
        }
        let mut filter = NfTables::open()?;
        filter.commit(&batch)?;
        delivered(&host, &guest, &[frame(1, 1), frame(1, 5), frame(1, 9), frame(1, 13)]);
        let counted: Vec<_> = filter.rules(TABLE, None)?.iter().map(|rule| rule.counted.unwrap().0).collect();
        assert_eq!(counted, cases.map(|(_, expected)| expected));
        Ok(())
    })?
}

#[test]
fn sets_hold_values_and_intervals() -> Outcome {
    let Some((host, guest)) = pair() else {
        return Ok(());
    };
    let address = |last: u8| {
        let mut frame = frame(1, 0);
        frame[14..18].copy_from_slice(&[10, 0, 0, last]);
        frame
    };
    host.run(|| -> Outcome {
        let mut batch = Batch::new();
        ingress_chain(&mut batch, Policy::Accept);
        batch.add_set(TABLE, "some", KeyKind::Ipv4, true);
        let elements = [
            Element::addresses("10.0.0.8".parse()?, "10.0.0.15".parse()?),
            Element::addresses("10.0.0.255".parse()?, "10.0.0.255".parse()?),
            Element::addresses("255.255.255.255".parse()?, "255.255.255.255".parse()?),
        ];
        batch.add_elements(TABLE, "some", &elements);
        let looked_up = Match::is_in(Field::link(14, 4), "some");
        batch.add_rule(TABLE, "ingress", &rule(vec![ours(), looked_up], vec![Statement::Count]));
        // The same elements, and some others, as sets of the rule's own.
        let one_of = |list: &[Element]| Match {
            field: Field::link(14, 4),
            mask: None,
            test: Test::OneOf(KeyKind::Ipv4, list.to_vec()),
        };
        let others = [Element::one([10, 0, 0, 7]), Element::one([10, 0, 0, 8])];
        let both = vec![ours(), one_of(&elements), one_of(&others)];
        batch.add_rule(TABLE, "ingress", &rule(vec![ours(), one_of(&elements)], vec![Statement::Count]));
        batch.add_rule(TABLE, "ingress", &rule(both, vec![Statement::Count]));
        let mut filter = NfTables::open()?;
        filter.commit(&batch)?;
        delivered(&host, &guest, &[7, 8, 12, 15, 16, 254, 255].map(address));
        let counted: Vec<_> = filter.rules(TABLE, None)?.iter().map(|rule| rule.counted.unwrap().0).collect();
        assert_eq!(counted, [4, 4, 1]);
        Ok(())
    })?
}

#[test]
fn packets_are_counted_by_what_they_are() -> Outcome {
    let Some((host, guest)) = pair() else {
        return Ok(());
    };
    host.run(|| -> Outcome {
        let mut batch = Batch::new();
        ingress_chain(&mut batch, Policy::Accept);
        let keys = KeyKind::Joined(&[KeyKind::LinkName, KeyKind::Number(1)]);
        // Once more does no harm.
        batch.add_counting_set(TABLE, "counted", keys);
        batch.add_counting_set(TABLE, "counted", keys);
        let key = vec![Field::InputLink, Field::link(14, 1)];
        let count = Statement::CountIn { set: "counted".into(), key };
        batch.add_rule(TABLE, "ingress", &rule(vec![ours()], vec![count]));
        let mut filter = NfTables::open()?;
        filter.commit(&batch)?;
        assert_eq!(filter.elements(TABLE, "counted")?, []);
        delivered(&host, &guest, &[frame(1, 5), frame(1, 7), frame(1, 5)]);
        let key = |last: u8| [&link_name(&name("vif1.0"))[..], &[last, 0, 0, 0]].concat();
        let packets = |filter: &mut NfTables, last| -> Result<_, netkernel::netlink::Error> {
            let element = filter.element(TABLE, "counted", &key(last))?;
            Ok(element.and_then(|element| element.counted).map(|(packets, _)| packets))
        };
        assert_eq!(filter.elements(TABLE, "counted")?.len(), 2);
        assert_eq!([5, 7, 9].map(|last| packets(&mut filter, last).unwrap()), [Some(2), Some(1), None]);
        let mut batch = Batch::new();
        batch.delete_elements(TABLE, "counted", &[Element::one(key(5))]);
        filter.commit(&batch)?;
        assert_eq!(packets(&mut filter, 5)?, None);
        assert_eq!(filter.element(TABLE, "no-such-set", &key(5))?, None);
        assert_eq!(filter.elements(TABLE, "no-such-set")?, []);
        Ok(())
    })?
}

#[test]
fn elements_bear_comments_and_are_not_made_twice() -> Outcome {
    let Some((host, _guest)) = pair() else {
        return Ok(());
    };
    host.run(|| -> Outcome {
        let mut batch = Batch::new();
        batch.add_table(TABLE);
        batch.ensure_set(TABLE, "noted", KeyKind::LinkName);
        batch.ensure_set(TABLE, "noted", KeyKind::LinkName);
        let key = link_name(&name("vif1.0"));
        batch.add_commented_element(TABLE, "noted", &key, "locked");
        let mut filter = NfTables::open()?;
        filter.commit(&batch)?;
        let comment = |filter: &mut NfTables| filter.element(TABLE, "noted", &key).unwrap().unwrap().comment;
        assert_eq!(comment(&mut filter).as_deref(), Some("locked"));
        let mut batch = Batch::new();
        batch.add_commented_element(TABLE, "noted", &key, "open");
        assert!(filter.commit(&batch).unwrap_err().is_exists());
        // Another comes in its place in one step.
        let mut batch = Batch::new();
        batch.delete_elements(TABLE, "noted", &[Element::one(key)]);
        batch.add_commented_element(TABLE, "noted", &key, "open");
        filter.commit(&batch)?;
        assert_eq!(comment(&mut filter).as_deref(), Some("open"));
        assert_eq!(filter.elements(TABLE, "noted")?.len(), 1);
        Ok(())
    })?
}

#[test]
fn chains_are_reached_by_jump_and_goto() -> Outcome {
    let Some((host, guest)) = pair() else {
        return Ok(());
    };
    host.run(|| -> Outcome {
        let mut batch = Batch::new();
        ingress_chain(&mut batch, Policy::Accept);
        batch.add_chain(TABLE, "jumped", None);
        batch.add_chain(TABLE, "gone", None);
        let ours = |payload: u8| vec![ours(), Match::is(Field::link(14, 1), [payload])];
        batch.add_rule(TABLE, "jumped", &rule(vec![], vec![Statement::Count]));
        batch.add_rule(TABLE, "gone", &rule(vec![], vec![Statement::Count]));
        batch.add_rule(
            TABLE,
            "ingress",
            &rule(ours(1), vec![Statement::Verdict(Verdict::Jump("jumped".into()))]),
        );
        batch.add_rule(
            TABLE,
            "ingress",
            &rule(ours(2), vec![Statement::Verdict(Verdict::Goto("gone".into()))]),
        );
        batch.add_rule(TABLE, "ingress", &rule(ours(1), vec![Statement::Count]));
        batch.add_rule(TABLE, "ingress", &rule(ours(2), vec![Statement::Count]));
        let mut filter = NfTables::open()?;
        filter.commit(&batch)?;
        delivered(&host, &guest, &[frame(1, 1), frame(1, 2), frame(1, 2)]);
        let mut count = |chain| -> Vec<u64> {
            let rules = filter.rules(TABLE, Some(chain)).unwrap();
            rules.iter().filter_map(|rule| rule.counted).map(|(packets, _)| packets).collect()
        };
        assert_eq!((count("jumped"), count("gone"), count("ingress")), (vec![1], vec![2], vec![1, 0]));
        Ok(())
    })?
}

#[test]
fn a_chain_that_is_written_twice_has_its_rules_once() -> Outcome {
    let Some((host, _guest)) = pair() else {
        return Ok(());
    };
    host.run(|| -> Outcome {
        let mut filter = NfTables::open()?;
        for _ in 0..2 {
            let mut batch = Batch::new();
            batch.add_table(TABLE);
            batch.ensure_empty_chain(TABLE, "shared");
            batch.add_rule(TABLE, "shared", &rule(vec![ours()], vec![Statement::Count]));
            filter.commit(&batch)?;
            assert_eq!(filter.rules(TABLE, Some("shared"))?.len(), 1);
        }
        Ok(())
    })?
}

#[test]
fn nft_shows_what_was_meant() -> Outcome {
    let Some((host, _guest)) = pair() else {
        return Ok(());
    };
    let Some(nft) = testkit::program("nft") else {
        return Ok(());
    };
    host.run(|| -> Outcome {
        let mut batch = Batch::new();
        ingress_chain(&mut batch, Policy::Drop);
        batch.add_set(TABLE, "addresses", KeyKind::Ipv6, false);
        batch.add_elements(
            TABLE,
            "addresses",
            &[Element::one("2001:db8::1".parse::<std::net::Ipv6Addr>()?.octets())],
        );
        let dropped = rule(
            vec![
                Match::is(Field::link(12, 2), [0x08, 0x06]),
                Match { field: Field::TransportProtocol, mask: None, test: Test::Within(vec![6], vec![17]) },
            ],
            vec![Statement::DoNotTrack, Statement::Count, Statement::Verdict(Verdict::Drop)],
        );
        batch.add_rule(TABLE, "ingress", &Rule { comment: Some("why".into()), ..dropped });
        let keys = KeyKind::Joined(&[KeyKind::LinkName, KeyKind::Mark]);
        batch.add_counting_set(TABLE, "counted", keys);
        let count = Statement::CountIn { set: "counted".into(), key: vec![Field::InputLink, Field::Mark] };
        batch.add_rule(TABLE, "ingress", &rule(vec![], vec![count]));
        let element = [&link_name(&name("web"))[..], &7_u32.to_ne_bytes()].concat();
        batch.add_elements(TABLE, "counted", &[Element::one(element)]);
        NfTables::open()?.commit(&batch)?;
        let output = Command::new(&nft).args(["list", "ruleset"]).output()?;
        let text = String::from_utf8(output.stdout)?;
        for wanted in [
            "table netdev test",
            "type filter hook ingress device \"vif1.0\" priority -500; policy drop;",
            "@ll,96,16 0x806",
            "meta l4proto 6-17",
            "notrack counter packets 0 bytes 0 drop comment \"why\"",
            "type ipv6_addr",
            "elements = { 2001:db8::1 }",
            "type ifname . mark",
            "flags dynamic",
            "\"web\" . 0x00000007",
            "update @counted { iifname . meta mark counter }",
        ] {
            assert!(text.contains(wanted), "{wanted}\nin\n{text}");
        }
        Ok(())
    })?
}

#[test]
fn a_batch_takes_effect_whole_or_not_at_all() -> Outcome {
    let Some((host, _guest)) = pair() else {
        return Ok(());
    };
    host.run(|| -> Outcome {
        let mut filter = NfTables::open()?;
        let mut batch = Batch::new();
        batch.add_table(TABLE);
        batch.add_chain(TABLE, "one", None);
        batch.add_rule(
            TABLE,
            "one",
            &rule(vec![], vec![Statement::Verdict(Verdict::Jump("nowhere".into()))]),
        );
        batch.add_chain(TABLE, "two", None);
        let error = filter.commit(&batch).unwrap_err();
        assert!(
            error.to_string().starts_with("cannot add a rule to chain one of packet filter table test: "),
            "{error}"
        );
        assert_eq!(filter.table(TABLE)?, None);
        // The connection is still good.
        let mut batch = Batch::new();
        batch.add_table(TABLE);
        filter.commit(&batch)?;
        assert_eq!(filter.table(TABLE)?.unwrap().uses, 0);
        Ok(())
    })?
}

#[test]
fn a_stale_generation_is_refused() -> Outcome {
    let Some((host, _guest)) = pair() else {
        return Ok(());
    };
    host.run(|| -> Outcome {
        let mut filter = NfTables::open()?;
        let generation = filter.generation()?;
        let mut batch = Batch::expecting(Some(generation));
        batch.add_table(TABLE);
        filter.commit(&batch)?;
        let error = filter.commit(&batch).unwrap_err();
        assert!(error.is_stale(), "{error}");
        assert!(filter.generation()? > generation);
        Ok(())
    })?
}

#[test]
fn chains_tell_their_devices() -> Outcome {
    let Some((host, _guest)) = pair() else {
        return Ok(());
    };
    host.run(|| -> Outcome {
        let mut batch = Batch::new();
        ingress_chain(&mut batch, Policy::Accept);
        let mut filter = NfTables::open()?;
        filter.commit(&batch)?;
        assert_eq!(filter.chain(TABLE, "ingress")?.unwrap().devices, ["vif1.0"]);
        assert_eq!(filter.chain(TABLE, "other")?, None);
        let chains = filter.chains(TableFamily::Netdev)?;
        assert_eq!((&chains[0].table[..], &chains[0].name[..]), ("test", "ingress"));

        let mut batch = Batch::new();
        batch.delete_chain(TABLE, "ingress");
        batch.delete_table(TABLE);
        filter.commit(&batch)?;
        assert_eq!(filter.tables(TableFamily::Netdev)?, []);
        Ok(())
    })?
}

/// What `nft` makes of rules with maps, translation, routes and connections: the other eye on the numbers that we send.
#[test]
fn nft_reads_maps_and_translations_as_they_were_meant() -> Outcome {
    let Some(nft) = testkit::program("nft") else { return Ok(()) };
    let Some(host) = testkit::namespace() else { return Ok(()) };
    let table = Table { family: TableFamily::Inet, name: "test" };
    let text = host.run(|| -> Result<String, Box<dyn Error + Send + Sync>> {
        let mut batch = Batch::new();
        batch.add_table(table);
        let hook = Hook { kind: "nat", number: 0, priority: -100, policy: Policy::Accept, devices: &[] };
        batch.add_base_chain(table, "in", &hook);
        batch.add_base_chain(table, "out", &Hook { number: 4, priority: 100, ..hook });
        let port = |port: u16| port.to_be_bytes().to_vec();
        let range = |from, to| Element { first: port(from), last: Some(port(to)) };
        let target = |address: &str, port| Target::value(address.parse().unwrap(), port);
        batch.add_map(
            table,
            "four",
            KeyKind::Port,
            false,
            Target { address: KeyKind::Ipv4, with_port: true },
        );
        // More than one message holds, and more than a socket sends at once unless it is told to.
        let one = |at: u16| (Element::one(port(at)), target("10.0.0.2", Some(at - 8000)));
        batch.add_map_elements(table, "four", &(8001..=20_000).map(one).collect::<Vec<_>>());
        batch.add_map(table, "six", KeyKind::Port, true, Target { address: KeyKind::Ipv6, with_port: false });
        let elements =
            [(range(5000, 5999), target("fd00::2", None)), (range(65_000, 65_535), target("fd00::3", None))];
        batch.add_map_elements(table, "six", &elements);
        for (family, map, with_port) in [(Family::Inet, "four", true), (Family::Inet6, "six", false)] {
            let redirect =
                Statement::Redirect { field: Field::transport(2, 2), map: map.into(), family, with_port };
            let tests = vec![
                Match::is(Field::NetworkFamily, [family as u8]),
                Match::is(Field::TransportProtocol, [6]),
                Match::is(Field::DestinationRoute, 2_u32.to_ne_bytes()),
            ];
            batch.add_rule(table, "in", &rule(tests, vec![redirect]));
        }
        let tests = vec![
            Match::is_not(Field::SourceRoute, 2_u32.to_ne_bytes()),
            Match::is(Field::OutputLink, link_name(&name("eth0"))),
            Match::has_any(Field::TrackingStatus, tracking_status::DESTINATION_TRANSLATED.to_ne_bytes()),
        ];
        batch.add_rule(table, "out", &rule(tests, vec![Statement::Masquerade]));
        NfTables::open()?.commit(&batch)?;
        let output = Command::new(nft).args(["list", "ruleset"]).output()?;
        Ok(String::from_utf8(output.stdout)?)
    })??;
    for part in [
        "8080 : 10.0.0.2 . 80,",
        "20000 : 10.0.0.2 . 12000",
        "5000-5999 : fd00::2",
        "65000-65535 : fd00::3",
        "fib daddr type local dnat ip to tcp dport map @four",
        "dnat ip6 to tcp dport map @six",
        "fib saddr type != local oifname \"eth0\"",
        "masquerade",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    Ok(())
}
