//! Expressions become values.

use super::{Binding, Evaluator, operator};
use crate::diagnostic::{Diagnostic, kinds};
use crate::python::ast::{Expression, ExpressionKind, FormattedPart, Logic, TrailerKind};
use crate::python::lexer::MAX_NESTING;
use crate::source::Span;
use crate::text::Builder;
use crate::value::{Value, ValueKind};

impl<'p> Evaluator<'p, '_> {
    /// The value of an expression, or the function or module that it names.
    pub(super) fn evaluate(&mut self, expression: &'p Expression) -> Binding<'p> {
        match &expression.kind {
            ExpressionKind::Name(name) => self.lookup(name, expression.span),
            ExpressionKind::Postfix(base, trailers) => self.postfix(base, trailers),
            _ => Binding::Value(self.evaluate_plain(expression)),
        }
    }

    pub(super) fn binding(&mut self, expression: &'p Expression) -> Binding<'p> {
        self.evaluate(expression)
    }

    pub(super) fn evaluate_value(&mut self, expression: &'p Expression) -> Value {
        match self.evaluate(expression) {
            Binding::Value(value) => value,
            Binding::Path(path) => {
                let help = "write the value itself";
                Self::unknown(self.needs_python(expression.span, &format!("`{path}`"), help), expression.span)
            }
            Binding::Function(..) => {
                let reason =
                    self.needs_python(expression.span, "a function as a value", "write the value itself");
                Self::unknown(reason, expression.span)
            }
        }
    }

    fn evaluate_plain(&mut self, expression: &'p Expression) -> Value {
        let span = expression.span;
        match &expression.kind {
            ExpressionKind::Literal(value) => value.clone(),
            ExpressionKind::Formatted(parts) => self.formatted(parts, span),
            ExpressionKind::List(items) => {
                let items = self.items(items);
                self.collection(ValueKind::List(items), span)
            }
            ExpressionKind::Tuple(items) => {
                let items = self.items(items);
                self.collection(ValueKind::Tuple(items), span)
            }
            ExpressionKind::Dictionary(items) => {
                let items =
                    items.iter().map(|(key, value)| (self.evaluate_value(key), self.evaluate_value(value)));
                let items = items.collect();
                self.collection(ValueKind::Dictionary(items), span)
            }
            // `a < b < c` compares twice, unlike any other chain.
            ExpressionKind::Chain(_, rest)
                if rest.len() > 1 && rest.iter().all(|(operator, _)| operator.is_relation()) =>
            {
                self.unworkable(span, "a comparison of three values")
            }
            ExpressionKind::Chain(first, _) if self.is_bare_word(first, span) => self.bare_word(span),
            ExpressionKind::Chain(first, rest) => {
                let mut left = self.evaluate_value(first);
                for (operator, right) in rest {
                    let right = self.evaluate_value(right);
                    left = self.operate(&left, *operator, &right, span);
                }
                left
            }
            ExpressionKind::Logic(logic, parts) => self.logic(*logic, parts, span),
            ExpressionKind::Not(inner) => {
                let value = self.evaluate_value(inner);
                match (operator::truth(&value), value.kind) {
                    (Some(truth), _) => Value::new(ValueKind::Boolean(!truth), span),
                    (None, kind) => Value::new(kind, span),
                }
            }
            ExpressionKind::Negative(inner) => {
                let value = self.evaluate_value(inner);
                let zero = Value::new(ValueKind::Integer(0), span);
                self.operate(&zero, crate::python::ast::Operator::Subtract, &value, span)
            }
            ExpressionKind::Conditional(parts) => {
                let [then, condition, otherwise] = parts.as_ref();
                let condition = self.evaluate_value(condition);
                match operator::truth(&condition) {
                    Some(true) => self.evaluate_value(then),
                    Some(false) => self.evaluate_value(otherwise),
                    None => Value::new(condition.kind, span),
                }
            }
            ExpressionKind::Code(what) => {
                let reason = self.needs_python(span, what, "write the values themselves");
                Self::unknown(reason, span)
            }
            ExpressionKind::Name(_) | ExpressionKind::Postfix(..) | ExpressionKind::Broken => {
                let reason = self.already_reported();
                Self::unknown(reason, span)
            }
        }
    }

    /// A list or its like, unless it has become too deep by being put into itself over and over.
    fn collection(&mut self, kind: ValueKind, span: Span) -> Value {
        let value = Value::new(kind, span);
        if !operator::is_deeper(&value, MAX_NESTING) {
            return value;
        }
        self.diagnostics.push(Diagnostic::new(&kinds::PY_TOO_DEEP, span, "this value is nested too deeply"));
        let reason = self.already_reported();
        Self::unknown(reason, span)
    }

    fn items(&mut self, items: &'p [Expression]) -> Vec<Value> {
        items.iter().map(|item| self.evaluate_value(item)).collect()
    }

    fn logic(&mut self, logic: Logic, parts: &'p [Expression], span: Span) -> Value {
        let mut last = Value::new(ValueKind::None, span);
        for part in parts {
            last = self.evaluate_value(part);
            match (operator::truth(&last), logic) {
                (Some(true), Logic::And) | (Some(false), Logic::Or) => {}
                _ => break,
            }
        }
        last
    }

    fn formatted(&mut self, parts: &'p [FormattedPart], span: Span) -> Value {
        let mut builder = Builder::new(span);
        for part in parts {
            match part {
                FormattedPart::Literal(value) => {
                    if let Some(text) = value.text() {
                        builder.append(text);
                    }
                }
                FormattedPart::Expression(expression, specification) => {
                    let value = self.evaluate_value(expression);
                    match self.format_value(&value, specification, expression.span) {
                        Ok(text) => builder.whole(&text, expression.span),
                        Err(reason) => return Self::unknown(reason, span),
                    }
                }
            }
        }
        builder.set_span(span);
        Value::new(ValueKind::Text(builder.finish()), span)
    }

    pub(super) fn lookup(&mut self, name: &str, span: Span) -> Binding<'p> {
        let found = self.scopes.iter_mut().rev().find_map(|scope| scope.get_mut(name));
        if let Some(variable) = found {
            variable.read = true;
            let cost = match &variable.binding {
                Binding::Value(value) => operator::weight(value),
                _ => 1,
            };
            let binding = variable.binding.clone();
            return match self.spend(cost, span) {
                Some(()) => binding,
                None => Binding::Value(Self::unknown(self.already_reported(), span)),
            };
        }
        if super::call::is_builtin(name) {
            return Binding::Path(name.to_owned());
        }
        Binding::Value(self.undefined(name, span))
    }

    /// True for a value like `xen-br0` without its quotes, which Python takes for a computation with names.
    fn is_bare_word(&self, first: &Expression, span: Span) -> bool {
        let ExpressionKind::Name(name) = &first.kind else { return false };
        let written = self.text.get(span.range()).unwrap_or("");
        let is_word = written
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/'));
        is_word && !super::call::is_builtin(name) && !self.scopes.iter().any(|scope| scope.contains_key(name))
    }

    fn bare_word(&mut self, span: Span) -> Value {
        let written = self.text.get(span.range()).unwrap_or("");
        self.diagnostics.push(
            Diagnostic::new(&kinds::PY_UNDEFINED, span, format!("`{written}` is not in quotes"))
                .note("Python takes it for a computation with names, and xm stops: NameError")
                .help("put quotes round it")
                .replace(span, format!("'{written}'")),
        );
        let reason = self.already_reported();
        Self::unknown(reason, span)
    }

    fn undefined(&mut self, name: &str, span: Span) -> Value {
        if let Some(reason) = self.undefined.get(name) {
            return Self::unknown(*reason, span);
        }
        let reason = self.already_reported();
        self.undefined.insert(name.to_owned(), reason);
        let is_variable =
            name.contains("id") || self.declared.iter().any(|(declared, _)| declared.as_str() == name);
        let diagnostic = Diagnostic::new(&kinds::PY_UNDEFINED, span, format!("`{name}` is not defined"))
            .note("xm stops here: NameError");
        self.diagnostics.push(if is_variable {
            diagnostic.help(format!("give it a value as on xm's command line: --var {name}=1"))
        } else if matches!(name, "true" | "false" | "none" | "yes" | "no" | "on" | "off") {
            diagnostic
                .help("write 1 or 0")
                .replace(span, if matches!(name, "true" | "yes" | "on") { "1" } else { "0" })
        } else {
            diagnostic
                .help(format!("put quotes round it if it is a value, or give the variable: --var {name}=…"))
                .replace(span, format!("'{name}'"))
        });
        Self::unknown(reason, span)
    }

    pub(super) fn index(&mut self, value: &Value, index: &Value, span: Span) -> Value {
        for part in [value, index] {
            if let ValueKind::Unknown(reason) = part.kind {
                return Self::unknown(reason, span);
            }
        }
        let found = match (&value.kind, &index.kind) {
            (ValueKind::List(items) | ValueKind::Tuple(items), ValueKind::Integer(index)) => {
                position(*index, items.len()).and_then(|index| items.get(index)).cloned()
            }
            (ValueKind::Text(text), ValueKind::Integer(index)) => {
                let characters: Vec<(usize, char)> = text.as_str().char_indices().collect();
                position(*index, characters.len())
                    .and_then(|index| characters.get(index))
                    .map(|(at, c)| Value::new(ValueKind::Text(text.part(*at..*at + c.len_utf8())), span))
            }
            (ValueKind::Dictionary(items), _) => {
                items.iter().find(|(key, _)| key == index).map(|(_, value)| value.clone())
            }
            _ => None,
        };
        found.unwrap_or_else(|| {
            let reason = self.needs_python(span, "this index", "write the value itself");
            Self::unknown(reason, span)
        })
    }

    pub(super) fn slice(&mut self, value: &Value, bounds: &'p TrailerKind, span: Span) -> Value {
        let TrailerKind::Slice(from, to) = bounds else { return Value::new(ValueKind::None, span) };
        let from = from.as_ref().map_or(Some(0), |from| self.evaluate_value(from).as_integer());
        let to = to.as_ref().map_or(Some(i64::MAX), |to| self.evaluate_value(to).as_integer());
        let bounds = from.zip(to);
        match (&value.kind, bounds) {
            (ValueKind::Unknown(reason), _) => Self::unknown(*reason, span),
            (ValueKind::Text(text), Some((from, to))) => {
                let ends: Vec<usize> =
                    text.as_str().char_indices().map(|(at, _)| at).chain([text.as_str().len()]).collect();
                let length = ends.len() - 1;
                let (from, to) = (clamp(from, length), clamp(to, length));
                let part = ends.get(from).copied().unwrap_or(0)..ends.get(to.max(from)).copied().unwrap_or(0);
                Value::new(ValueKind::Text(text.part(part)), span)
            }
            (ValueKind::List(items), Some((from, to))) => {
                let (from, to) = (clamp(from, items.len()), clamp(to, items.len()));
                Value::new(ValueKind::List(items.get(from..to.max(from)).unwrap_or(&[]).to_vec()), span)
            }
            _ => {
                let reason = self.needs_python(span, "this slice", "write the value itself");
                Self::unknown(reason, span)
            }
        }
    }
}

/// An index that may count from the end.
fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let index = if index < 0 { index + length } else { index };
    usize::try_from(index).ok()
}

/// A bound of a slice, which may count from the end or lie outside.
fn clamp(bound: i64, length: usize) -> usize {
    let signed = i64::try_from(length).unwrap_or(i64::MAX);
    let bound = if bound < 0 { bound.saturating_add(signed) } else { bound };
    usize::try_from(bound.clamp(0, signed)).unwrap_or(length)
}
