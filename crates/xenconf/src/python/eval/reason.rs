//! What only running the file would tell: remembered while the file is gone through, told at its end, when it is
//! clear whether a setting depends on it.

use super::{Binding, Evaluator};
use crate::diagnostic::{Diagnostic, Severity, kinds};
use crate::source::Span;
use crate::value::{Reason, Setting, Settings, Value, ValueKind};

/// How many reasons for unknown values are told apart.
const MAX_REASONS: usize = 1000;

impl Evaluator<'_, '_> {
    /// A statement that only Python can carry out.
    pub(super) fn code(&mut self, keyword: &str, head: Span, names: &[String]) {
        let help = match keyword {
            "for" | "while" => "write out what each round of the loop would give, one value after the other",
            "class" => "write plain `name = value` lines",
            _ => "write the value itself",
        };
        let reason = self.needs_python(head, &format!("`{keyword}`"), help);
        self.forget(names, head, reason);
    }

    pub(super) fn already_reported(&mut self) -> Reason {
        if self.reasons.len() >= MAX_REASONS {
            return Reason(MAX_REASONS - 1);
        }
        // Told where it happened; kept only so that every reason has a number.
        self.reasons.push(Diagnostic::new(&kinds::PY_NEEDS_PYTHON, None, String::new()));
        Reason(self.reasons.len() - 1)
    }

    pub(super) fn needs_python(&mut self, span: Span, what: &str, help: &str) -> Reason {
        if self.reasons.len() >= MAX_REASONS {
            return Reason(MAX_REASONS - 1);
        }
        self.reasons.push(
            Diagnostic::new(&kinds::PY_NEEDS_PYTHON, span, format!("{what} needs Python"))
                .note("xm runs the file as a program; xl refuses it; it is only read here")
                .help(help.to_owned()),
        );
        Reason(self.reasons.len() - 1)
    }

    pub(super) fn unknown(reason: Reason, span: Span) -> Value {
        Value::new(ValueKind::Unknown(reason), span)
    }

    /// Tells what could not be worked out, as an error where a setting depends on it.
    pub(super) fn finish(mut self, is_setting: fn(&str) -> bool) -> Settings {
        let mut matters = vec![false; self.reasons.len()];
        let scope = self.scopes.swap_remove(0);
        let mut settings: Vec<(usize, Setting)> = Vec::with_capacity(scope.len());
        for (name, variable) in scope {
            let Binding::Value(value) = variable.binding else { continue };
            if is_setting(&name) {
                mark_reasons(&value, &mut matters);
            }
            settings.push((variable.order, Setting { name, name_span: variable.span, value }));
        }
        for (mut diagnostic, matters) in self.reasons.into_iter().zip(matters) {
            if diagnostic.message.is_empty() {
                continue;
            }
            if !matters {
                diagnostic.severity = Severity::Warning;
                diagnostic.notes.push("no setting of the domain depends on it".to_owned());
            }
            self.diagnostics.push(diagnostic);
        }
        settings.retain(|(order, _)| *order != usize::MAX);
        settings.sort_by_key(|(order, _)| *order);
        Settings::new(settings.into_iter().map(|(_, setting)| setting).collect())
    }
}

fn mark_reasons(value: &Value, matters: &mut [bool]) {
    match &value.kind {
        ValueKind::Unknown(Reason(index)) => {
            if let Some(flag) = matters.get_mut(*index) {
                *flag = true;
            }
        }
        ValueKind::List(items) | ValueKind::Tuple(items) => {
            for item in items {
                mark_reasons(item, matters);
            }
        }
        _ => {}
    }
}
