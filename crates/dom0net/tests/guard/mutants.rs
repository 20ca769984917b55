//! Frames that were sound once.

use std::net::Ipv6Addr;

use lab::frame::{Arp, DhcpMessage, Ethernet, Frame, Packet, RouterAdvertisement};

use super::stage::{OWN, VICTIM};

/// Frames without end: sound ones of every kind that the guard knows, from right and wrong senders, mostly changed in a
/// few places. The same seed gives the same frames.
pub(crate) struct Mutants {
    random: u64,
    seeds: Vec<Frame>,
}

impl Mutants {
    pub(crate) fn new(seed: u64) -> Self {
        // Zero would stay zero.
        Self { random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, seeds: seeds() }
    }

    /// Marsaglia's xorshift: fast, and random enough.
    fn next_number(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next_number() >> 16).unwrap() % bound
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        // Most of what decides is in front.
        let reach = bytes.len().min(110);
        let at = self.below(reach);
        match self.below(12) {
            0 => bytes[at] = u8::try_from(self.below(256)).unwrap(),
            1 => bytes[at] ^= 1 << self.below(8),
            2 => {
                bytes[at] =
                    self.pick(&[0, 1, 2, 4, 6, 17, 43, 44, 51, 58, 59, 60, 67, 68, 112, 134, 136, 255]);
            }
            3 => bytes.truncate(14.max(self.below(bytes.len()))),
            4 => bytes.extend(std::iter::repeat_n(7, 1 + at)),
            5 => {
                let tag: [u8; 2] = self.pick(&[[0x81, 0], [0x88, 0xa8], [0x81, 0]]);
                let id = self.pick(&[0_u8, 5, 7, 10, 100]);
                bytes.splice(12..12, [tag[0], tag[1], 0, id]);
            }
            6 => {
                let kind: [u8; 2] = self.pick(&[
                    [8, 0],
                    [8, 6],
                    [0x86, 0xdd],
                    [0x88, 0xa2],
                    [0, 40],
                    [0x80, 0x35],
                    [0x88, 0xcc],
                ]);
                bytes[12..14].copy_from_slice(&kind);
            }
            7 => {
                let macs = [OWN, VICTIM, ethernet::MacAddress::new([0, 0, 0x5e, 0, 1, 7])];
                bytes[6..12].copy_from_slice(&self.pick(&macs).octets());
            }
            // Another's address, or one's own, in a place where addresses are.
            8 => {
                let address: [u8; 4] = self.pick(&[[10, 0, 0, 1], [10, 0, 0, 2], [0; 4], [192, 0, 2, 9]]);
                let at = self.pick(&[26, 28, 30]);
                overwrite(bytes, at, &address);
            }
            9 => {
                let text =
                    self.pick(&["2001:db8::1", "::", "fe80::216:3eff:fe00:1", "fe80::1", "2001:db8:7::9"]);
                let address: Ipv6Addr = text.parse().unwrap();
                let at = self.pick(&[22, 62]);
                overwrite(bytes, at, &address.octets());
            }
            // An extension header in front of what the IPv6 header says comes next.
            10 if bytes.len() > 54 && bytes[12..14] == [0x86, 0xdd] => {
                let number = self.pick(&[0, 43, 44, 51, 60, 135]);
                let offset = self.pick(&[0, 0, 1, 8]);
                let header = [bytes[20], 0, 0, offset, 0, 0, 0, 1];
                bytes[20] = number;
                bytes.splice(54..54, header);
                let length = u16::from_be_bytes([bytes[18], bytes[19]]).wrapping_add(8);
                bytes[18..20].copy_from_slice(&length.to_be_bytes());
            }
            // Fragments of IPv4.
            11 if bytes.len() > 22 => {
                bytes[20..22].copy_from_slice(&[self.pick(&[0, 0x20, 0x40]), self.pick(&[0, 1, 185])]);
            }
            _ => {}
        }
    }
}

impl Iterator for Mutants {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let seed = self.below(self.seeds.len());
        let mut bytes = self.seeds[seed].to_vec();
        // Half of them are as they were, or nearly.
        for _ in 0..self.pick(&[0, 0, 1, 1, 1, 2, 3, 6]) {
            self.mutate(&mut bytes);
        }
        bytes.truncate(1514);
        Some(Frame::new(bytes))
    }
}

fn overwrite(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(part) = bytes.get_mut(at..at + value.len()) {
        part.copy_from_slice(value);
    }
}

fn seeds() -> Vec<Frame> {
    let v6 = |text: &str| -> Ipv6Addr { text.parse().unwrap() };
    let (me4, you4) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let (me, you, everyone) = (v6("2001:db8::1"), v6("2001:db8::2"), v6("ff02::1"));
    let from4 = || Packet::v4(me4, you4);
    let from6 = || Packet::v6(me, you);
    let local = || Packet::v6(OWN.link_local(), everyone);
    let nobody = || Packet::v6(Ipv6Addr::UNSPECIFIED, v6("ff02::16"));
    let router = RouterAdvertisement {
        lifetime: 1800,
        prefix: Some("2001:db8:bad::/64".parse().unwrap()),
        mac: Some(OWN),
    };
    let [first4, second4] = from4().udp(5000, 5001, &[7; 200]).split(80, 9);
    let [first6, second6] = from6().udp(5000, 5001, &[7; 200]).split(80, 9);
    let packets = vec![
        from4().udp(5000, 5001, b"x"),
        from4().tcp_syn(1, 2),
        from4().echo_request(1, 1, b"x"),
        from4().ipv4_options(&[7, 7, 4, 0, 0, 0, 0, 0]).udp(1, 2, b"x"),
        from4().icmp(5, 1, &[0; 32]),
        from4().raw(2, &[0x22, 0, 0, 0, 0, 0, 0, 0]),
        from4().raw(112, &[0x21, 1, 100, 1]),
        from4().raw(47, &[0; 8]),
        first4,
        second4,
        DhcpMessage::discover(OWN).packet(),
        DhcpMessage::discover(VICTIM).packet(),
        DhcpMessage::offer(VICTIM, you4.into(), me4.into()).packet(),
        from6().udp(5000, 5001, b"x"),
        from6().tcp_syn(1, 2),
        from6().echo_request(1, 1, b"x"),
        from6().udp(1, 2, b"x").destination_options(),
        from6().echo_request(1, 1, b"x").hop_by_hop().routing_header(0),
        // A jumbogram.
        from6().udp(5000, 5001, b"x").extension(0, vec![0, 0, 0xc2, 4, 0, 1, 0, 0]),
        from6().raw(51, &[58, 4, 0, 0, 0, 0, 0, 0]),
        from6().raw(112, &[0x31, 1, 255, 1]),
        first6,
        second6,
        DhcpMessage::solicit_v6(OWN),
        DhcpMessage::advertise_v6(OWN.link_local(), you, VICTIM),
        from6().neighbour_solicitation(you, Some(OWN)),
        from6().neighbour_solicitation(you, None),
        from6().solicited_advertisement(me, Some(OWN)),
        from6().solicited_advertisement(me, None),
        from6().solicited_advertisement(you, Some(VICTIM)),
        local().router_solicitation(Some(OWN)),
        local().router_solicitation(None),
        local().router_advertisement(&router),
        local().mld_report(everyone),
        local().mld_query(everyone),
        local().mld2_report(&[everyone]),
        nobody().mld2_report(&[everyone]),
        nobody().neighbour_solicitation(me, None),
        nobody().neighbour_solicitation(you, None),
    ];
    let mut frames: Vec<Frame> = packets.iter().map(|packet| Ethernet::new(OWN, VICTIM).ip(packet)).collect();
    frames.extend(packets.iter().step_by(5).map(|packet| Ethernet::new(OWN, VICTIM).vlan(5).ip(packet)));
    frames.extend([
        Ethernet::broadcast(OWN).arp(&Arp::request(OWN, me4, you4)),
        Ethernet::broadcast(OWN).arp(&Arp::probe(OWN, me4)),
        Ethernet::broadcast(OWN).arp(&Arp::gratuitous(OWN, you4)),
        Ethernet::new(OWN, VICTIM).arp(&Arp::reply(OWN, me4, VICTIM, you4)),
        Ethernet::new(OWN, VICTIM).vlan(7).arp(&Arp::reply(OWN, me4, VICTIM, you4)),
        Ethernet::new(OWN, VICTIM).snap().arp(&Arp::gratuitous(OWN, you4)),
        Ethernet::new(OWN, VICTIM).payload(0x88a2, &[0; 46]),
        Ethernet::new(OWN, VICTIM).vlan(100).payload(0x88a2, &[0; 46]),
        Ethernet::new(OWN, VICTIM).service_vlan(5).vlan(7).ip(&packets[0]),
        Ethernet::bpdu(OWN),
    ]);
    frames
}
