//! Variables that a file declares with `xm_vars`, to be given on the command line.

use super::{Binding, Evaluator};
use crate::diagnostic::{Diagnostic, kinds};
use crate::python::ast::Argument;
use crate::source::Span;
use crate::text::Text;
use crate::value::{Value, ValueKind};

/// How many variables a file may declare.
const MAX_DECLARED: usize = 100;

impl<'p> Evaluator<'p, '_> {
    /// `xm_vars.var(name, use=…, check=…)`
    pub(super) fn declare(&mut self, arguments: &'p [Argument], span: Span) -> Value {
        let mut name = None;
        let mut check = None;
        for (index, argument) in arguments.iter().enumerate() {
            match (argument.name.as_deref(), index) {
                (Some("name"), _) | (None, 0) => name = self.evaluate_value(&argument.value).text().cloned(),
                (Some("check"), _) | (None, 2) => check = Some(self.evaluate(&argument.value)),
                _ => {}
            }
        }
        if let Some(name) = name.filter(|_| self.declared.len() < MAX_DECLARED) {
            self.declared.push((name, check));
        }
        Value::new(ValueKind::None, span)
    }

    /// `xm_vars.check()`: each declared variable goes through its check, which may convert it.
    pub(super) fn check_declared(&mut self, span: Span) {
        for (name, check) in self.declared.clone() {
            let given = self.scopes.first().and_then(|scope| scope.get(name.as_str())).is_some();
            if !given {
                self.missing_variable(&name);
                continue;
            }
            if let Some(Binding::Function(parameters, body)) = check {
                let value = self.lookup(name.as_str(), name.span());
                let own_name = Binding::Value(Value::new(ValueKind::Text(name.clone()), name.span()));
                let checked = self.call_function(parameters, body, vec![own_name, value], span);
                self.bind(name.as_str(), name.span(), checked);
                self.lookup(name.as_str(), name.span());
            }
        }
    }

    fn missing_variable(&mut self, name: &Text) {
        let variable = name.as_str();
        self.diagnostics.push(
            Diagnostic::new(
                &kinds::PY_MISSING_VARIABLE,
                name.span(),
                format!("this file needs the variable `{variable}`"),
            )
            .label("declared here, and given nowhere")
            .note(format!("xm create would have it on its command line, as in `xm create FILE {variable}=1`"))
            .help(format!("give it a value: --var {variable}=1")),
        );
        let reason = self.already_reported();
        self.undefined.insert(variable.to_owned(), reason);
        self.forget(&[variable.to_owned()], name.span(), reason);
    }
}
