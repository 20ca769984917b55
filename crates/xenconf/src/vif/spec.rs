//! Takes a spec apart by the rules of xm or xl.

use std::ops::Range;

use super::keys::{self, Knowledge};
use super::read::{MAX_PIECES, Reader};
use super::{Toolstack, Vif, missing_comma};
use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::suggest::nearest;
use crate::text::Text;

/// Reads one spec of `vif = [ … ]`.
///
/// What the toolstack would refuse is an error, and reading goes on with the next key. Whether keys go together
/// with the guest and the host is not asked here.
#[must_use]
pub fn parse(spec: &Text, toolstack: Toolstack, diagnostics: &mut Diagnostics) -> Vif {
    let mut reader = Reader::new(spec.span(), toolstack, diagnostics);
    let text = spec.as_str();
    if toolstack == Toolstack::Xm && text.trim().is_empty() {
        return reader.finish();
    }
    let mut start = 0;
    for piece in text.split(',').take(MAX_PIECES) {
        let range = start..start + piece.len();
        start = range.end + 1;
        for part in missing_comma::split(spec, range, &mut reader) {
            match toolstack {
                Toolstack::Xm => xm_piece(spec, part, &mut reader),
                Toolstack::Xl => xl_piece(spec, part, &mut reader),
            }
        }
    }
    reader.finish()
}

/// The part of `range` that is left when blanks on both sides are taken off.
fn trimmed(text: &str, range: &Range<usize>) -> Range<usize> {
    let part = text.get(range.clone()).unwrap_or("");
    let lead = part.len() - part.trim_start().len();
    let body = part.trim().len();
    range.start + lead..range.start + lead + body
}

fn xm_piece(spec: &Text, range: Range<usize>, reader: &mut Reader<'_>) {
    let text = spec.as_str();
    let piece = text.get(range.clone()).unwrap_or("");
    let Some((key, value)) = piece.split_once('=') else {
        let place = trimmed(text, &range);
        return reader.report(without_value(spec, &place, Toolstack::Xm));
    };
    let key = trimmed(text, &(range.start..range.start + key.len()));
    let value = trimmed(text, &(range.end - value.len()..range.end));
    let name = text.get(key.clone()).unwrap_or("").to_owned();
    match keys::for_xm(&name) {
        Knowledge::Known => {}
        knowledge => reader.report(unknown_key(spec, &key, &name, knowledge, Toolstack::Xm)),
    }
    reader.set(&name, spec.place(key), spec.part(value));
}

fn xl_piece(spec: &Text, range: Range<usize>, reader: &mut Reader<'_>) {
    let text = spec.as_str();
    let piece = text.get(range.clone()).unwrap_or("").trim_start_matches(' ');
    let range = range.end - piece.len()..range.end;
    if piece.is_empty() {
        // Pieces without anything are left out; one of blanks alone is an unknown word to xl.
        return;
    }
    let Some((key, value)) = piece.split_once('=') else {
        return xl_flag(spec, piece, &range, reader);
    };
    let key_range = range.start..range.start + key.len();
    let value_range = range.end - value.len()..range.end;
    let name = key.trim();
    if name != key && keys::for_xl(name) == Knowledge::Known {
        reader.report(
            Diagnostic::new(
                &kinds::VIF_BLANK_IN_KEY,
                spec.place(key_range.clone()),
                format!("xl does not know the key `{key}`"),
            )
            .label("the blank belongs to the key")
            .note("xl prints a message and creates the interface without this setting")
            .help("leave no blanks round the `=`")
            .replace(spec.place(range.clone()), format!("{name}={}", value.trim())),
        );
    } else {
        match keys::for_xl(key) {
            Knowledge::Known => {}
            knowledge => reader.report(unknown_key(spec, &key_range, key, knowledge, Toolstack::Xl)),
        }
        if value != value.trim() && keys::for_xl(key) == Knowledge::Known {
            reader.report(
                Diagnostic::new(
                    &kinds::VIF_BLANK_IN_VALUE,
                    spec.place(value_range.clone()),
                    format!("xl keeps the blanks round the value of `{key}`"),
                )
                .note("xl takes off the blanks before a key, and no others")
                .help("leave no blanks round the value")
                .replace(spec.place(value_range.clone()), value.trim()),
            );
        }
    }
    let value_range = trimmed(text, &value_range);
    reader.set(name, spec.place(key_range), spec.part(value_range));
}

fn xl_flag(spec: &Text, piece: &str, range: &Range<usize>, reader: &mut Reader<'_>) {
    if keys::FLAGS.contains(&piece) {
        reader.set(piece, spec.place(range.clone()), spec.part(range.end..range.end));
    } else if !piece.trim().is_empty() {
        reader.report(without_value(spec, &trimmed(spec.as_str(), range), Toolstack::Xl));
    }
}

/// A piece without `=`.
fn without_value(spec: &Text, range: &Range<usize>, toolstack: Toolstack) -> Diagnostic {
    let piece = spec.as_str().get(range.clone()).unwrap_or("");
    let place = spec.place(range.clone());
    let consequence = match toolstack {
        Toolstack::Xm => "xm ends with an error and creates nothing",
        Toolstack::Xl => {
            "xl prints a message and leaves it out; as an argument of network-attach it is refused"
        }
    };
    if piece.is_empty() {
        return Diagnostic::new(
            &kinds::VIF_NO_VALUE,
            place,
            "there is nothing between two commas, or behind the last one",
        )
        .note(consequence)
        .help("delete the comma");
    }
    let diagnostic =
        Diagnostic::new(&kinds::VIF_NO_VALUE, place, format!("`{piece}` has no `=`")).note(consequence);
    if crate::ip::parse(piece).is_ok() {
        return diagnostic
            .help("a comma separates keys; separate addresses with blanks: `ip=10.0.0.1 10.0.0.2`");
    }
    if let Some((key, at)) = otherwise_separated(piece) {
        let end = range.start + at;
        let separator = spec.place(end..end + 1);
        return diagnostic.help(format!("write `{key}=…`")).replace(separator, "=");
    }
    match nearest(piece, keys::all()) {
        Some(key) if keys::FLAGS.contains(&key) => {
            diagnostic.help(format!("did you mean `{key}`?")).replace(place, key)
        }
        Some(key) => diagnostic.help(format!("write `{key}=…`")),
        None => diagnostic.help("each part of the specification is written `key=value`"),
    }
}

/// A key with something else than `=` behind it, and where that is: `bridge:xenbr0`.
fn otherwise_separated(piece: &str) -> Option<(&str, usize)> {
    let at = piece.find([':', ' ', '\t'])?;
    let key = piece.get(..at)?;
    (keys::all().any(|known| known == key) && !piece.get(at + 1..)?.trim().is_empty()).then_some((key, at))
}

pub(super) fn unknown_key(
    spec: &Text,
    range: &Range<usize>,
    key: &str,
    knowledge: Knowledge,
    toolstack: Toolstack,
) -> Diagnostic {
    let place = spec.place(range.clone());
    let program = toolstack.name();
    let consequence = match toolstack {
        Toolstack::Xm => "xm ends with an error and creates nothing",
        Toolstack::Xl => {
            "xl prints a message and creates the interface without this setting; network-attach refuses it"
        }
    };
    let diagnostic =
        Diagnostic::new(&kinds::VIF_UNKNOWN_KEY, place, format!("{program} does not know the key `{key}`"))
            .note(consequence);
    if knowledge == Knowledge::Other {
        let other = if toolstack == Toolstack::Xm { "xl" } else { "xm" };
        return diagnostic.help(format!("`{key}` is a key of {other}; delete it for {program}"));
    }
    match nearest(key, keys::all()) {
        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")).replace(place, meant),
        None => diagnostic
            .help("the keys are mac, bridge, ip, vifname, script, backend, rate, type, model and a few more"),
    }
}
