use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::quotes::Typographic;
use crate::source::Span;
use crate::text::{Builder, Text};

pub(super) enum Token {
    Open(usize),
    Close(usize),
    /// An atom or a string.
    Text(Text),
}

/// Cuts a file into tokens, as the reader of xend did character by character.
pub(super) struct Lexer<'s, 'd> {
    text: &'s str,
    at: usize,
    /// After a fault somewhere in the file, a string that swallows whole lines is taken for one that lost
    /// its closing quote.
    recovering: bool,
    diagnostics: &'d mut Diagnostics,
    /// A string or a character that could not be read: the file as it stands is refused by xend.
    pub(super) failed: bool,
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// What ends an atom and begins another one.
const fn is_separator(byte: u8) -> bool {
    matches!(byte, b'{' | b'}' | b'<' | b'>' | b'[' | b']' | b';')
}

impl<'s, 'd> Lexer<'s, 'd> {
    pub(super) const fn new(text: &'s str, recovering: bool, diagnostics: &'d mut Diagnostics) -> Self {
        Self { text, at: 0, recovering, diagnostics, failed: false }
    }

    pub(super) const fn offset(&self) -> usize {
        self.at
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// True when the offset is the first of its line.
    pub(super) fn begins_line(&self, at: usize) -> bool {
        at == 0 || self.byte(at - 1) == Some(b'\n')
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        loop {
            let start = self.at;
            match self.byte(start)? {
                byte if is_space(byte) => self.at += 1,
                b'#' => self.skip_line(),
                // Control-D ended a terminal's input, and still does.
                0x04 => return self.end_of_input(),
                b'(' => {
                    self.at += 1;
                    return Some(Token::Open(start));
                }
                b')' => {
                    self.at += 1;
                    return Some(Token::Close(start));
                }
                quote @ (b'\'' | b'"') => return Some(Token::Text(self.string(quote))),
                b'!'..=b'~' => return Some(Token::Text(self.atom())),
                _ => {
                    let rest = self.text.get(start..).unwrap_or("");
                    match Typographic::at_start(rest) {
                        Some(string) => return Some(Token::Text(self.typographic_string(&string))),
                        None => self.bad_character(),
                    }
                }
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or("");
        self.at += rest.find('\n').unwrap_or(rest.len());
    }

    fn end_of_input(&mut self) -> Option<Token> {
        let rest = self.text.get(self.at + 1..).unwrap_or("");
        if !rest.trim().is_empty() {
            self.diagnostics.push(
                Diagnostic::new(
                    &kinds::SXP_CONTROL_D,
                    Span::new(self.at, self.at + 1),
                    "the file ends here for xend",
                )
                .label("control-D (0x04)")
                .note("xend takes this character for the end of the file and reads nothing behind it")
                .help("delete the character"),
            );
        }
        self.at = self.text.len();
        None
    }

    /// A character that cannot begin anything. Those that follow on it are taken together.
    fn bad_character(&mut self) {
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or("");
        let length = rest
            .find(|c: char| c.is_ascii_graphic() || c == '\u{4}' || u8::try_from(c).is_ok_and(is_space))
            .unwrap_or(rest.len());
        let shown = rest.get(..length).unwrap_or("").escape_debug();
        self.diagnostics.push(
            Diagnostic::new(
                &kinds::SXP_BAD_CHARACTER,
                Span::new(start, start + length),
                format!("`{shown}` cannot stand outside quotes"),
            )
            .label("not printable ASCII")
            .note("xend stops reading the file here: invalid character")
            .help("put the value in quotes, or the remark behind a `#`"),
        );
        self.failed = true;
        self.at += length;
    }

    /// A string between the quotes of a word processor: read as it was meant.
    fn typographic_string(&mut self, string: &Typographic) -> Text {
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or("");
        self.at += string.len();
        let span = Span::new(start, self.at);
        let open = rest.get(..string.head).unwrap_or("");
        self.diagnostics.push(
            Diagnostic::new(
                &kinds::SXP_BAD_CHARACTER,
                span,
                format!("`{open}` is not a quote that Xen knows"),
            )
            .label("typographic quotes")
            .note("xend stops reading the file here: invalid character")
            .help("write straight quotes")
            .replace(span, string.meant(rest)),
        );
        self.failed = true;
        Text::verbatim(string.inside(rest).to_owned(), start + string.head, span)
    }

    fn atom(&mut self) -> Text {
        let start = self.at;
        let rest = self.text.as_bytes().get(start + 1..).unwrap_or(&[]);
        let length = rest
            .iter()
            .position(|byte| is_space(*byte) || is_separator(*byte) || matches!(byte, b'(' | b')' | b'#'))
            .unwrap_or(rest.len());
        self.at = start + 1 + length;
        let value = self.text.get(start..self.at).unwrap_or("").to_owned();
        let span = Span::new(start, self.at);
        self.question_atom(&value, span);
        Text::verbatim(value, start, span)
    }

    /// An atom that does not look like one: a Lisp comment, or a string begun in the middle of a word.
    fn question_atom(&mut self, value: &str, span: Span) {
        if value.starts_with(';') {
            self.diagnostics.push(
                Diagnostic::new(&kinds::SXP_SEMICOLON, span, "`;` does not begin a comment")
                    .label("read as a value of its own")
                    .note("xend reads the rest of the line as part of the configuration")
                    .help("begin the comment with `#`")
                    .replace(Span::new(span.start as usize, span.start as usize + 1), "#"),
            );
        } else if let Some(quote) = value.find(['\'', '"']) {
            let at = span.start as usize + quote;
            self.diagnostics.push(
                Diagnostic::new(
                    &kinds::SXP_QUOTE_IN_ATOM,
                    Span::new(at, at + 1),
                    "a quote in the middle of a word quotes nothing",
                )
                .label("an ordinary character here")
                .note("a quote opens a string only where a value begins; the next blank ends this one")
                .help("put the whole value in quotes"),
            );
        }
    }

    fn string(&mut self, quote: u8) -> Text {
        let open = self.at;
        let end = match self.closing_quote(quote) {
            Some(close) if !(self.recovering && self.swallows_forms(open, close)) => close,
            other => {
                self.unclosed_string(quote, other);
                self.failed = true;
                let end = self.end_of_broken_string(open);
                self.at = end;
                return self.unescape(open + 1, end, Span::new(open, end));
            }
        };
        self.at = end + 1;
        self.unescape(open + 1, end, Span::new(open, end + 1))
    }

    fn closing_quote(&self, quote: u8) -> Option<usize> {
        let mut at = self.at + 1;
        loop {
            match self.byte(at)? {
                b'\\' => at += 2,
                byte if byte == quote => return Some(at),
                _ => at += 1,
            }
        }
    }

    /// True when a string runs over a line that looks like a form or a comment.
    fn swallows_forms(&self, open: usize, close: usize) -> bool {
        let inside = self.text.get(open..close).unwrap_or("");
        inside.lines().skip(1).any(|line| line.starts_with(['(', '#']))
    }

    /// Where a string without its closing quote was probably meant to end: at the end of its line, before
    /// the parentheses that close the form.
    fn end_of_broken_string(&self, open: usize) -> usize {
        let rest = self.text.get(open + 1..).unwrap_or("");
        let line = rest.split('\n').next().unwrap_or("").trim_end();
        let inner = line.trim_end_matches(')').trim_end();
        open + 1 + inner.len()
    }

    fn unclosed_string(&mut self, quote: u8, close: Option<usize>) {
        let quote = char::from(quote);
        let end = self.end_of_broken_string(self.at);
        let mut diagnostic = Diagnostic::new(
            &kinds::SXP_UNCLOSED_STRING,
            Span::new(self.at, end),
            format!("this string has no closing `{quote}`"),
        )
        .label("begins here")
        .help(format!("close the string with `{quote}`"))
        .replace(Span::at(end), quote.to_string());
        diagnostic = match close {
            Some(close) => diagnostic
                .related(Span::new(close, close + 1), "xend finds the next one here")
                .note("all lines up to the next quote become part of the value"),
            None => diagnostic.note("xend reads to the end of the file and refuses it: unexpected EOF"),
        };
        self.diagnostics.push(diagnostic);
    }

    /// Reads the inside of a string, between its quotes.
    fn unescape(&mut self, start: usize, end: usize, span: Span) -> Text {
        let inside = self.text.get(start..end).unwrap_or("");
        if !inside.contains('\\') {
            return Text::verbatim(inside.to_owned(), start, span);
        }
        let mut builder = Builder::new(span);
        let mut at = start;
        while let Some(backslash) = self.text.get(at..end).and_then(|rest| rest.find('\\')) {
            let backslash = at + backslash;
            builder.verbatim(self.text.get(at..backslash).unwrap_or(""), at);
            at = self.escape(backslash, end, &mut builder);
        }
        builder.verbatim(self.text.get(at..end).unwrap_or(""), at);
        builder.finish()
    }

    /// Reads the escape at `backslash` and returns the offset behind it.
    fn escape(&mut self, backslash: usize, end: usize, builder: &mut Builder) -> usize {
        let Some(c) = self.text.get(backslash + 1..end).and_then(|rest| rest.chars().next()) else {
            builder.verbatim("\\", backslash);
            return end;
        };
        let simple = match c {
            'a' => Some("\x07"),
            'b' => Some("\x08"),
            't' => Some("\t"),
            'n' => Some("\n"),
            'v' => Some("\x0b"),
            'f' => Some("\x0c"),
            'r' => Some("\r"),
            '\\' => Some("\\"),
            '\'' => Some("'"),
            '"' => Some("\""),
            _ => None,
        };
        match (simple, c) {
            (Some(text), _) => {
                builder.whole(text, Span::new(backslash, backslash + 2));
                backslash + 2
            }
            (None, '0'..='7') => self.octal(backslash, end, builder),
            (None, 'x') => self.hexadecimal(backslash, end, builder),
            (None, _) => {
                let after = backslash + 1 + c.len_utf8();
                let written = self.text.get(backslash..after).unwrap_or("");
                builder.verbatim(written, backslash);
                self.diagnostics.push(
                    Diagnostic::new(
                        &kinds::SXP_UNKNOWN_ESCAPE,
                        Span::new(backslash, after),
                        format!("`{written}` is no escape"),
                    )
                    .label(format!("xend keeps the backslash and loses the `{c}`"))
                    .help("write the backslash twice")
                    .replace(Span::new(backslash, after), format!("\\{written}")),
                );
                after
            }
        }
    }

    fn octal(&mut self, backslash: usize, end: usize, builder: &mut Builder) -> usize {
        let digits = self.digits(backslash + 1, end, 3, |byte| matches!(byte, b'0'..=b'7'));
        let after = backslash + 1 + digits.len();
        let span = Span::new(backslash, after);
        if let Ok(byte) = u8::from_str_radix(digits, 8) {
            builder.whole(char::from(byte).encode_utf8(&mut [0; 4]), span);
        } else {
            self.failed = true;
            self.diagnostics.push(
                Diagnostic::new(&kinds::SXP_BAD_ESCAPE, span, format!("`\\{digits}` is no character"))
                    .label("above \\377")
                    .note("xend refuses the file"),
            );
        }
        after
    }

    fn hexadecimal(&mut self, backslash: usize, end: usize, builder: &mut Builder) -> usize {
        let digits = self.digits(backslash + 2, end, 2, |byte| byte.is_ascii_hexdigit());
        let after = backslash + 2 + digits.len();
        let span = Span::new(backslash, after);
        if let Ok(byte) = u8::from_str_radix(digits, 16) {
            builder.whole(char::from(byte).encode_utf8(&mut [0; 4]), span);
        }
        let trouble = match digits.len() {
            2 if digits.bytes().all(|byte| byte.is_ascii_digit()) => return after,
            2 => "xend takes the digits a to f for 0 in a hexadecimal escape and reads another character",
            _ => "xend fails on a hexadecimal escape that has not two digits",
        };
        let octal =
            u8::from_str_radix(digits, 16).map_or_else(|_| String::new(), |byte| format!("\\{byte:03o}"));
        self.diagnostics.push(
            Diagnostic::new(
                &kinds::SXP_HEX_ESCAPE,
                span,
                format!("`\\x{digits}` does not read as itself in xend"),
            )
            .note(trouble)
            .help("write the character itself, or its octal escape")
            .replace(span, octal),
        );
        after
    }

    fn digits(&self, start: usize, end: usize, most: usize, is_digit: fn(u8) -> bool) -> &'s str {
        let rest = self.text.as_bytes().get(start..end).unwrap_or(&[]);
        let count = rest.iter().take(most).take_while(|byte| is_digit(**byte)).count();
        self.text.get(start..start + count).unwrap_or("")
    }
}
