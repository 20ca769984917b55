//! Cuts a Python file into tokens, with indentation, and mends what was left open.

use super::token::{Kind, StringKind, Token};
use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::names;
use crate::quotes::Typographic;
use crate::source::{Span, first_line};

/// How deep brackets may nest; Python 2 has the same limit.
pub(super) const MAX_NESTING: usize = 100;

const OPERATORS: [&str; 46] = [
    "**=", "//=", ">>=", "<<=", "...", "==", "!=", "<>", "<=", ">=", "+=", "-=", "*=", "/=", "%=", "&=",
    "|=", "^=", "**", "//", "<<", ">>", "->", ":=", "+", "-", "*", "/", "%", "&", "|", "^", "~", "<", ">",
    "=", "(", ")", "[", "]", "{", "}", ",", ":", ".", ";",
];

pub(super) struct Lexer<'s, 'd> {
    text: &'s str,
    at: usize,
    tokens: Vec<Token>,
    /// Open brackets: the character and its offset.
    brackets: Vec<(u8, usize)>,
    indents: Vec<usize>,
    diagnostics: &'d mut Diagnostics,
}

pub(super) fn tokenize(text: &str, diagnostics: &mut Diagnostics) -> Vec<Token> {
    let tokens = Vec::with_capacity(text.len() / 16);
    let mut lexer = Lexer { text, at: 0, tokens, brackets: Vec::new(), indents: vec![0], diagnostics };
    lexer.begin_line();
    lexer.run();
    lexer.tokens
}

/// The tokens of an expression in the middle of the file.
pub(super) fn tokenize_part(text: &str, part: Span, diagnostics: &mut Diagnostics) -> Vec<Token> {
    let text = text.get(..part.end as usize).unwrap_or("");
    let at = part.start as usize;
    let mut lexer =
        Lexer { text, at, tokens: Vec::new(), brackets: Vec::new(), indents: vec![0], diagnostics };
    lexer.run();
    lexer.tokens.retain(|token| !matches!(token.kind, Kind::Indent | Kind::Dedent | Kind::Newline));
    lexer.tokens
}

impl<'s> Lexer<'s, '_> {
    fn run(&mut self) {
        while let Some(c) = self.rest().chars().next() {
            match c {
                ' ' | '\t' | '\x0c' => self.at += 1,
                '#' => self.at += self.line().len(),
                '\n' | '\r' => self.newline(),
                '\\' if self.continues_line() => self.skip_continuation(),
                '\'' | '"' => self.string(0),
                '0'..='9' => self.number(),
                '.' if self.byte(1).is_some_and(|byte| byte.is_ascii_digit()) => self.number(),
                'a'..='z' | 'A'..='Z' | '_' => self.name_or_string(),
                _ => self.operator(c),
            }
        }
        self.close_brackets();
        if !matches!(self.tokens.last().map(|token| token.kind), None | Some(Kind::Newline)) {
            self.push(Kind::Newline, self.at);
        }
        while self.indents.pop().is_some_and(|indent| indent > 0) {
            self.push(Kind::Dedent, self.at);
        }
        self.push(Kind::End, self.at);
    }

    fn rest(&self) -> &'s str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// The text up to the end of the line, which may be empty.
    fn line(&self) -> &'s str {
        first_line(self.rest())
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn push(&mut self, kind: Kind, start: usize) {
        self.tokens.push(Token { kind, span: Span::new(start, self.at) });
    }

    fn newline(&mut self) {
        let start = self.at;
        self.at += if self.rest().starts_with("\r\n") { 2 } else { 1 };
        if self.brackets.is_empty() {
            if !matches!(
                self.tokens.last().map(|token| token.kind),
                None | Some(Kind::Newline | Kind::Indent | Kind::Dedent)
            ) {
                let end = self.at;
                self.at = start;
                self.push(Kind::Newline, start);
                self.at = end;
            }
            self.begin_line();
        } else if self.begins_assignment() {
            self.close_brackets();
            self.push(Kind::Newline, start);
            self.begin_line();
        }
    }

    /// Reads the indentation of a line that is not inside brackets.
    fn begin_line(&mut self) {
        let blank = self.rest().bytes().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\x0c')).count();
        let start = self.at;
        let indent = self.rest().bytes().take(blank).fold(0, |column, byte| match byte {
            b'\t' => (column / 8 + 1) * 8,
            b'\x0c' => 0,
            _ => column + 1,
        });
        self.at += blank;
        if matches!(self.byte(0), None | Some(b'#' | b'\n' | b'\r')) {
            return;
        }
        let current = self.indents.last().copied().unwrap_or(0);
        if indent > current {
            self.indents.push(indent);
            self.push(Kind::Indent, start);
        }
        while self.indents.last().is_some_and(|last| *last > indent) {
            self.indents.pop();
            self.push(Kind::Dedent, self.at);
        }
        if self.indents.last().is_some_and(|last| *last < indent) && indent <= current {
            // Between two levels: Python refuses it; the nearer outer level is what was meant.
            self.diagnostics.push(
                Diagnostic::new(
                    &kinds::PY_INDENTATION,
                    Span::new(start, self.at),
                    "this indentation matches no line above",
                )
                .note("xm refuses the whole file: unindent does not match any outer indentation level")
                .help("indent the line exactly as the lines that it belongs to"),
            );
        }
    }

    /// True when the line that begins here is an assignment, which cannot stand inside the open brackets.
    fn begins_assignment(&self) -> bool {
        let line = self.line();
        let indented = line.starts_with([' ', '\t']);
        let in_call = self.brackets.last().is_some_and(|(bracket, _)| *bracket == b'(');
        if indented && in_call {
            return false;
        }
        let line = line.trim_start();
        let name = line.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let after = line.get(name..).unwrap_or("").trim_start();
        // A key of a specification whose quote was closed too early is indented like the rest of the list.
        let is_setting = || line.get(..name).is_some_and(names::is_xm_setting);
        name > 0
            && (!indented || is_setting())
            && !line.starts_with(|c: char| c.is_ascii_digit())
            && after.strip_prefix('=').is_some_and(|value| !value.starts_with('='))
    }

    fn close_brackets(&mut self) {
        let Some(&(bracket, at)) = self.brackets.first() else { return };
        let closing = match bracket {
            b'(' => ')',
            b'[' => ']',
            _ => '}',
        };
        self.diagnostics.push(
            Diagnostic::new(
                &kinds::PY_UNCLOSED_BRACKET,
                Span::new(at, at + 1),
                format!("this `{}` is never closed", char::from(bracket)),
            )
            .label(format!("`{closing}` is missing"))
            .note("neither xm nor xl loads the file")
            .help(format!("close it with `{closing}` before the next assignment")),
        );
        // The parser finds the brackets closed.
        self.brackets.clear();
    }

    fn continues_line(&self) -> bool {
        matches!(self.byte(1), Some(b'\n' | b'\r'))
    }

    fn skip_continuation(&mut self) {
        self.at += 1;
        self.at += if self.rest().starts_with("\r\n") { 2 } else { 1 };
    }

    fn number(&mut self) {
        let start = self.at;
        let rest = self.rest().as_bytes();
        let hexadecimal = matches!(rest, [b'0', b'x' | b'X', ..]);
        let mut length = 0;
        while let Some(byte) = rest.get(length) {
            let exponent_sign = matches!(byte, b'+' | b'-')
                && !hexadecimal
                && length > 0
                && matches!(rest.get(length - 1), Some(b'e' | b'E'));
            if !(byte.is_ascii_alphanumeric() || *byte == b'.' || *byte == b'_' || exponent_sign) {
                break;
            }
            length += 1;
        }
        self.at += length;
        self.push(Kind::Number, start);
    }

    fn name_or_string(&mut self) {
        let start = self.at;
        let length =
            self.rest().bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        if matches!(self.byte(length), Some(b'\'' | b'"')) && is_string_prefix(self.rest().get(..length)) {
            self.string(length);
        } else {
            self.at += length;
            self.push(Kind::Name, start);
        }
    }

    /// Reads a string literal whose quote stands `prefix` characters from here.
    fn string(&mut self, prefix: usize) {
        let start = self.at;
        let letters = self.rest().get(..prefix).unwrap_or("").to_ascii_lowercase();
        let quote = self.byte(prefix).unwrap_or(b'\'');
        let triple = [quote; 3];
        let is_triple = self.rest().as_bytes().get(prefix..).is_some_and(|rest| rest.starts_with(&triple));
        let width = if is_triple { 3 } else { 1 };
        let head = prefix + width;
        let content = start + head;
        let (end, tail) = match self.closing_quote(content, quote, is_triple) {
            Some(end) => (end, width),
            None => (self.unclosed_string(content, quote, width), 0),
        };
        self.at = end + tail;
        let small = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
        let kind = StringKind {
            raw: letters.contains('r'),
            formatted: letters.contains('f'),
            head: small(head),
            tail: small(tail),
        };
        self.push(Kind::String(kind), start);
    }

    fn closing_quote(&self, content: usize, quote: u8, triple: bool) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut at = content;
        loop {
            match *bytes.get(at)? {
                b'\\' if bytes.get(at + 1) == Some(&b'\r') && bytes.get(at + 2) == Some(&b'\n') => at += 3,
                b'\\' => at += 2,
                b'\n' | b'\r' if !triple => return None,
                byte if byte == quote => {
                    if !triple || bytes.get(at..at + 3) == Some(&[quote; 3]) {
                        return Some(at);
                    }
                    at += 1;
                }
                _ => at += 1,
            }
        }
    }

    /// Reports a string without an end and guesses where it should have been: before the brackets that close
    /// the line.
    fn unclosed_string(&mut self, content: usize, quote: u8, width: usize) -> usize {
        let line = first_line(self.text.get(content..).unwrap_or("")).trim_end();
        let mut inner = line.len();
        for _ in &self.brackets {
            match line.get(..inner).map(str::trim_end).and_then(|part| part.strip_suffix([']', ')', '}'])) {
                Some(part) => inner = part.trim_end().len(),
                None => break,
            }
        }
        if !self.brackets.is_empty() {
            inner = line.get(..inner).map_or(inner, |part| part.trim_end_matches(',').len());
        }
        let end = content + inner;
        let quotes = char::from(quote).to_string().repeat(width);
        self.diagnostics.push(
            Diagnostic::new(
                &kinds::PY_UNCLOSED_STRING,
                Span::new(content - width, end),
                format!("this string has no closing `{quotes}`"),
            )
            .label("begins here")
            .note("neither xm nor xl loads the file")
            .help(format!("close the string with `{quotes}`"))
            .replace(Span::at(end), quotes),
        );
        end
    }

    fn operator(&mut self, c: char) {
        let start = self.at;
        let Some(operator) = OPERATORS.iter().find(|operator| self.rest().starts_with(**operator)) else {
            return self.bad_character(c);
        };
        self.at += operator.len();
        match operator.as_bytes() {
            [open @ (b'(' | b'[' | b'{')] => {
                self.brackets.push((*open, start));
            }
            [b')' | b']' | b'}'] => {
                self.brackets.pop();
            }
            _ => {}
        }
        self.push(Kind::Operator, start);
    }

    fn bad_character(&mut self, c: char) {
        let start = self.at;
        if let Some(string) = Typographic::at_start(self.rest()) {
            return self.typographic_string(c, &string);
        }
        self.at += c.len_utf8();
        let span = Span::new(start, self.at);
        let shown = c.escape_debug();
        let diagnostic =
            Diagnostic::new(&kinds::PY_BAD_CHARACTER, span, format!("`{shown}` cannot stand outside quotes"))
                .note("neither xm nor xl loads the file");
        self.diagnostics.push(match c {
            '\u{a0}' => diagnostic.help("this is a no-break space: write a plain one").replace(span, " "),
            _ => diagnostic.help("put the value in quotes, or the remark behind a `#`"),
        });
    }

    /// A string between the quotes of a word processor, as they come in from web pages: read as it was meant.
    fn typographic_string(&mut self, open: char, string: &Typographic) {
        let start = self.at;
        let meant = string.meant(self.rest());
        self.at = start + string.len();
        let span = Span::new(start, self.at);
        self.diagnostics.push(
            Diagnostic::new(
                &kinds::PY_BAD_CHARACTER,
                span,
                format!("`{open}` is not a quote that Xen knows"),
            )
            .label("typographic quotes")
            .note("neither xm nor xl loads the file; such quotes come in by copying from a web page")
            .help("write straight quotes")
            .replace(span, meant),
        );
        let small = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
        let kind =
            StringKind { raw: false, formatted: false, head: small(string.head), tail: small(string.tail) };
        self.push(Kind::String(kind), start);
    }
}

fn is_string_prefix(prefix: Option<&str>) -> bool {
    prefix.is_some_and(|prefix| {
        ["r", "u", "b", "f", "ur", "br", "rb", "fr", "rf"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(prefix))
    })
}
