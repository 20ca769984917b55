//! `(vif (mac …) (bridge …))`

use super::keys::{self, Knowledge};
use super::read::{MAX_PIECES, Reader};
use super::spec::unknown_key;
use super::{Toolstack, Vif};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, kinds};
use crate::sxp::NodeRef;
use crate::text::{Builder, Text};

/// Reads a `(vif …)` element as xend does. Several `(ip …)` are joined with blanks, as Xen 2.0 and 3.0 did.
#[must_use]
pub fn parse_sxp(element: NodeRef<'_>, diagnostics: &mut Diagnostics) -> Vif {
    let mut reader = Reader::new(element.span(), Toolstack::Xm, diagnostics);
    let mut addresses: Vec<&Text> = Vec::new();
    for child in element.arguments().take(MAX_PIECES) {
        let Some(key) = child.children().next().and_then(NodeRef::text) else {
            reader.report(
                Diagnostic::new(
                    &kinds::VIF_NO_VALUE,
                    child.span(),
                    "expected an element like `(mac 00:16:3e:00:00:01)` here",
                )
                .severity(Severity::Warning)
                .note("xend leaves it out")
                .help("write each setting as `(key value)`"),
            );
            continue;
        };
        let name = key.as_str();
        let knowledge = keys::for_sxp(name);
        if knowledge != Knowledge::Known {
            let diagnostic = unknown_key(key, &(0..name.len()), name, knowledge, Toolstack::Xm);
            let notes = vec!["xend keeps it with the interface and gives it no meaning".to_owned()];
            reader.report(Diagnostic { severity: Severity::Warning, notes, ..diagnostic });
        }
        let mut values = child.arguments();
        match values.next().map(NodeRef::text) {
            Some(Some(value)) if name == "ip" => addresses.push(value),
            Some(Some(value)) => reader.set(name, key.span(), value.clone()),
            Some(None) | None => reader.report(
                Diagnostic::new(&kinds::VIF_NO_VALUE, child.span(), format!("`{name}` has no value"))
                    .help(format!("write `({name} VALUE)`, or leave the element out")),
            ),
        }
        if let Some(extra) = values.next() {
            reader.report(
                Diagnostic::new(&kinds::SXP_EXTRA_VALUE, extra.span(), format!("`{name}` takes one value"))
                    .label("this one is not read")
                    .help("put the whole value in quotes"),
            );
        }
    }
    if let (Some(first), Some(last)) = (addresses.first(), addresses.last()) {
        let span = first.span();
        let text = if addresses.len() == 1 {
            (*first).clone()
        } else {
            join(&addresses, first.span().to(last.span()))
        };
        reader.set("ip", span, text);
    }
    reader.finish()
}

fn join(parts: &[&Text], span: crate::source::Span) -> Text {
    let mut builder = Builder::new(span);
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            builder.whole(" ", span);
        }
        builder.append(part);
    }
    builder.set_span(span);
    builder.finish()
}
