//! String formatting: `%`, `.format` and what stands behind the colon of an f-string's braces.

use super::Evaluator;
use super::call::plain_string;
use super::operator::whole;
use crate::diagnostic::{Diagnostic, kinds};
use crate::python::ast::Argument;
use crate::source::Span;
use crate::text::{Builder, Text};
use crate::value::{Reason, Value, ValueKind};

/// The widest field that is filled up. No configuration needs more.
const MAX_WIDTH: usize = 1024;

/// The flags, width and precision of one conversion.
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one of the flags that a format can have")]
struct Field {
    left: bool,
    zero: bool,
    plus: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

impl<'p> Evaluator<'p, '_> {
    /// `format % arguments`
    pub(super) fn percent(&mut self, format: &Text, arguments: &Value, span: Span) -> Value {
        let single = [arguments.clone()];
        let (list, named): (&[Value], &[(Value, Value)]) = match &arguments.kind {
            ValueKind::Tuple(items) => (items, &[]),
            ValueKind::Dictionary(items) => (&[], items),
            _ => (&single, &[]),
        };
        let string = format.as_str();
        let mut list = list.iter();
        let mut builder = Builder::new(format.span());
        let mut at = 0;
        while let Some(percent) = string.get(at..).and_then(|rest| rest.find('%')) {
            let percent = at + percent;
            builder.append(&format.part(at..percent));
            let Some(conversion) = Conversion::parse(string, percent) else {
                return self.bad_format(
                    format.place(percent..percent + 1),
                    "this `%` begins no conversion",
                    span,
                );
            };
            at = conversion.end;
            let place = format.place(percent..at);
            if conversion.letter == '%' {
                builder.whole("%", place);
                continue;
            }
            let value = match conversion.name {
                Some(_) if self.spend(named.len(), span).is_none() => None,
                Some(name) => {
                    named.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
                }
                None => list.next(),
            };
            let Some(value) = value else {
                return self.bad_format(place, "there is no value for this conversion", span);
            };
            match convert(&conversion, value) {
                Ok(text) => builder.whole(&text, place),
                Err(Some(reason)) => return Self::unknown(reason, span),
                Err(None) if matches!(conversion.letter, 's' | 'r') => {
                    return self.unworkable(value.span, "writing this value as text");
                }
                Err(None) => return self.wrong_conversion(&conversion, value, place, span),
            }
        }
        builder.append(&format.part(at..string.len()));
        // A list, a dictionary or a list's like may have more than is asked for.
        let is_mapping = matches!(arguments.kind, ValueKind::List(_) | ValueKind::Dictionary(_));
        if list.next().is_some() && !is_mapping {
            return self.bad_format(format.span(), "there are more values than conversions", span);
        }
        builder.set_span(span);
        Value::new(ValueKind::Text(builder.finish()), span)
    }

    fn bad_format(&mut self, place: Span, message: &str, span: Span) -> Value {
        self.diagnostics.push(
            Diagnostic::new(&kinds::PY_FORMAT, place, message)
                .note("xm stops here: the string and the values behind `%` do not fit together")
                .help("write `%%` to mean a percent sign"),
        );
        let reason = self.already_reported();
        Self::unknown(reason, span)
    }

    fn wrong_conversion(
        &mut self,
        conversion: &Conversion<'_>,
        value: &Value,
        place: Span,
        span: Span,
    ) -> Value {
        let letter = conversion.letter;
        let mut diagnostic = Diagnostic::new(
            &kinds::PY_FORMAT,
            place,
            format!("`%{letter}` needs a number, but the value is {}", value.type_name()),
        )
        .note("xm stops here: TypeError. Variables from its command line are strings");
        if value.span != Span::default() {
            diagnostic = diagnostic.related(value.span, "this value");
        }
        if matches!(value.kind, ValueKind::Text(_)) {
            diagnostic = diagnostic.help("convert it with `int(…)`, or write `%s`").replace(place, "%s");
        }
        self.diagnostics.push(diagnostic);
        let reason = self.already_reported();
        Self::unknown(reason, span)
    }

    /// One value in an f-string or in `.format`.
    pub(super) fn format_value(
        &mut self,
        value: &Value,
        specification: &str,
        place: Span,
    ) -> Result<String, Reason> {
        if let ValueKind::Unknown(reason) = value.kind {
            return Err(reason);
        }
        let parsed = parse_specification(specification);
        let text = parsed.and_then(|(field, align, letter)| match (&value.kind, letter) {
            (ValueKind::Integer(number), 'd' | 'x' | 'X' | 'o' | 's') => {
                let letter = if letter == 's' { 'd' } else { letter };
                let field = Field { left: align == Some(Align::Left), ..field };
                Some(pad(&integer(i128::from(*number), letter, &field), &field))
            }
            // Texts stand at the left, unless said otherwise; numbers at the right.
            (_, 's') if !field.zero => plain_string(value)
                .map(|text| pad(&text, &Field { left: align != Some(Align::Right), ..field })),
            _ => None,
        });
        text.ok_or_else(|| self.needs_python(place, "this format", "write the text itself"))
    }

    /// `'…'.format(…)`
    pub(super) fn call_format(&mut self, format: &Text, arguments: &'p [Argument], span: Span) -> Value {
        let (mut positional, mut named) = (Vec::new(), Vec::new());
        for argument in arguments {
            let value = self.evaluate_value(&argument.value);
            match &argument.name {
                Some(name) => named.push((name.as_str(), value)),
                None => positional.push(value),
            }
        }
        let string = format.as_str();
        let mut builder = Builder::new(format.span());
        let (mut at, mut next) = (0, 0);
        while let Some(brace) = string.get(at..).and_then(|rest| rest.find(['{', '}'])) {
            let brace = at + brace;
            builder.append(&format.part(at..brace));
            let rest = string.get(brace..).unwrap_or("");
            if rest.starts_with("{{") || rest.starts_with("}}") {
                builder.append(&format.part(brace..brace + 1));
                at = brace + 2;
                continue;
            }
            let Some(length) = rest.find('}').filter(|length| *length > 0) else {
                return self.bad_format(format.place(brace..brace + 1), "this brace has no partner", span);
            };
            at = brace + length + 1;
            let place = format.place(brace..at);
            let (key, specification) = {
                let inside = rest.get(1..length).unwrap_or("");
                inside.split_once(':').unwrap_or((inside, ""))
            };
            let value = if key.is_empty() {
                next += 1;
                positional.get(next - 1)
            } else if let Ok(index) = key.parse::<usize>() {
                positional.get(index)
            } else if self.spend(named.len(), span).is_some() {
                named.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
            } else {
                None
            };
            let Some(value) = value else {
                return self.bad_format(place, "there is no value for these braces", span);
            };
            match self.format_value(value, specification, place) {
                Ok(text) => builder.whole(&text, place),
                Err(reason) => return Self::unknown(reason, span),
            }
        }
        builder.append(&format.part(at..string.len()));
        builder.set_span(span);
        Value::new(ValueKind::Text(builder.finish()), span)
    }
}

/// One `%` conversion of a format.
struct Conversion<'f> {
    name: Option<&'f str>,
    field: Field,
    letter: char,
    /// Offset behind it.
    end: usize,
}

impl<'f> Conversion<'f> {
    fn parse(format: &'f str, percent: usize) -> Option<Self> {
        let mut rest = format.get(percent + 1..)?;
        let mut name = None;
        if let Some(inside) = rest.strip_prefix('(') {
            let close = inside.find(')')?;
            name = inside.get(..close);
            rest = inside.get(close + 1..)?;
        }
        let mut field = Field::default();
        let after_flags = rest.trim_start_matches(['-', '0', '+', '#', ' ']);
        for flag in rest.get(..rest.len() - after_flags.len())?.chars() {
            match flag {
                '-' => field.left = true,
                '0' => field.zero = true,
                '+' => field.plus = true,
                '#' => field.alternate = true,
                _ => {}
            }
        }
        rest = after_flags;
        let (width, after_width) = leading_number(rest);
        field.width = width.unwrap_or(0);
        rest = after_width;
        if let Some(after_dot) = rest.strip_prefix('.') {
            let (precision, after) = leading_number(after_dot);
            field.precision = Some(precision.unwrap_or(0));
            rest = after;
        }
        rest = rest.trim_start_matches(['h', 'l', 'L']);
        let letter = rest.chars().next()?;
        let end = format.len() - rest.len() + letter.len_utf8();
        "diouxXeEfFgGcrs%".contains(letter).then_some(Self { name, field, letter, end })
    }
}

fn leading_number(text: &str) -> (Option<usize>, &str) {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = text.get(..text.len() - rest.len()).unwrap_or("");
    (digits.parse().ok().map(|number: usize| number.min(MAX_WIDTH)), rest)
}

fn convert(conversion: &Conversion<'_>, value: &Value) -> Result<String, Option<Reason>> {
    let field = &conversion.field;
    let text = match (&value.kind, conversion.letter) {
        (ValueKind::Unknown(reason), _) => return Err(Some(*reason)),
        (ValueKind::Integer(_) | ValueKind::Long(_), 'd' | 'i' | 'u' | 'x' | 'X' | 'o') => {
            let (number, _) = whole(value).ok_or(None)?;
            integer(number, conversion.letter, field)
        }
        (ValueKind::Boolean(truth), 'd' | 'i' | 'u') => integer(i128::from(*truth), 'd', field),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "%d cuts the fraction off; out of range saturates"
        )]
        (ValueKind::Float(number), 'd' | 'i' | 'u') => integer(*number as i128, 'd', field),
        (ValueKind::Float(number), 'f' | 'F') => format!("{number:.*}", field.precision.unwrap_or(6).min(64)),
        #[expect(clippy::cast_precision_loss, reason = "as Python converts it")]
        (ValueKind::Integer(number), 'f' | 'F') => {
            format!("{:.*}", field.precision.unwrap_or(6).min(64), *number as f64)
        }
        (ValueKind::Integer(number), 'c') => {
            let c = u8::try_from(*number).map_err(|_| None)?;
            char::from(c).to_string()
        }
        (ValueKind::Text(text), 'c') if text.as_str().chars().count() == 1 => text.as_str().to_owned(),
        (_, 's') => {
            let text = plain_string(value).ok_or(None)?;
            field.precision.map_or_else(|| text.clone(), |most| text.chars().take(most).collect())
        }
        (ValueKind::Integer(number), 'r') => number.to_string(),
        _ => return Err(None),
    };
    Ok(pad(&text, field))
}

fn integer(number: i128, letter: char, field: &Field) -> String {
    let magnitude = number.unsigned_abs();
    let digits = match letter {
        'x' => format!("{magnitude:x}"),
        'X' => format!("{magnitude:X}"),
        'o' => format!("{magnitude:o}"),
        _ => magnitude.to_string(),
    };
    let prefix = match (field.alternate, letter) {
        (true, 'x') => "0x",
        (true, 'X') => "0X",
        (true, 'o') => "0",
        _ => "",
    };
    let sign = if number < 0 {
        "-"
    } else if field.plus {
        "+"
    } else {
        ""
    };
    let precision = field.precision.unwrap_or(0);
    let mut digits = format!("{digits:0>precision$}");
    if field.zero && !field.left {
        let room = field.width.saturating_sub(sign.len() + prefix.len());
        digits = format!("{digits:0>room$}");
    }
    format!("{sign}{prefix}{digits}")
}

fn pad(text: &str, field: &Field) -> String {
    let width = field.width;
    if field.left { format!("{text:<width$}") } else { format!("{text:>width$}") }
}

/// On which side a value stands in its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Align {
    Left,
    Right,
}

/// The part behind the colon in `{name:…}`: `[<>][#][0][width][.precision][type]`.
fn parse_specification(specification: &str) -> Option<(Field, Option<Align>, char)> {
    let mut field = Field::default();
    let (align, mut rest) = match specification.as_bytes().first() {
        Some(b'<') => (Some(Align::Left), specification.get(1..)?),
        Some(b'>') => (Some(Align::Right), specification.get(1..)?),
        _ => (None, specification),
    };
    if let Some(after) = rest.strip_prefix('#') {
        field.alternate = true;
        rest = after;
    }
    if let Some(after) = rest.strip_prefix('0') {
        field.zero = true;
        rest = after;
    }
    if field.zero && align.is_some() {
        return None;
    }
    let (width, rest) = leading_number(rest);
    field.width = width.unwrap_or(0);
    match rest {
        "" => Some((field, align, 's')),
        "d" | "x" | "X" | "o" | "s" => Some((field, align, rest.chars().next()?)),
        _ => None,
    }
}
