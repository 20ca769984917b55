//! Frames, as people give them: hexadecimal, capture files, a few words.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use ethernet::MacAddress;
use lab::frame::{Arp, DhcpMessage, Ethernet, Frame, Packet, RouterAdvertisement};

/// Somebody else on the wire: a locally administered address that nobody here has.
const SOMEBODY: MacAddress = MacAddress::new([0x02, 0, 0, 0, 0, 0x01]);
/// `LINKTYPE_ETHERNET` of capture files.
const ETHERNET: u32 = 1;
/// The longest frame that is believed.
const LONGEST: usize = 256 * 1024;

/// It is no frame.
#[derive(Debug)]
pub(super) struct BadFrame(String);

impl std::fmt::Display for BadFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadFrame {}

/// The frames that an argument stands for. `own`: the sender where none is said.
pub(super) fn read(argument: &str, own: MacAddress) -> Result<Vec<Frame>, BadFrame> {
    if let Some(bytes) = hexadecimal(argument) {
        return Ok(vec![Frame::new(bytes)]);
    }
    if Path::new(argument).is_file() {
        let bytes =
            fs::read(argument).map_err(|error| BadFrame(format!("cannot read {argument}: {error}")))?;
        return capture(&bytes).map_err(|fault| BadFrame(format!("{argument}: {fault}")));
    }
    words(argument, own).map(|frame| vec![frame]).ok_or_else(|| {
        BadFrame(format!(
            "{argument:?} is neither a frame in hexadecimal, nor a file, nor words like 'arp 10.0.0.1' or \
             'udp 10.0.0.1:5000 10.0.0.2:53'; dom0net guard test --help shows them"
        ))
    })
}

/// At least an Ethernet header; blanks and colons do not count.
fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits = text
        .chars()
        .filter(|c| !c.is_ascii_whitespace() && *c != ':')
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<Vec<u8>>>()?;
    let is_frame = digits.len() >= 28 && digits.len().is_multiple_of(2);
    is_frame.then(|| digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// The frames of a capture file (`pcap-savefile(5)`).
fn capture(bytes: &[u8]) -> Result<Vec<Frame>, &'static str> {
    let cut = "it ends in the middle of a frame";
    let magic: [u8; 4] = bytes.first_chunk().copied().ok_or("it is empty")?;
    let number: fn([u8; 4]) -> u32 = match magic {
        [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => u32::from_le_bytes,
        [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] => u32::from_be_bytes,
        [0x0a, 0x0d, 0x0d, 0x0a] => {
            return Err("it is in the form pcapng; tcpdump -r FILE -w OTHER makes the old one");
        }
        _ => return Err("it is not a capture file"),
    };
    let word = |at: usize| bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map(number);
    if word(20).ok_or(cut)? & 0xffff != ETHERNET {
        return Err("it was captured on a device without Ethernet headers");
    }
    let mut frames = Vec::new();
    let mut at = 24;
    while at < bytes.len() {
        let length = word(at + 8).ok_or(cut)? as usize;
        let start = at + 16;
        if length > LONGEST {
            return Err("it has a frame that no network can carry");
        }
        frames.push(Frame::new(bytes.get(start..start + length).ok_or(cut)?));
        at = start + length;
    }
    Ok(frames)
}

/// A frame in words.
fn words(text: &str, own: MacAddress) -> Option<Frame> {
    let mut sender = own;
    let mut tags = Vec::new();
    let mut rest = text.split_ascii_whitespace().peekable();
    while let Some((key, value)) = rest.peek().and_then(|word| word.split_once('=')) {
        match key {
            "mac" => sender = value.parse().ok()?,
            "vlan" => tags.push(value.parse().ok().filter(|id| *id < 4096)?),
            _ => return None,
        }
        rest.next();
    }
    let rest: Vec<&str> = rest.collect();
    let to = |mac: MacAddress| tags.iter().fold(Ethernet::new(sender, mac), |front, id| front.vlan(*id));
    let packet = match rest[..] {
        ["arp", address] => {
            let address: Ipv4Addr = address.parse().ok()?;
            return Some(to(MacAddress::BROADCAST).arp(&Arp::gratuitous(sender, address)));
        }
        ["ping", from, destination] => {
            Packet::between(from.parse().ok()?, destination.parse().ok()?)?.echo_request(1, 1, b"guard")
        }
        ["udp", from, destination] => {
            let (packet, ports) = between(from, destination)?;
            packet.udp(ports.0, ports.1, b"guard")
        }
        ["tcp", from, destination] => {
            let (packet, ports) = between(from, destination)?;
            packet.tcp_syn(ports.0, ports.1)
        }
        ["na", address] => {
            let address: Ipv6Addr = address.parse().ok()?;
            Packet::v6(address, ALL_NODES).neighbour_advertisement(address, Some(sender))
        }
        ["ra"] => {
            let router = RouterAdvertisement { lifetime: 1800, prefix: None, mac: Some(sender) };
            Packet::v6(sender.link_local(), ALL_NODES).router_advertisement(&router)
        }
        ["dhcp-discover"] => DhcpMessage::discover(sender).packet(),
        ["dhcp-offer"] => {
            let (client, server) = (Ipv4Addr::new(192, 0, 2, 2), Ipv4Addr::new(192, 0, 2, 1));
            DhcpMessage::offer(SOMEBODY, client, server).packet()
        }
        _ => return None,
    };
    let is_for_all = matches!(rest[0], "na" | "ra" | "dhcp-discover" | "dhcp-offer");
    Some(to(if is_for_all { packet.group_mac() } else { SOMEBODY }).ip(&packet))
}

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

fn between(from: &str, to: &str) -> Option<(Packet, (u16, u16))> {
    let (from, to): (SocketAddr, SocketAddr) = (from.parse().ok()?, to.parse().ok()?);
    let ends: (IpAddr, IpAddr) = (from.ip(), to.ip());
    Some((Packet::between(ends.0, ends.1)?, (from.port(), to.port())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: MacAddress = MacAddress::new([0, 0x16, 0x3e, 0, 0, 1]);

    fn said(argument: &str) -> Vec<String> {
        read(argument, OWN).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn words_become_frames() {
        for (argument, expected) in [
            ("arp 10.0.0.1", "ARP who has 10.0.0.1 tell 10.0.0.1"),
            ("ping 10.0.0.1 10.0.0.2", "10.0.0.1 > 10.0.0.2, echo request 1/1"),
            ("udp 10.0.0.1:5 10.0.0.2:6", "10.0.0.1 > 10.0.0.2, UDP 5 > 6"),
            ("tcp [2001:db8::1]:5 [2001:db8::2]:6", "2001:db8::1 > 2001:db8::2, TCP 5 > 6"),
            ("na 2001:db8::1", "2001:db8::1 > ff02::1, 2001:db8::1 is at 00:16:3e:00:00:01"),
            ("ra", "fe80::216:3eff:fe00:1 > ff02::1, ICMP 134/0"),
            ("vlan=7 dhcp-offer", "VLAN 7, 192.0.2.1 > 255.255.255.255, UDP 67 > 68"),
        ] {
            assert!(said(argument)[0].ends_with(expected), "{:?}", said(argument));
        }
        assert!(said("mac=02:00:00:00:00:09 ra")[0].starts_with("02:00:00:00:00:09 > "));
    }

    #[test]
    fn hexadecimal_is_a_frame_as_it_stands() {
        let text = "ff:ff:ff:ff:ff:ff 00163e000001 0806";
        assert_eq!(read(text, OWN).unwrap()[0].len(), 14);
    }

    #[test]
    fn capture_files_are_read_in_either_order_and_never_believed() {
        let frame = [7_u8; 60];
        for number in [u32::to_le_bytes, u32::to_be_bytes] {
            let head = [0xa1b2_c3d4, 0x0002_0004, 0, 0, 65535, 1].map(number);
            let record = [1, 2, 60, 60].map(number);
            let file =
                [head.as_flattened(), record.as_flattened(), &frame, record.as_flattened(), &frame].concat();
            assert_eq!(capture(&file).unwrap().len(), 2);
            assert!(capture(&file[..file.len() - 1]).is_err());
            assert!(capture(&file[..22]).is_err());
            let huge = [head.as_flattened(), [1, 2, u32::MAX, 60].map(number).as_flattened()].concat();
            assert!(capture(&huge).is_err());
        }
        assert!(capture(b"").is_err() && capture(b"\x7fELF").is_err());
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for argument in
            ["", "arp", "arp x", "00163e", "ping 10.0.0.1 ::1", "colour=red ra", "vlan=5000 ra", "udp 1 2"]
        {
            assert!(read(argument, OWN).is_err(), "{argument}");
        }
    }
}
