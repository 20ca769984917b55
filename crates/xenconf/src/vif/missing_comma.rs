//! Two keys of a spec with something else than a comma between them.

use std::ops::Range;

use super::read::Reader;
use super::{Toolstack, keys};
use crate::diagnostic::{Diagnostic, Kind, kinds};
use crate::source::Span;
use crate::text::Text;

/// Cuts one part of a spec, which has no comma, before each further `key=` in it, and says that a comma is missing.
///
/// The parts are read as if it were there: that is what was meant, and a fault in the second key is not hidden by
/// the first.
pub(super) fn split(spec: &Text, piece: Range<usize>, reader: &mut Reader<'_>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut rest = piece;
    while let Some((gap, is_joint)) = gap(spec, rest.clone()) {
        report(spec, &rest, &gap, is_joint, reader);
        parts.push(rest.start..gap.start);
        rest.start = gap.end;
    }
    parts.push(rest);
    parts
}

/// What stands between the first value of a part and the next key; true when it is the end of a string.
fn gap(spec: &Text, part: Range<usize>) -> Option<(Range<usize>, bool)> {
    let piece = spec.as_str().get(part.clone())?;
    let (first, _) = piece.split_once('=')?;
    let takes_arguments = first.trim() == "script";
    let keys = piece.match_indices('=').skip(1);
    let mut found = keys.filter_map(|(equals, _)| {
        let before = piece.get(..equals)?;
        // Of two keys of which one ends like the other, the longer one is meant.
        let key = keys::all().filter(|key| before.ends_with(key)).max_by_key(|key| key.len())?;
        let end = equals - key.len();
        let is_joint = spec.is_joint(part.start + end);
        let value = piece.get(..end)?;
        let start = value.trim_end_matches(|c: char| c.is_ascii_whitespace() || c == ';').len();
        let is_gap = start < end && (!takes_arguments || value.get(start..)?.contains(';'));
        // Nothing but a value can be cut off: `rate=` is no key of its own in `= rate=`.
        let is_behind_value = start > first.len() + 1;
        (is_behind_value && (is_gap || is_joint && !takes_arguments))
            .then(|| (part.start + start..part.start + end, is_joint))
    });
    found.next()
}

fn report(spec: &Text, part: &Range<usize>, gap: &Range<usize>, is_joint: bool, reader: &mut Reader<'_>) {
    let text = spec.as_str();
    let key_at = |from: usize| {
        let key = text.get(from..).and_then(|rest| rest.split('=').next()).unwrap_or("");
        key.trim().to_owned()
    };
    let (before, behind) = (key_at(part.start), key_at(gap.end));
    let value = text.get(part.start..).and_then(|rest| rest.split_once('=')).map_or("", |(_, value)| value);
    let value_start = text.len() - value.len();
    let place = spec.place(gap.end..gap.end + behind.len());
    let mut found = Diagnostic::new(
        kind(reader.toolstack, &before),
        place,
        format!("there is no comma before `{behind}`"),
    )
    .related(spec.place(value_start..gap.start), format!("the value of `{before}` does not end here"))
    .note(consequence(reader.toolstack, &before));
    found = if before == behind && is_joint {
        found.help("put a comma between the two strings, for two interfaces")
    } else if is_joint {
        found
            .help("put a comma at the beginning of the string")
            .replace(Span { end: place.start, ..place }, ",")
    } else {
        found.help("put a comma between the two keys").replace(spec.place(gap.clone()), ",")
    };
    reader.report(found);
}

/// xl refuses what follows a rate or a type, as it refuses any other rate or type that it cannot read.
const fn kind(toolstack: Toolstack, key: &str) -> &'static Kind {
    match (toolstack, key.as_bytes()) {
        (Toolstack::Xl, b"rate") => &kinds::RATE_SYNTAX,
        (Toolstack::Xl, b"type") => &kinds::VIF_TYPE,
        _ => &kinds::VIF_MISSING_COMMA,
    }
}

fn consequence(toolstack: Toolstack, key: &str) -> &'static str {
    match (toolstack, key) {
        (Toolstack::Xl, "mac") => "xl takes the address and ignores the rest",
        (Toolstack::Xl, "rate") => "xl ends with an error and creates nothing",
        (Toolstack::Xl, "type") => "xl prints a message and leaves it out; network-attach refuses it",
        (Toolstack::Xl, "bridge") => {
            "xl takes all of it for the bridge's name, and the interface does not come up"
        }
        (Toolstack::Xl, _) => "xl takes all of it for the value",
        (Toolstack::Xm, "bridge") => {
            "xm takes all of it for the bridge's name, and the interface does not come up"
        }
        (Toolstack::Xm, _) => "xm takes all of it for the value",
    }
}
