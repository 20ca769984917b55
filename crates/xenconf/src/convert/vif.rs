//! An interface as a spec of xl and as an element of SXP.

use crate::domain::Domain;
use crate::rate::{self, Rate};
use crate::text::Text;
use crate::vif::{Toolstack, Vif, VifType};

/// A spec or element, and what could not be put into it: the part and the reason.
pub(super) struct Written<T> {
    pub(super) text: T,
    pub(super) left_out: Vec<(String, &'static str)>,
}

fn given(text: Option<&Text>) -> Option<&str> {
    text.map(|text| text.as_str().trim()).filter(|text| !text.is_empty())
}

/// The interface as xl's spec.
pub(super) fn xl(vif: &Vif, domain: &Domain) -> Written<String> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut left_out: Vec<(String, &'static str)> = Vec::new();
    pairs.extend(mac(vif, &mut left_out).map(|mac| ("mac".to_owned(), mac)));
    for (key, value) in [("bridge", &vif.bridge), ("backend", &vif.backend), ("vifname", &vif.vifname)] {
        pairs.extend(given(value.as_ref()).map(|value| (key.to_owned(), value.to_owned())));
    }
    let ip = vif.ip.as_ref().map(|ip| {
        ip.text
            .as_str()
            .split([' ', ',', '\t', '\n'])
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    });
    pairs.extend(ip.map(|ip| ("ip".to_owned(), ip)));
    if let Some(script) = given(vif.script.as_ref()) {
        let (name, arguments) = script.split_once(char::is_whitespace).unwrap_or((script, ""));
        pairs.push(("script".to_owned(), name.to_owned()));
        if !arguments.is_empty() {
            left_out.push((format!("script={script}"), "xl hands no arguments to a script"));
        }
    }
    pairs.extend(vif.kind.map(|kind| ("type".to_owned(), kind.value.name().to_owned())));
    pairs.extend(given(vif.model.as_ref()).map(|model| ("model".to_owned(), model.to_owned())));
    if let Some(rate) = vif.rate {
        match xl_rate(rate.value, vif.value("rate").map_or("", Text::as_str)) {
            Some(text) => pairs.push(("rate".to_owned(), text)),
            None => left_out
                .push((format!("rate={}", vif.value("rate").map_or("", Text::as_str)), "it set no limit")),
        }
    }
    pairs.extend(given(vif.gatewaydev.as_ref()).map(|device| ("gatewaydev".to_owned(), device.to_owned())));
    pairs.extend(vif.mtu.map(|mtu| ("mtu".to_owned(), mtu.value.to_string())));
    pairs.extend(vif.vlan.as_ref().map(|(text, _)| ("vlan".to_owned(), text.as_str().to_owned())));
    if domain.toolstack() == Toolstack::Xl {
        pairs.extend(vif.devid.map(|devid| ("devid".to_owned(), devid.value.to_string())));
    }
    pairs.extend(vif.others.iter().cloned());
    foreign(
        vif,
        &["policy", "label", "be_mac", "accel", "security_label"],
        "xl does not know it",
        &mut left_out,
    );
    let comma = pairs.extract_if(.., |(_, value)| value.contains(',')).collect::<Vec<_>>();
    left_out.extend(
        comma.into_iter().map(|(key, value)| (format!("{key}={value}"), "a comma cannot stand in a value")),
    );
    let mut pieces: Vec<String> = pairs.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    if let Some(trusted) = vif.trusted {
        pieces.push(if trusted.value { "trusted" } else { "untrusted" }.to_owned());
    }
    Written { text: pieces.join(","), left_out }
}

/// The configured address, if it is a whole one: what xl has kept of a bad one is nothing to hand on.
fn mac(vif: &Vif, left_out: &mut Vec<(String, &'static str)>) -> Option<String> {
    let written = vif.value("mac")?.as_str();
    if let Some(mac) = vif.mac.filter(|_| crate::mac::parse_xl(written.trim_matches(['"', '\''])).is_ok()) {
        Some(mac.value.to_string())
    } else {
        left_out.push((format!("mac={written}"), "it is no MAC address"));
        None
    }
}

fn foreign(vif: &Vif, keys: &[&str], why: &'static str, left_out: &mut Vec<(String, &'static str)>) {
    for key in keys {
        left_out.extend(vif.value(key).map(|value| (format!("{key}={}", value.as_str()), why)));
    }
}

/// A rate that xl reads as this limit: the text as it was, if it does, else one that is computed. `None` when
/// there is no limit.
pub(super) fn xl_rate(rate: Rate, written: &str) -> Option<String> {
    if rate.is_unlimited() {
        return None;
    }
    if rate::parse_xl(written) == Ok(rate) && !rate::has_octal(written) {
        return Some(written.to_owned());
    }
    let per_second =
        (u128::from(rate.bytes_per_interval) * 1_000_000).div_ceil(u128::from(rate.interval_usecs));
    let speeds = [(1, "B/s"), (1_000, "KB/s"), (1_000_000, "MB/s"), (1_000_000_000, "GB/s")];
    speeds.into_iter().find_map(|(unit, name)| {
        let text = format!("{}{name}@{}us", per_second.div_ceil(unit), rate.interval_usecs);
        (rate::parse_xl(&text) == Ok(rate)).then_some(text)
    })
}

/// The children of a `(vif …)`.
pub(super) fn sxp(vif: &Vif) -> Written<Vec<(&'static str, String)>> {
    let mut children: Vec<(&'static str, String)> = Vec::new();
    let mut left_out: Vec<(String, &'static str)> = Vec::new();
    children.extend(mac(vif, &mut left_out).map(|mac| ("mac", mac)));
    for (key, value) in [
        ("bridge", &vif.bridge),
        ("script", &vif.script),
        ("backend", &vif.backend),
        ("vifname", &vif.vifname),
    ] {
        children.extend(given(value.as_ref()).map(|value| (key, value.to_owned())));
    }
    children.extend(vif.ip.as_ref().map(|ip| ("ip", ip.text.as_str().to_owned())));
    if vif.kind.is_some_and(|kind| kind.value == VifType::Ioemu) {
        children.push(("type", "ioemu".to_owned()));
    }
    children.extend(given(vif.model.as_ref()).map(|model| ("model", model.to_owned())));
    if let Some(rate) = vif.rate {
        let written = vif.value("rate").map_or("", Text::as_str);
        match xend_rate(rate.value, written) {
            Some(text) => children.push(("rate", text)),
            None => left_out.push((format!("rate={written}"), "xend cannot hold to it")),
        }
    }
    let unknown = ["gatewaydev", "netdev", "mtu", "vlan", "trusted", "untrusted", "forwarddev"];
    foreign(vif, &unknown, "xend does not know it", &mut left_out);
    left_out.extend(
        vif.others
            .iter()
            .filter(|(key, _)| key != "forwarddev")
            .map(|(key, value)| (format!("{key}={value}"), "xend does not know it")),
    );
    Written { text: children, left_out }
}

/// A rate that xend reads as this limit.
fn xend_rate(rate: Rate, written: &str) -> Option<String> {
    if rate::parse_xend(written) == Ok(rate) {
        return Some(written.to_owned());
    }
    let text = xl_rate(rate, "")?;
    (rate::parse_xend(&text) == Ok(rate)).then_some(text)
}
