//! String and number literals.

use super::ast::{Expression, ExpressionKind, FormattedPart};
use super::expression::literal;
use super::parser::{Fault, Parser, syntax};
use super::token::{Kind, StringKind};
use crate::diagnostic::{Diagnostic, kinds};
use crate::source::Span;
use crate::text::{Builder, Text};
use crate::value::{Value, ValueKind};

impl Parser<'_, '_> {
    /// One string literal, or several side by side, which Python glues together.
    pub(super) fn strings(&mut self) -> Result<Expression, Fault> {
        let mut parts: Vec<FormattedPart> = Vec::new();
        let mut plain: Vec<Text> = Vec::new();
        let start = self.peek().span;
        while let Kind::String(kind) = self.peek().kind {
            let span = self.take().span;
            if kind.formatted {
                self.diagnostics.push(f_string(span));
                glue(&mut plain, &mut parts);
                self.formatted(kind, span, &mut parts)?;
                continue;
            }
            let text = self.string(kind, span);
            if let Some(last) = plain.last() {
                self.question_gluing(last, &text);
            }
            plain.push(text);
        }
        glue(&mut plain, &mut parts);
        let span = start.to(self.previous());
        match <[FormattedPart; 1]>::try_from(parts) {
            Ok([FormattedPart::Literal(value)]) => Ok(literal(value)),
            Ok(other) => Ok(Expression { kind: ExpressionKind::Formatted(other.into()), span }),
            Err(parts) => Ok(Expression { kind: ExpressionKind::Formatted(parts), span }),
        }
    }

    /// Two strings side by side are one. In a list of specs a comma was probably forgotten.
    fn question_gluing(&mut self, first: &Text, second: &Text) {
        let is_spec = |text: &str| text.contains('=') || text.contains(':');
        let before = first.as_str();
        let joined = before.ends_with([',', ' ']) || second.as_str().starts_with([',', ' ']);
        if joined || !is_spec(before) || !is_spec(second.as_str()) {
            return;
        }
        let end = Span::at(first.span().end as usize);
        self.diagnostics.push(
            Diagnostic::new(&kinds::PY_GLUED_STRINGS, second.span(), "these two strings are read as one")
                .related(first.span(), "this one, and the next without a comma between them")
                .note("xm glues strings that stand side by side; xl refuses them")
                .help("put a comma between them if they are two values")
                .replace(end, ","),
        );
    }

    fn string(&mut self, kind: StringKind, span: Span) -> Text {
        let start = span.start as usize + usize::from(kind.head);
        let end = (span.end as usize).saturating_sub(usize::from(kind.tail)).max(start);
        self.unescape(start, end, kind.raw, span)
    }

    fn unescape(&mut self, start: usize, end: usize, raw: bool, span: Span) -> Text {
        let text = self.text;
        let inside = text.get(start..end).unwrap_or("");
        let has_cr = inside.contains('\r');
        if (raw || !inside.contains('\\')) && !has_cr {
            return Text::verbatim(inside.to_owned(), start, span);
        }
        let mut builder = Builder::new(span);
        let mut at = start;
        while at < end {
            let rest = text.get(at..end).unwrap_or("");
            let next = rest.find(['\\', '\r']).unwrap_or(rest.len());
            builder.verbatim(rest.get(..next).unwrap_or(""), at);
            at += next;
            match rest.as_bytes().get(next) {
                Some(b'\r') => {
                    // Python reads every kind of line end as a newline.
                    let width = if rest.as_bytes().get(next + 1) == Some(&b'\n') { 2 } else { 1 };
                    builder.whole("\n", Span::new(at, at + width));
                    at += width;
                }
                Some(_) if raw => {
                    builder.verbatim("\\", at);
                    at += 1;
                }
                Some(_) => at = self.escape(at, end, &mut builder),
                None => {}
            }
        }
        builder.finish()
    }

    /// Reads the escape at `backslash` and returns the offset behind it. An unknown one stays as it is.
    fn escape(&mut self, backslash: usize, end: usize, builder: &mut Builder) -> usize {
        let rest = self.text.get(backslash + 1..end).unwrap_or("");
        let Some(c) = rest.chars().next() else {
            builder.verbatim("\\", backslash);
            return end;
        };
        let digits = |skip: usize, most: usize, radix: u32| {
            let digits = rest.get(skip..).unwrap_or("");
            let count = digits.chars().take(most).take_while(|c| c.is_digit(radix)).count();
            (count, u32::from_str_radix(digits.get(..count).unwrap_or(""), radix).ok())
        };
        let (text, length): (Option<char>, usize) = match c {
            'a' => (Some('\x07'), 1),
            'b' => (Some('\x08'), 1),
            'f' => (Some('\x0c'), 1),
            'n' => (Some('\n'), 1),
            'r' => (Some('\r'), 1),
            't' => (Some('\t'), 1),
            'v' => (Some('\x0b'), 1),
            '\\' | '\'' | '"' => (Some(c), 1),
            '\r' if rest.starts_with("\r\n") => (None, 2),
            '\n' | '\r' => (None, 1),
            '0'..='7' => {
                let (count, number) = digits(0, 3, 8);
                (number.and_then(|number| char::from_u32(number & 0xff)), count)
            }
            'x' => match digits(1, 2, 16) {
                (2, Some(number)) => (char::from_u32(number), 3),
                _ => return self.bad_hexadecimal(backslash, builder),
            },
            _ => {
                let after = backslash + 1 + c.len_utf8();
                builder.verbatim(self.text.get(backslash..after).unwrap_or(""), backslash);
                return after;
            }
        };
        let after = backslash + 1 + length;
        if let Some(c) = text {
            builder.whole(c.encode_utf8(&mut [0; 4]), Span::new(backslash, after));
        }
        after
    }

    fn bad_hexadecimal(&mut self, backslash: usize, builder: &mut Builder) -> usize {
        let span = Span::new(backslash, backslash + 2);
        builder.verbatim("\\x", backslash);
        let diagnostic = syntax(span, "`\\x` needs two hexadecimal digits behind it".to_owned());
        self.diagnostics
            .push(diagnostic.help("write the backslash twice if you mean one").replace(span, "\\\\x"));
        backslash + 2
    }

    /// An f-string: what stands in braces is an expression.
    fn formatted(
        &mut self,
        kind: StringKind,
        span: Span,
        parts: &mut Vec<FormattedPart>,
    ) -> Result<(), Fault> {
        let text = self.text;
        let mut at = span.start as usize + usize::from(kind.head);
        let end = (span.end as usize).saturating_sub(usize::from(kind.tail)).max(at);
        let mut builder = Builder::new(span);
        while at < end {
            let rest = text.get(at..end).unwrap_or("");
            let next = rest.find(['{', '}']).unwrap_or(rest.len());
            builder.append(&self.unescape(at, at + next, kind.raw, span));
            at += next;
            let Some(brace) = rest.get(next..next + 1) else { break };
            if rest.get(next + 1..next + 2) == Some(brace) {
                builder.whole(brace, Span::new(at, at + 2));
                at += 2;
                continue;
            }
            let inside = rest.get(next + 1..).unwrap_or("");
            let Some(length) = inside.find('}').filter(|_| brace == "{") else {
                let diagnostic = syntax(Span::new(at, at + 1), format!("this `{brace}` has no partner"));
                self.diagnostics
                    .push(diagnostic.help(format!("write it twice to mean the character: `{brace}{brace}`")));
                return Err(Fault);
            };
            let inside = inside.get(..length).unwrap_or("");
            let (expression, specification) = inside.split_once(':').unwrap_or((inside, ""));
            let part = Span::new(at + 1, at + 1 + expression.len());
            let done = std::mem::replace(&mut builder, Builder::new(span)).finish();
            parts.push(FormattedPart::Literal(Value::new(ValueKind::Text(done), span)));
            let mut parser = Parser::for_part(text, part, self.diagnostics);
            let expression = parser.nest(Parser::expression)?;
            parts.push(FormattedPart::Expression(expression, specification.to_owned()));
            at += length + 2;
        }
        parts.push(FormattedPart::Literal(Value::new(ValueKind::Text(builder.finish()), span)));
        Ok(())
    }

    pub(super) fn number(&mut self, span: Span) -> Expression {
        let written = self.slice(span).to_ascii_lowercase();
        let digits = written.trim_end_matches('l');
        let (radix, body) = match digits.as_bytes() {
            [b'0', b'x', ..] => (16, digits.get(2..)),
            [b'0', b'o', ..] => (8, digits.get(2..)),
            [b'0', b'b', ..] => (2, digits.get(2..)),
            [b'0', b'0'..=b'9', ..] if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                (8, digits.get(1..))
            }
            _ => (10, Some(digits)),
        };
        let body = body.unwrap_or("");
        let is_integer = !body.is_empty() && body.chars().all(|c| c.is_digit(radix));
        if is_integer {
            let is_long = digits.len() != written.len();
            let number = i128::from_str_radix(body, radix).ok();
            let kind = match number.map(|number| (number, i64::try_from(number))) {
                Some((_, Ok(number))) if !is_long => ValueKind::Integer(number),
                Some((number, _)) => ValueKind::Long(number.to_string()),
                None => ValueKind::Long(digits.to_owned()),
            };
            return literal(Value::new(kind, span));
        }
        if let (10, Ok(number)) = (radix, digits.parse::<f64>()) {
            return literal(Value::new(ValueKind::Float(number), span));
        }
        let diagnostic = syntax(span, format!("`{}` is no number", self.slice(span)));
        self.diagnostics.push(
            diagnostic.help("put the value in quotes").replace(span, format!("'{}'", self.slice(span))),
        );
        Expression { kind: ExpressionKind::Broken, span }
    }
}

fn f_string(span: Span) -> Diagnostic {
    Diagnostic::new(
        &kinds::PY_F_STRING,
        Span { end: span.start + 1, ..span },
        "xm's Python does not know f-strings",
    )
    .note("they came with Python 3.6; xm runs under Python 2 and refuses the file")
    .help("write '…%s…' % value")
}

/// Makes one literal of the strings that stood side by side.
fn glue(plain: &mut Vec<Text>, parts: &mut Vec<FormattedPart>) {
    let Some((first, last)) = plain.first().zip(plain.last()) else { return };
    let span = first.span().to(last.span());
    let text = if let [_] = plain.as_slice() {
        plain.pop()
    } else {
        let mut builder = Builder::new(span);
        for text in plain.drain(..) {
            builder.append(&text);
        }
        Some(builder.finish())
    };
    parts.extend(text.map(|text| FormattedPart::Literal(Value::new(ValueKind::Text(text), span))));
}
