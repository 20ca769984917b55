//! Calls: of the functions that configuration files use, of methods of strings, and of the file's own checks.

use super::methods::string_method;
use super::{Binding, Evaluator, Flow, MAX_CALLS, Scope, Variable};
use crate::diagnostic::{Diagnostic, kinds};
use crate::python::ast::{Argument, Expression, ExpressionKind, Statement, Trailer, TrailerKind};
use crate::source::Span;
use crate::text::Text;
use crate::value::{Value, ValueKind};

/// What a row of trailers has arrived at.
enum Current<'p> {
    Binding(Binding<'p>),
    Method(Value, &'p str),
}

/// Names that are there without being defined: Python's own, and those that xm imports from `xen.util.ip`.
pub(super) fn is_builtin(name: &str) -> bool {
    const PYTHON: &[&str] = &[
        "abs",
        "all",
        "any",
        "apply",
        "bin",
        "bool",
        "chr",
        "cmp",
        "dict",
        "dir",
        "enumerate",
        "eval",
        "file",
        "filter",
        "float",
        "format",
        "getattr",
        "globals",
        "hasattr",
        "hash",
        "hex",
        "id",
        "input",
        "int",
        "isinstance",
        "iter",
        "len",
        "list",
        "locals",
        "long",
        "map",
        "max",
        "min",
        "next",
        "object",
        "oct",
        "open",
        "ord",
        "pow",
        "range",
        "raw_input",
        "reduce",
        "repr",
        "reversed",
        "round",
        "set",
        "slice",
        "sorted",
        "str",
        "sum",
        "tuple",
        "type",
        "unichr",
        "unicode",
        "vars",
        "xrange",
        "zip",
        "__import__",
        "Exception",
        "IOError",
        "KeyError",
        "OSError",
        "RuntimeError",
        "StandardError",
        "SystemExit",
        "TypeError",
        "ValueError",
    ];
    const XM: &[&str] = &[
        "get_current_ipaddr",
        "get_current_ipmask",
        "get_current_ipgw",
        "inet_aton",
        "inet_ntoa",
        "add_offset_to_ip",
        "check_subnet",
    ];
    PYTHON.contains(&name) || XM.contains(&name)
}

impl<'p> Evaluator<'p, '_> {
    pub(super) fn postfix(&mut self, base: &'p Expression, trailers: &'p [Trailer]) -> Binding<'p> {
        let mut current = Current::Binding(self.evaluate(base));
        for trailer in trailers {
            let span = base.span.to(trailer.span);
            current = self.trailer(current, trailer, span);
        }
        match current {
            Current::Binding(binding) => binding,
            Current::Method(value, _) => match value.kind {
                ValueKind::Unknown(reason) => Binding::Value(Self::unknown(reason, base.span)),
                _ => Binding::Value(self.unworkable(base.span, "this attribute")),
            },
        }
    }

    fn trailer(&mut self, current: Current<'p>, trailer: &'p Trailer, span: Span) -> Current<'p> {
        let value = match (current, &trailer.kind) {
            (Current::Binding(Binding::Path(path)), TrailerKind::Attribute(name)) => {
                return Current::Binding(Binding::Path(format!("{path}.{name}")));
            }
            (Current::Binding(Binding::Path(path)), TrailerKind::Call(arguments)) => {
                self.call_path(&path, arguments, span)
            }
            (Current::Binding(Binding::Path(path)), _) => self.unworkable(span, &format!("`{path}`")),
            (Current::Binding(Binding::Function(parameters, body)), TrailerKind::Call(arguments)) => {
                let arguments: Vec<_> =
                    arguments.iter().map(|argument| self.evaluate(&argument.value)).collect();
                return Current::Binding(self.call_function(parameters, body, arguments, span));
            }
            (Current::Binding(Binding::Function(..)), _) => self.unworkable(span, "this use of a function"),
            (Current::Binding(Binding::Value(value)), TrailerKind::Attribute(name)) => {
                return Current::Method(value, name);
            }
            (Current::Binding(Binding::Value(value)), TrailerKind::Index(index)) => {
                let index = self.evaluate_value(index);
                self.index(&value, &index, span)
            }
            (Current::Binding(Binding::Value(value)), TrailerKind::Slice(..)) => {
                self.slice(&value, &trailer.kind, span)
            }
            (Current::Binding(Binding::Value(value)), TrailerKind::Call(_)) => match value.kind {
                ValueKind::Unknown(reason) => Self::unknown(reason, span),
                _ => self.unworkable(span, "this call"),
            },
            (Current::Method(value, name), TrailerKind::Call(arguments)) => {
                self.call_method(&value, name, arguments, span)
            }
            (Current::Method(value, _), _) => match value.kind {
                ValueKind::Unknown(reason) => Self::unknown(reason, span),
                _ => self.unworkable(span, "this attribute"),
            },
        };
        Current::Binding(Binding::Value(value))
    }

    pub(super) fn unworkable(&mut self, span: Span, what: &str) -> Value {
        let reason = self.needs_python(span, what, "write the value itself");
        Self::unknown(reason, span)
    }

    fn call_path(&mut self, path: &str, arguments: &'p [Argument], span: Span) -> Value {
        match path {
            "xm_vars.var" => self.declare(arguments, span),
            "xm_vars.check" => {
                self.check_declared(span);
                Value::new(ValueKind::None, span)
            }
            "os.uname" | "uname" | "platform.uname" => {
                let host = self.host;
                let parts = [&host.system, &host.node, &host.release, &host.version, &host.machine];
                let parts = parts.map(|part| text_value(part.clone(), span));
                Value::new(ValueKind::Tuple(parts.into()), span)
            }
            "platform.machine" => text_value(self.host.machine.clone(), span),
            "platform.system" => text_value(self.host.system.clone(), span),
            "platform.node" | "socket.gethostname" => {
                let what = format!("the host's name, which `{path}` gives,");
                self.unworkable(span, &what)
            }
            _ => {
                let values: Vec<Value> =
                    arguments.iter().map(|argument| self.evaluate_value(&argument.value)).collect();
                self.call_pure(path, &values, span)
            }
        }
    }

    /// Functions whose result depends on their arguments alone.
    fn call_pure(&mut self, path: &str, values: &[Value], span: Span) -> Value {
        if let Some(reason) = values.iter().find_map(unknown_reason) {
            return Self::unknown(reason, span);
        }
        let kind = match (path, values) {
            ("int" | "long", [value]) => return self.whole_number(path, value, 10, span),
            ("int" | "long", [value, base]) => {
                let radix = base.as_integer().and_then(|radix| u32::try_from(radix).ok()).unwrap_or(0);
                return self.whole_number(path, value, radix, span);
            }
            ("str" | "repr", [value]) => match plain_string(value) {
                Some(text) if path == "str" => return text_value(text, span),
                _ => None,
            },
            ("float", [value]) => match &value.kind {
                ValueKind::Text(text) => text.as_str().trim().parse().ok().map(ValueKind::Float),
                _ => plain_string(value).and_then(|text| text.parse().ok()).map(ValueKind::Float),
            },
            ("len", [value]) => {
                let length =
                    value.as_str().map(|text| text.chars().count()).or(value.items().map(<[Value]>::len));
                length.and_then(|length| i64::try_from(length).ok()).map(ValueKind::Integer)
            }
            ("bool", [value]) => super::operator::truth(value).map(ValueKind::Boolean),
            ("list", [value]) => value.items().map(|items| ValueKind::List(items.to_vec())),
            ("tuple", [value]) => value.items().map(|items| ValueKind::Tuple(items.to_vec())),
            ("hex", [value]) => match value.kind {
                ValueKind::Integer(number) => return text_value(format!("{number:#x}"), span),
                _ => None,
            },
            ("re.search" | "re.match", [pattern, subject]) => {
                return self.search(path, pattern, subject, span);
            }
            ("os.path.join", parts) => {
                let parts: Option<Vec<&str>> = parts.iter().map(Value::as_str).collect();
                return match parts {
                    Some(parts) => text_value(join_paths(&parts), span),
                    None => self.unworkable(span, "`os.path.join`"),
                };
            }
            ("os.path.basename", [value]) => match value.as_str() {
                Some(path) => return text_value(path.rsplit('/').next().unwrap_or("").to_owned(), span),
                None => None,
            },
            _ => None,
        };
        match kind {
            Some(kind) => Value::new(kind, span),
            None => self.unworkable(span, &format!("`{path}(…)`")),
        }
    }

    fn whole_number(&mut self, function: &str, value: &Value, radix: u32, span: Span) -> Value {
        let number = match &value.kind {
            ValueKind::Integer(number) => Some(*number),
            ValueKind::Boolean(truth) => Some(i64::from(*truth)),
            ValueKind::Long(digits) => digits.parse().ok(),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "int() cuts the fraction off; out of range saturates"
            )]
            ValueKind::Float(number) => Some(*number as i64),
            ValueKind::Text(text) if (2..=36).contains(&radix) => {
                let text = text.as_str().trim();
                let digits =
                    if radix == 16 { text.trim_start_matches("0x").trim_start_matches("0X") } else { text };
                i64::from_str_radix(digits, radix).ok()
            }
            _ => None,
        };
        match number {
            Some(number) if function == "long" => Value::new(ValueKind::Long(number.to_string()), span),
            Some(number) => Value::new(ValueKind::Integer(number), span),
            None => {
                let shown =
                    value.as_str().map_or_else(|| value.type_name().to_owned(), |text| format!("`{text}`"));
                self.diagnostics.push(
                    Diagnostic::new(&kinds::PY_WRONG_TYPE, span, format!("{shown} is no whole number"))
                        .note("xm stops here: ValueError"),
                );
                let reason = self.already_reported();
                Self::unknown(reason, span)
            }
        }
    }

    /// A regular expression is understood as far as it is plain text.
    fn search(&mut self, path: &str, pattern: &Value, subject: &Value, span: Span) -> Value {
        let (Some(pattern), Some(subject)) = (pattern.as_str(), subject.as_str()) else {
            return self.unworkable(span, &format!("`{path}(…)`"));
        };
        let anchored = pattern.starts_with('^') || path == "re.match";
        let ends = pattern.ends_with('$');
        let plain = pattern.trim_start_matches('^').trim_end_matches('$');
        if plain.contains(['.', '*', '+', '?', '[', ']', '(', ')', '{', '}', '|', '\\', '^', '$']) {
            return self.unworkable(span, "this regular expression");
        }
        let found = match (anchored, ends) {
            (true, true) => subject == plain,
            (true, false) => subject.starts_with(plain),
            (false, true) => subject.ends_with(plain),
            (false, false) => subject.contains(plain),
        };
        Value::new(if found { ValueKind::Boolean(true) } else { ValueKind::None }, span)
    }

    pub(super) fn call_function(
        &mut self,
        parameters: &'p [String],
        body: &'p [Statement],
        arguments: Vec<Binding<'p>>,
        span: Span,
    ) -> Binding<'p> {
        if self.scopes.len() > MAX_CALLS {
            return Binding::Value(self.unworkable(span, "a function that calls itself"));
        }
        let scope: Scope<'p> = parameters
            .iter()
            .zip(arguments)
            .enumerate()
            .map(|(order, (name, binding))| (name.clone(), Variable { binding, span, read: true, order }))
            .collect();
        self.scopes.push(scope);
        let flow = self.block(body);
        self.scopes.pop();
        match flow {
            Flow::Return(binding) => binding,
            Flow::Next => Binding::Value(Value::new(ValueKind::None, span)),
            Flow::Raise => {
                let reason = self.already_reported();
                Binding::Value(Self::unknown(reason, span))
            }
        }
    }

    /// `list.append(…)` and its like, standing alone. True when that is what the expression was.
    pub(super) fn method_statement(&mut self, expression: &'p Expression) -> bool {
        let ExpressionKind::Postfix(base, trailers) = &expression.kind else { return false };
        let (ExpressionKind::Name(name), [attribute, call]) = (&base.kind, trailers.as_slice()) else {
            return false;
        };
        let (TrailerKind::Attribute(method), TrailerKind::Call(arguments)) = (&attribute.kind, &call.kind)
        else {
            return false;
        };
        let Binding::Value(mut value) = self.lookup_quietly(name) else { return false };
        let mut values: Vec<Value> =
            arguments.iter().map(|argument| self.evaluate_value(&argument.value)).collect();
        match (&mut value.kind, method.as_str(), values.as_mut_slice()) {
            (ValueKind::Unknown(_), ..) => return true,
            (ValueKind::List(items), "append", [item]) => items.push(item.clone()),
            (ValueKind::List(items), "extend", [Value { kind: ValueKind::List(more), .. }]) => {
                items.append(more);
            }
            (ValueKind::List(items), "insert", [Value { kind: ValueKind::Integer(0), .. }, item]) => {
                items.insert(0, item.clone());
            }
            (ValueKind::List(_), ..) => {
                value = self.unworkable(expression.span, &format!("`{name}.{method}`"));
            }
            _ => return false,
        }
        self.bind(name, base.span, Binding::Value(value));
        true
    }

    fn lookup_quietly(&mut self, name: &str) -> Binding<'p> {
        let known = self.scopes.iter().any(|scope| scope.contains_key(name));
        if known { self.lookup(name, Span::default()) } else { Binding::Path(String::new()) }
    }

    fn call_method(&mut self, value: &Value, name: &str, arguments: &'p [Argument], span: Span) -> Value {
        if let ValueKind::Unknown(reason) = value.kind {
            return Self::unknown(reason, span);
        }
        if let ("format", ValueKind::Text(format)) = (name, &value.kind) {
            return self.call_format(format, arguments, span);
        }
        let values: Vec<Value> =
            arguments.iter().map(|argument| self.evaluate_value(&argument.value)).collect();
        if let Some(reason) = values.iter().find_map(unknown_reason) {
            return Self::unknown(reason, span);
        }
        let result = match &value.kind {
            ValueKind::Text(text) => string_method(text, name, &values),
            ValueKind::Dictionary(items) if name == "get" => values.first().map(|key| {
                let found = items.iter().find(|(candidate, _)| candidate == key);
                found.map_or_else(
                    || values.get(1).map_or(ValueKind::None, |value| value.kind.clone()),
                    |(_, value)| value.kind.clone(),
                )
            }),
            _ => None,
        };
        match result {
            Some(kind) => Value::new(kind, span),
            None => self.unworkable(span, &format!("`.{name}(…)`")),
        }
    }
}

fn unknown_reason(value: &Value) -> Option<crate::value::Reason> {
    match value.kind {
        ValueKind::Unknown(reason) => Some(reason),
        _ => None,
    }
}

pub(super) fn text_value(text: String, span: Span) -> Value {
    Value::new(ValueKind::Text(Text::whole(text, span)), span)
}

/// What `str()` makes of a simple value.
pub(super) fn plain_string(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::Text(text) | ValueKind::Number(text) => Some(text.as_str().to_owned()),
        ValueKind::Integer(number) => Some(number.to_string()),
        ValueKind::Long(digits) => Some(digits.clone()),
        ValueKind::Float(number) => {
            Some(if number.fract() == 0.0 { format!("{number:.1}") } else { number.to_string() })
        }
        ValueKind::Boolean(truth) => Some(if *truth { "True" } else { "False" }.to_owned()),
        ValueKind::None => Some("None".to_owned()),
        _ => None,
    }
}

fn join_paths(parts: &[&str]) -> String {
    let mut joined = String::new();
    for part in parts {
        if part.starts_with('/') {
            joined.clear();
        } else if !joined.is_empty() && !joined.ends_with('/') {
            joined.push('/');
        }
        joined.push_str(part);
    }
    joined
}
