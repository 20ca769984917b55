//! What the policy says becomes of a frame is what the kernel does with it: for frames that a hostile guest may send, and
//! for many that nobody thought of.
//!
//! `GUARD_FRAMES` says how many frames each policy is tried with (a million when `CI` is set, 100,000 otherwise), and
//! `GUARD_SEED` begins where an earlier run has failed.

use dom0net::guard::{Draft, Judge, Mode, Policy, Protocols, Verdict};
use lab::frame::{Content, Description, Frame, IpContent, Message};

use super::gauge::{Gauge, Tally};
use super::mutants::Mutants;
use super::stage::OWN;

/// After so many frames the kernel's counters are looked at.
const BLOCK: usize = 4096;

/// What the policy says becomes of frames.
fn judged(judge: &Judge<'_>, frames: &[Frame]) -> Tally {
    let mut tally = Tally::new();
    for frame in frames {
        match judge.verdict(frame) {
            Verdict::Pass => *tally.entry(None).or_default() += 1,
            Verdict::Drop(reason) => *tally.entry(Some(reason)).or_default() += 1,
            Verdict::Unseen => {}
        }
    }
    tally
}

/// Finds the frame about which the two do not agree.
fn culprit(gauge: &Gauge, judge: &Judge<'_>, frames: &[Frame]) -> String {
    for frame in frames {
        let alone = std::slice::from_ref(frame);
        let (kernel, policy) = (gauge.outcome(alone), judged(judge, alone));
        if kernel != policy {
            return format!("the kernel: {kernel:?}, the policy: {policy:?}, of {frame:?}");
        }
    }
    "each frame alone goes right".into()
}

/// Whether a frame that passes says of its sender what the policy allows: found out by another reader than the guard's.
fn is_honest(policy: &Policy, frame: &Frame) -> bool {
    let said: Description = frame.describe();
    // Tags that are allowed as a protocol are not looked behind.
    if said
        .tags
        .first()
        .is_some_and(|(kind, _)| policy.protocols != Protocols::All && policy.protocols.allow(*kind))
    {
        return policy.macs().contains(&said.source);
    }
    let is_own_mac = |mac| policy.macs().contains(&mac);
    let tags_are_own = said.tags.iter().all(|(kind, control)| policy.vlans.allow(*kind, control & 0xfff));
    let content_is_own = match &said.content {
        Content::Arp(arp) => {
            let is_probe = arp.sender_ip.is_unspecified() && arp.operation == 1;
            is_own_mac(arp.sender_mac) && (is_probe || policy.allows_source(arp.sender_ip.into()))
        }
        Content::Ip(ip) => is_honest_packet(policy, ip),
        Content::Other(..) | Content::Llc(..) | Content::Cut => true,
    };
    is_own_mac(said.source) && said.tags.len() <= 1 && tags_are_own && content_is_own
}

fn is_honest_packet(policy: &Policy, ip: &IpContent) -> bool {
    // Headers that lead nowhere: no receiver reads on behind them.
    if ip.extensions.iter().any(|number| matches!(number, 135 | 139 | 140)) {
        return true;
    }
    let is_own = policy.allows_source(ip.source);
    match &ip.message {
        // An extension header that the packet ends in: no receiver gets through it.
        Message::Other(0 | 43 | 44 | 60) if ip.source.is_ipv6() => true,
        Message::NeighbourSolicitation { target } if ip.source.is_unspecified() => {
            policy.allows_source((*target).into())
        }
        Message::NeighbourAdvertisement { target, mac, .. } => {
            is_own
                && policy.allows_source((*target).into())
                // A guest that may have any address may say so of any.
                && (policy.mode == Mode::MacOnly || mac.is_none_or(|mac| policy.macs().contains(&mac)))
        }
        Message::Icmp(130 | 134 | 137, _) if ip.source.is_ipv6() => is_own && policy.router,
        Message::Icmp(5 | 9, _) if ip.source.is_ipv4() => is_own && policy.router,
        // The other one ends where its ICMPv6 message would begin, and what is behind that looks like one of these.
        Message::Icmp(131 | 132 | 143, _) | Message::Other(58) if ip.source.is_ipv6() => {
            is_own || ip.source.is_unspecified()
        }
        Message::Udp(68, 67) if ip.source.is_ipv4() => is_own || ip.source.is_unspecified(),
        Message::Udp(67, _) | Message::Udp(_, 68) if ip.source.is_ipv4() => is_own && policy.dhcp_server,
        Message::Udp(547, _) | Message::Udp(_, 546) if ip.source.is_ipv6() => is_own && policy.dhcp_server,
        _ => is_own,
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// How many frames each policy is tried with.
fn frames() -> u64 {
    let usual = if std::env::var_os("CI").is_some() { 1_000_000 } else { 100_000 };
    number("GUARD_FRAMES").unwrap_or(usual)
}

fn seed() -> u64 {
    number("GUARD_SEED").unwrap_or_else(|| u64::from(std::process::id()))
}

/// Sends mutants past the kernel, and asks the policy about each.
fn agree(words: &str) {
    let Some(ends) = ends_of(words, frames(), seed()) else { return };
    // Mutants that all end at the first step would show nothing.
    let total: u64 = ends.values().sum();
    let passed = ends.get(&None).copied().unwrap_or(0);
    assert!(passed * 50 > total && ends.len() >= 6, "the frames are too much alike: {ends:?}");
}

fn policy_of(words: &str) -> Policy {
    let mut draft = Draft::default();
    draft.apply(words).unwrap();
    draft.policy(OWN).unwrap()
}

/// Asks the kernel and the policy about this many mutants, and says what became of them.
fn ends_of(words: &str, frames: u64, seed: u64) -> Option<Tally> {
    let policy = policy_of(words);
    let gauge = Gauge::new(&policy)?;
    let judge = Judge::new(&policy);
    let mut mutants = Mutants::new(seed);
    let mut ends = Tally::new();
    let mut rest = usize::try_from(frames).unwrap();
    while rest > 0 {
        let block: Vec<Frame> = mutants.by_ref().take(rest.min(BLOCK)).collect();
        rest -= block.len();
        let policy_says = judged(&judge, &block);
        assert!(
            gauge.outcome(&block) == policy_says,
            "{words}: GUARD_SEED={seed}: {}",
            culprit(&gauge, &judge, &block)
        );
        for frame in &block {
            let is_checked = policy.mode != Mode::Open;
            if is_checked && judge.verdict(frame) == Verdict::Pass {
                assert!(is_honest(&policy, frame), "{words}: GUARD_SEED={seed}: {frame:?}");
            }
        }
        for (end, frames) in policy_says {
            *ends.entry(end).or_default() += frames;
        }
    }
    assert_eq!(gauge.passed_with_a_mark(), 0, "{words}: GUARD_SEED={seed}");
    println!("{words:?}: {frames} frames: {ends:?}");
    Some(ends)
}

#[test]
fn about_a_locked_guest() {
    agree("ip=10.0.0.1,2001:db8::1");
}

#[test]
fn about_a_locked_guest_with_many_addresses_and_permissions() {
    agree(
        "ip=10.0.0.1,10.0.0.77,192.0.2.0/24,2001:db8::1,2001:db8:7::/48,2001:db8::77 mac=00:16:3e:00:00:09 \
         vlans=5,7-9,100 protocols+=aoe protocols+=llc vrrp=7 log=yes",
    );
}

/// In sets, where one interval begins behind the end of another.
#[test]
fn about_a_guest_with_addresses_in_a_row() {
    agree("ip=10.0.0.1,10.0.0.2/31,10.0.0.4/30,2001:db8::1,2001:db8::2/127,2001:db8::4/126 vlans=5,6-9");
}

#[test]
fn about_a_locked_router() {
    agree("ip=10.0.0.0/8,2001:db8::/32 link-local=any router=yes dhcp-server=yes vlans=all protocols=all");
}

#[test]
fn about_a_guest_with_any_address() {
    agree("mode=mac-only");
}

#[test]
fn about_a_guest_with_any_address_and_few_protocols() {
    agree("mode=mac-only protocols=ipv4,arp,service-vlan vlans=none dhcp-server=yes");
}

#[test]
fn about_a_guest_that_may_be_anybody() {
    agree("mode=open");
}

/// What each word may say; the first is that it is not said.
const CHOICES: [&[&str]; 8] = [
    &[
        "mode=mac-only",
        "mode=open",
        "ip=10.0.0.1",
        "ip=2001:db8::1",
        "ip=10.0.0.1,2001:db8::1",
        "ip=10.0.0.0/31,2001:db8::/127",
        // No address but a link-local one.
        "ip=fe80::1 link-local=listed",
        "ip=10.0.0.1 link-local=listed",
        // Nobody is somebody.
        "ip=0.0.0.0/0,::/0",
        "ip=0.0.0.0,::,10.0.0.1,192.0.2.9,2001:db8::2",
        // Neighbours, and the last of all.
        "ip=10.0.0.1,10.0.0.2/31,10.0.0.4/30,240.0.0.0/4,2001:db8::1,2001:db8::2/127,2001:db8::4/126,ff00::/8",
    ],
    &["", "link-local=any", "link-local=eui64"],
    &[
        "",
        "protocols=all",
        "protocols+=aoe",
        "protocols=aoe,llc",
        "protocols=arp,ipv6,vlan,service-vlan",
        "protocols=ipv4,vlan",
        "protocols=ipv4,ipv6,llc,service-vlan",
        "protocols=arp",
    ],
    &["", "vlans=none", "vlans=all", "vlans=5", "vlans=5-7,100"],
    &["", "mac=00:16:3e:00:00:02", "mac=00:16:3e:00:00:09"],
    &["", "", "vrrp=7", "vrrp=1,255"],
    &["", "router=yes"],
    &["", "dhcp-server=yes", "log=yes"],
];

/// Policies that chance has made.
fn policies(seed: u64) -> impl Iterator<Item = String> {
    let mut random = seed | 1;
    std::iter::repeat_with(move || {
        CHOICES
            .map(|words| {
                random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                words[usize::try_from(random >> 33).unwrap() % words.len()]
            })
            .join(" ")
    })
}

#[test]
fn about_guests_that_chance_has_made() {
    const POLICIES: usize = 24;
    for words in policies(seed()).take(POLICIES) {
        if ends_of(&words, frames() / 12, seed()).is_none() {
            return;
        }
    }
}

/// Those whose guards share most rules: locked, and with no word of protocols and tags.
#[test]
fn about_usual_guests_that_chance_has_made() {
    const POLICIES: usize = 12;
    let is_usual = |word: &&str| !word.starts_with("protocols") && !word.starts_with("vlans");
    let usual = |words: String| words.split(' ').filter(is_usual).collect::<Vec<_>>().join(" ");
    let locked = policies(seed()).filter(|words| !words.contains("mode="));
    for words in locked.map(usual).take(POLICIES) {
        if ends_of(&words, frames() / 24, seed()).is_none() {
            return;
        }
    }
}

/// What is printed for people is what holds.
#[test]
fn about_rules_that_were_printed_and_loaded() {
    const POLICIES: usize = 12;
    let Some(gauge) = Gauge::new(&policy_of("")) else { return };
    if testkit::program("nft").is_none() {
        return;
    }
    for words in policies(seed()).take(POLICIES) {
        let policy = policy_of(&words);
        let judge = Judge::new(&policy);
        let frames = usize::try_from(frames() / 24).unwrap().min(BLOCK);
        let block: Vec<Frame> = Mutants::new(seed()).take(frames).collect();
        gauge.load(&policy);
        assert!(
            gauge.outcome(&block) == judged(&judge, &block),
            "{words}: GUARD_SEED={}: {}",
            seed(),
            culprit(&gauge, &judge, &block)
        );
    }
}
