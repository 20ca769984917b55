//! Methods of strings.

use crate::text::{Builder, Text};
use crate::value::{Value, ValueKind};

/// What a method of a string gives; `None` for one that is not worked out.
pub(super) fn string_method(text: &Text, name: &str, values: &[Value]) -> Option<ValueKind> {
    let string = text.as_str();
    let span = text.span();
    let whole = |string: String| Some(ValueKind::Text(Text::whole(string, span)));
    let trimmed = |part: &str| {
        let start = part.as_ptr().addr() - string.as_ptr().addr();
        Some(ValueKind::Text(text.part(start..start + part.len())))
    };
    match (name, values) {
        ("strip", []) => trimmed(string.trim()),
        ("lstrip", []) => trimmed(string.trim_start()),
        ("rstrip", []) => trimmed(string.trim_end()),
        ("lower", []) => whole(string.to_lowercase()),
        ("upper", []) => whole(string.to_uppercase()),
        ("replace", [from, to]) => {
            let (from, to) = (from.as_str()?, to.as_str()?);
            (!from.is_empty() && to.len() <= 64).then(|| string.replace(from, to)).and_then(whole)
        }
        ("startswith", [part]) => Some(ValueKind::Boolean(string.starts_with(part.as_str()?))),
        ("endswith", [part]) => Some(ValueKind::Boolean(string.ends_with(part.as_str()?))),
        ("zfill", [width]) => {
            let width = usize::try_from(width.as_integer()?).ok().filter(|width| *width <= 256)?;
            whole(format!("{string:0>width$}"))
        }
        ("split", []) => {
            Some(ValueKind::List(string.split_whitespace().map(|part| text_part(text, part)).collect()))
        }
        ("split", [separator]) => {
            let separator = separator.as_str().filter(|separator| !separator.is_empty())?;
            Some(ValueKind::List(string.split(separator).map(|part| text_part(text, part)).collect()))
        }
        ("join", [items]) => {
            let mut builder = Builder::new(items.span);
            for (index, item) in items.items()?.iter().enumerate() {
                if index > 0 {
                    builder.whole(string, span);
                }
                builder.append(item.text()?);
            }
            Some(ValueKind::Text(builder.finish()))
        }
        _ => None,
    }
}

/// A slice of a text's string, as a value with its place.
fn text_part(text: &Text, part: &str) -> Value {
    let start = part.as_ptr().addr() - text.as_str().as_ptr().addr();
    let part = text.part(start..start + part.len());
    let span = part.span();
    Value::new(ValueKind::Text(part), span)
}
