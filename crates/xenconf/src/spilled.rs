//! `vif = [ 'ip=10.0.0.1', bridge=xenbr0 ]`: a specification whose quote was closed too early.

use crate::diagnostic::{Diagnostic, kinds};
use crate::source::Span;
use crate::text::Builder;
use crate::value::{Value, ValueKind};

/// What was meant, when that is plain: the one string before the spilled part, and the rest of the list, make one
/// string. `written` is the list with its brackets.
pub(crate) fn meant(written: &str, list: Span, items: &[Value]) -> Option<Value> {
    let inside = written.strip_prefix('[')?;
    let inside = inside.strip_suffix(']').unwrap_or(inside);
    let is_plain = !inside.contains(['\n', '#', '\\', '[', ']', '(']);
    if !is_plain || items.len() > 1 || items.iter().any(|item| item.text().is_none()) {
        return None;
    }
    let start = list.start as usize + 1;
    let lead = inside.len() - inside.trim_start().len();
    let mut builder = Builder::new(list);
    let mut at = start + lead;
    for part in inside.trim().split(['\'', '"']) {
        builder.verbatim(part, at);
        at += part.len() + 1;
    }
    let text = builder.finish();
    let span = text.span();
    Some(Value::new(ValueKind::List(vec![Value::new(ValueKind::Text(text), span)]), list))
}

/// Says what is wrong at `at`, in the list.
pub(crate) fn diagnostic(at: Span, list: Span, meant: Option<&Value>) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &kinds::ASSIGNMENT_IN_LIST,
        at,
        "this part of the specification stands outside the quotes",
    )
    .related(list, "in this list")
    .help("put the whole specification in one pair of quotes");
    match meant.and_then(Value::items).and_then(<[Value]>::first).and_then(Value::as_str) {
        Some(text) => diagnostic.replace(list, format!("[ '{text}' ]")),
        None => diagnostic,
    }
}
