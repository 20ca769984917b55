//! `vlan=`: the VLANs of a guest's port on a bridge that filters them (`xl-network-configuration(5)`).
//!
//! The terms have slashes between them: `10p`, `20u`, `100-110`, `10+20x4`. In `N+SxC` the manual's text
//! counts *C additional* VLANs; its example and the patch that was once posted disagree with it and with each
//! other. The text is what holds here: `100+10x4` is 100, 110, 120, 130, 140.

use std::fmt;
use std::ops::Range;

/// One VLAN of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Vlan {
    /// From 1 to 4094.
    pub id: u16,
    /// True for the one VLAN that untagged frames from the guest belong to.
    pub pvid: bool,
    /// True when frames of this VLAN go to the guest without a tag.
    pub untagged: bool,
}

/// All VLANs of a port, in ascending order; exactly one is the PVID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vlans(Vec<Vlan>);

impl Vlans {
    /// All of them, in ascending order.
    pub fn iter(&self) -> std::slice::Iter<'_, Vlan> {
        self.0.iter()
    }

    /// The VLAN that untagged frames from the guest belong to.
    #[must_use]
    pub fn pvid(&self) -> Option<u16> {
        self.iter().find(|vlan| vlan.pvid).map(|vlan| vlan.id)
    }
}

impl<'a> IntoIterator for &'a Vlans {
    type Item = &'a Vlan;
    type IntoIter = std::slice::Iter<'a, Vlan>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Writes the terms so that [`parse`] reads the same VLANs from them; runs are written as ranges.
impl fmt::Display for Vlans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_slice();
        let mut separator = "";
        while let Some(first) = rest.first() {
            let run = rest
                .iter()
                .zip(first.id..)
                .take_while(|(vlan, id)| vlan.id == *id && !vlan.pvid && vlan.untagged == first.untagged)
                .count()
                .max(1);
            let suffix = match (first.pvid, first.untagged) {
                (true, _) => "p",
                (false, true) => "u",
                (false, false) => "",
            };
            let last = rest.get(run - 1).map_or(first.id, |vlan| vlan.id);
            if run == 1 {
                write!(f, "{separator}{}{suffix}", first.id)?;
            } else {
                write!(f, "{separator}{}-{last}{suffix}", first.id)?;
            }
            separator = "/";
            rest = rest.get(run..).unwrap_or(&[]);
        }
        Ok(())
    }
}

/// Why a `vlan=` cannot be read. Ranges are byte offsets into the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VlanError {
    /// A term that is none of `N[p|u]`, `A-B[u]`, `N+SxC[u]`.
    Syntax(Range<usize>),
    /// A number that is not from 1 to 4094.
    Range(Range<usize>),
    /// The end of a range lies before its beginning.
    Backwards(Range<usize>),
    /// The same VLAN twice.
    Duplicate(Range<usize>, u16),
    /// A second PVID.
    SecondPvid(Range<usize>),
    /// No PVID, and more than one VLAN.
    NoPvid,
}

impl fmt::Display for VlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(_) => {
                f.write_str("a VLAN term is `N`, `Np`, `Nu`, `A-B`, `A-Bu`, `N+SxC` or `N+SxCu`")
            }
            Self::Range(_) => f.write_str("a VLAN is a number from 1 to 4094"),
            Self::Backwards(_) => f.write_str("the range ends before it begins"),
            Self::Duplicate(_, id) => write!(f, "VLAN {id} is given twice"),
            Self::SecondPvid(_) => f.write_str("there can be only one VLAN with `p`"),
            Self::NoPvid => f.write_str("one VLAN must have a `p`: the one that untagged frames belong to"),
        }
    }
}

impl std::error::Error for VlanError {}

/// Reads the value of `vlan=`.
///
/// ```
/// use xenconf::vlan::parse;
///
/// let ids = |text| parse(text).unwrap().iter().map(|vlan| vlan.id).collect::<Vec<_>>();
/// assert_eq!(ids("10p/100+10x4"), [10, 100, 110, 120, 130, 140]);
/// assert_eq!(parse("10").unwrap().pvid(), Some(10));
/// ```
pub fn parse(text: &str) -> Result<Vlans, VlanError> {
    let mut vlans: Vec<Vlan> = Vec::new();
    let mut seen = [false; 4095];
    for term in text.split('/') {
        let start = term.as_ptr().addr() - text.as_ptr().addr();
        let range = start..start + term.len();
        for vlan in parse_term(term, &range)? {
            if vlan.pvid && vlans.iter().any(|other| other.pvid) {
                return Err(VlanError::SecondPvid(range));
            }
            let slot = seen.get_mut(usize::from(vlan.id)).ok_or_else(|| VlanError::Range(range.clone()))?;
            if std::mem::replace(slot, true) {
                return Err(VlanError::Duplicate(range, vlan.id));
            }
            vlans.push(vlan);
        }
    }
    if let [only] = vlans.as_mut_slice() {
        only.pvid = true;
        only.untagged = true;
    }
    if !vlans.iter().any(|vlan| vlan.pvid) {
        return Err(VlanError::NoPvid);
    }
    vlans.sort_unstable();
    Ok(Vlans(vlans))
}

fn parse_term(term: &str, range: &Range<usize>) -> Result<Vec<Vlan>, VlanError> {
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number {
            return Err(VlanError::Syntax(range.clone()));
        }
        text.parse::<u16>().map_err(|_| VlanError::Range(range.clone()))
    };
    let id = |id: u16| if (1..=4094).contains(&id) { Ok(id) } else { Err(VlanError::Range(range.clone())) };
    let (body, untagged) = match term.strip_suffix('u') {
        Some(body) => (body, true),
        None => (term, false),
    };
    let tagged = |id| Vlan { id, pvid: false, untagged };
    if let Some((first, rest)) = body.split_once('+') {
        let (step, count) = rest.split_once('x').ok_or_else(|| VlanError::Syntax(range.clone()))?;
        let (first, step, count) = (id(number(first)?)?, number(step)?, number(count)?);
        let last = u32::from(first) + u32::from(step) * u32::from(count);
        if step == 0 || last > 4094 {
            return Err(VlanError::Range(range.clone()));
        }
        return Ok((0..=count).map(|index| tagged(first + step * index)).collect());
    }
    if let Some((first, last)) = body.split_once('-') {
        let (first, last) = (id(number(first)?)?, id(number(last)?)?);
        if last < first {
            return Err(VlanError::Backwards(range.clone()));
        }
        return Ok((first..=last).map(tagged).collect());
    }
    if let Some(body) = term.strip_suffix('p') {
        return Ok(vec![Vlan { id: id(number(body)?)?, pvid: true, untagged: true }]);
    }
    Ok(vec![tagged(id(number(body)?)?)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read_and_written_back() {
        for (text, written) in [
            ("10", "10p"),
            ("10u", "10p"),
            ("10p/20", "10p/20"),
            ("20-24/10p", "10p/20-24"),
            ("10p/20-22u/30u", "10p/20-22u/30u"),
            ("10p/11-13", "10p/11-13"),
            ("1p/4094", "1p/4094"),
            ("10p/100+1x0", "10p/100"),
        ] {
            let vlans = parse(text).unwrap();
            assert_eq!(vlans.to_string(), written, "{text}");
            assert_eq!(parse(written).as_ref(), Ok(&vlans), "{written}");
        }
    }

    #[test]
    fn what_the_manual_forbids_is_refused() {
        for (text, error) in [
            ("", VlanError::Syntax(0..0)),
            ("0", VlanError::Range(0..1)),
            ("4095", VlanError::Range(0..4)),
            ("99999", VlanError::Range(0..5)),
            ("10p/20p", VlanError::SecondPvid(4..7)),
            ("10/20", VlanError::NoPvid),
            ("10p/10", VlanError::Duplicate(4..6, 10)),
            ("10p/20-15", VlanError::Backwards(4..9)),
            ("10p/20+0x2", VlanError::Range(4..10)),
            ("10p/4000+50x2", VlanError::Range(4..13)),
            ("10p/", VlanError::Syntax(4..4)),
            ("10pu", VlanError::Syntax(0..4)),
            ("10-20p", VlanError::Syntax(0..6)),
            ("10, 20", VlanError::Syntax(0..6)),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }
}
