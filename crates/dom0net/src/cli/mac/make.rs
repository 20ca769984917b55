//! New addresses, and how likely it is that two are the same.

use std::fs::File;
use std::io::{self, Read};
use std::net::Ipv4Addr;

use ethernet::MacAddress;
use serde::Serialize;
use xenconf::mac::{
    self, LOCAL_RANDOM_BITS, PrefixError, XEN_PREFIX, XEN_RANDOM_BITS, collision_probability,
};

use crate::cli::fail;
use crate::cli::output::{json, out};

pub(super) fn random(local: bool, count: u32) -> u8 {
    let mut source = match File::open("/dev/urandom") {
        Ok(file) => io::BufReader::new(file),
        Err(error) => return fail(&format!("cannot open /dev/urandom: {error}")),
    };
    let mut addresses = Vec::new();
    for _ in 0..count {
        let mut bytes = [0; 6];
        if let Err(error) = source.read_exact(&mut bytes) {
            return fail(&format!("cannot read /dev/urandom: {error}"));
        }
        let [a, b, c, ..] = bytes;
        let address = if local { mac::locally_administered(bytes) } else { mac::xen([a, b, c]) };
        addresses.push(format!("{address}\n"));
    }
    out(&addresses.concat());
    0
}

pub(super) fn from_ip(prefix: &str, address: Ipv4Addr) -> u8 {
    let is_xens = prefix.parse::<Prefix>().is_ok_and(|prefix| prefix.0 == XEN_PREFIX);
    let made = if is_xens {
        Ok(mac::from_ipv4_with_xen_prefix(address))
    } else {
        mac::parse_prefix(prefix).and_then(|prefix| mac::from_ipv4(prefix, address))
    };
    match made {
        Ok(made) => {
            out(&format!("{made}\n"));
            0
        }
        Err(PrefixError::Syntax) => {
            fail(&format!("{prefix} is no prefix: write two octets, like ae:00, or Xen's 00:16:3e"));
            2
        }
        Err(error) => fail(&error),
    }
}

/// Three octets.
struct Prefix([u8; 3]);

impl std::str::FromStr for Prefix {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let whole: MacAddress = format!("{text}:00:00:00").parse().map_err(|_| ())?;
        let [a, b, c, ..] = whole.octets();
        Ok(Self([a, b, c]))
    }
}

/// Probabilities from 0 to 1.
#[derive(Serialize)]
struct Odds {
    guests: u64,
    xen_prefix: f64,
    locally_administered: f64,
}

pub(super) fn odds(guests: u64, as_json: bool) -> u8 {
    let odds = Odds {
        guests,
        xen_prefix: collision_probability(guests, XEN_RANDOM_BITS),
        locally_administered: collision_probability(guests, LOCAL_RANDOM_BITS),
    };
    if as_json {
        json(&odds);
        return 0;
    }
    out(&format!(
        "Of {guests} guests, two have the same random address with a probability of\n\
         \x20 {:<22} with Xen's prefix, as Xen makes them ({XEN_RANDOM_BITS} random bits)\n\
         \x20 {:<22} with locally administered addresses ({LOCAL_RANDOM_BITS} random bits)\n\
         Addresses made of the guests' IP addresses (dom0net mac from-ip) are all different.\n",
        shown(odds.xen_prefix),
        shown(odds.locally_administered),
    ));
    0
}

fn shown(probability: f64) -> String {
    if probability <= 0.0 {
        "0 %".to_owned()
    } else if probability >= 0.0001 {
        format!("{:.2} %", probability * 100.0)
    } else {
        format!("1 in {:.0}", 1.0 / probability)
    }
}
