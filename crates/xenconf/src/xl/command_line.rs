//! Settings from the command line of `xl create`.

use super::read;
use crate::diagnostic::Diagnostics;
use crate::source::{Source, Span};
use crate::text::Text;
use crate::value::{Setting, Settings, Value, ValueKind};

/// Variables from the command line win, as if they stood in lines at the end of the file.
pub(crate) fn override_settings(settings: &mut Settings, source: &Source, variables: &[(String, String)]) {
    let end = Span::at(source.text().len());
    for (name, value) in variables {
        // `vif+=[…]` comes here as the name `vif+`.
        let line = Source::new("", format!("{name}={value}\n").as_bytes());
        let mut found = Diagnostics::new();
        let read = read(&line, &[], &mut found);
        let (base, adds) = name.strip_suffix('+').map_or((name.as_str(), false), |base| (base, true));
        let value = match read.value(base).filter(|_| !found.has_errors()) {
            Some(value) => relocated(value, end),
            // A word without quotes, as shells leave it.
            None => Value::new(ValueKind::Text(Text::whole(value.clone(), end)), end),
        };
        let kind = match (settings.value(base).map(|value| &value.kind), value.kind) {
            (Some(ValueKind::List(items)), ValueKind::List(more)) if adds => {
                ValueKind::List(items.iter().cloned().chain(more).collect())
            }
            (_, kind) => kind,
        };
        settings.set(Setting { name: base.to_owned(), name_span: end, value: Value::new(kind, end) });
    }
}

/// A value from the command line has no place in the file: all of it stands at the end.
fn relocated(value: &Value, end: Span) -> Value {
    let kind = match &value.kind {
        ValueKind::Text(text) => ValueKind::Text(Text::whole(text.as_str().to_owned(), end)),
        ValueKind::Number(text) => ValueKind::Number(Text::whole(text.as_str().to_owned(), end)),
        ValueKind::List(items) => ValueKind::List(items.iter().map(|item| relocated(item, end)).collect()),
        other => other.clone(),
    };
    Value::new(kind, end)
}
