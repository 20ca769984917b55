//! Cuts a file into tokens; what xl would call a lexical error gets a diagnostic that says what is wrong.

use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::quotes::Typographic;
use crate::source::{Span, first_line};
use crate::text::{Builder, Text};

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Name,
    Number,
    String(Text),
    /// `,` `[` `]` `=` `+` (for `+=`) `;`
    Mark(u8),
    Newline,
    End,
    /// A lexical error. It is reported when the parser comes to it, and not in a line that is skipped.
    Bad(Box<Diagnostic>),
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

pub(super) struct Lexer<'s, 'd> {
    text: &'s str,
    at: usize,
    pub(super) diagnostics: &'d mut Diagnostics,
    /// A form feed was reported.
    reported_feed: bool,
}

impl<'s, 'd> Lexer<'s, 'd> {
    pub(super) const fn new(text: &'s str, diagnostics: &'d mut Diagnostics) -> Self {
        Self { text, at: 0, diagnostics, reported_feed: false }
    }

    fn rest(&self) -> &'s str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// True when the place is the first of its line.
    pub(super) fn begins_line(&self, place: Span) -> bool {
        let before = self.text.get(..place.start as usize).unwrap_or("");
        before.is_empty() || before.ends_with(['\n', '\r'])
    }

    /// The end of what stands before a place, blanks and line ends left out.
    pub(super) fn before(&self, place: Span) -> u32 {
        let before = self.text.get(..place.start as usize).unwrap_or("");
        Span::at(before.trim_end().len()).start
    }

    /// What follows the token read last, blanks left out.
    pub(super) fn following(&self) -> &'s str {
        self.rest().trim_start_matches([' ', '\t'])
    }

    /// The line from an offset on.
    pub(super) fn from(&self, offset: u32) -> &'s str {
        first_line(self.text.get(offset as usize..).unwrap_or(""))
    }

    /// The text up to the end of the line.
    fn line(&self) -> &'s str {
        first_line(self.rest())
    }

    pub(super) fn slice(&self, span: Span) -> &'s str {
        self.text.get(span.range()).unwrap_or("")
    }

    /// Goes to the end of the line, which is the next token.
    pub(super) fn skip_line(&mut self) {
        self.at += self.line().len();
    }

    fn token(&self, kind: Kind, start: usize) -> Token {
        Token { kind, span: Span::new(start, self.at) }
    }

    pub(super) fn next(&mut self) -> Token {
        loop {
            let start = self.at;
            let Some(c) = self.rest().chars().next() else { return self.token(Kind::End, start) };
            match c {
                ' ' | '\t' => self.at += 1,
                '\x0c' => self.form_feed(),
                '#' => self.skip_line(),
                '\n' | '\r' => {
                    // CR is refused by xl; the file as a whole is warned about.
                    self.at += if self.rest().starts_with("\r\n") { 2 } else { 1 };
                    return self.token(Kind::Newline, start);
                }
                ',' | '[' | ']' | '=' | ';' => {
                    self.at += 1;
                    return self.token(Kind::Mark(u8::try_from(c).unwrap_or(b',')), start);
                }
                '+' if self.rest().starts_with("+=") => {
                    self.at += 2;
                    return self.token(Kind::Mark(b'+'), start);
                }
                'a'..='z' | 'A'..='Z' | '_' => return self.name(),
                '0'..='9' => return self.number(),
                '\'' | '"' => return self.string(c),
                _ => return self.bad(c),
            }
        }
    }

    fn form_feed(&mut self) {
        self.at += 1;
        if !std::mem::replace(&mut self.reported_feed, true) {
            let span = Span::new(self.at - 1, self.at);
            self.diagnostics.push(
                Diagnostic::new(&kinds::TEXT_CONTROL_CHARACTER, span, "a form feed between the lines")
                    .note("xl refuses the file: lexical error")
                    .help("delete the character")
                    .replace(span, ""),
            );
        }
    }

    fn name(&mut self) -> Token {
        let start = self.at;
        let rest = self.rest().as_bytes();
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        self.at += rest.iter().take_while(|byte| is_part(byte)).count();
        self.token(Kind::Name, start)
    }

    fn number(&mut self) -> Token {
        let start = self.at;
        let rest = self.rest().as_bytes();
        let good = rest.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'x')).count();
        let all = rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'_' | b'/'))
            .count();
        self.at += all;
        if all == good {
            return self.token(Kind::Number, start);
        }
        self.bad_number(start)
    }

    fn bad_token(&self, start: usize, diagnostic: Diagnostic) -> Token {
        let diagnostic = diagnostic.note("xl refuses the whole file: lexical error");
        self.token(Kind::Bad(Box::new(diagnostic)), start)
    }

    fn bad_number(&self, start: usize) -> Token {
        let span = Span::new(start, self.at);
        let written = self.slice(span);
        let message = format!("xl cannot read `{written}` as a number");
        self.bad_token(
            start,
            Diagnostic::new(&kinds::XL_NUMBER, span, message)
                .help("put the value in quotes")
                .replace(span, format!("'{written}'")),
        )
    }

    /// A line that begins as remarks of other languages do.
    fn bad_remark(&mut self, start: usize) -> Token {
        let slashes = self.rest().bytes().take_while(|byte| matches!(byte, b'/' | b'*')).count();
        self.at += slashes;
        let span = Span::new(start, self.at);
        let diagnostic = Diagnostic::new(&kinds::XL_SYNTAX, span, "no setting begins with `/`")
            .help("a remark begins with `#`")
            .replace(span, "#");
        self.bad_token(start, diagnostic)
    }

    /// A string between the quotes of a word processor: read as it was meant.
    fn typographic_string(&mut self, open: char, string: &Typographic) -> Token {
        let start = self.at;
        let (inside, meant) = (string.inside(self.rest()).to_owned(), string.meant(self.rest()));
        self.at += string.len();
        let span = Span::new(start, self.at);
        self.diagnostics.push(
            Diagnostic::new(&kinds::XL_SYNTAX, span, format!("`{open}` is not a quote that Xen knows"))
                .label("typographic quotes")
                .note("xl refuses the whole file: lexical error; such quotes come in by copying from a web page")
                .help("write straight quotes")
                .replace(span, meant),
        );
        Token { kind: Kind::String(Text::verbatim(inside, start + string.head, span)), span }
    }

    /// A path without quotes.
    fn bad_path(&mut self, start: usize) -> Token {
        let is_end =
            |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | ',' | ';' | ']' | '[' | '#' | '\\');
        let line = self.line();
        self.at += line.find(is_end).unwrap_or(line.len());
        let span = Span::new(start, self.at);
        let written = self.slice(span);
        let diagnostic = Diagnostic::new(&kinds::XL_SYNTAX, span, "a path stands in quotes")
            .help("put it in quotes")
            .replace(span, format!("'{written}'"));
        self.bad_token(start, diagnostic)
    }

    fn bad(&mut self, c: char) -> Token {
        let start = self.at;
        if matches!(c, '-' | '.') {
            let word = self.rest().bytes().skip(1).take(64);
            let length = word.take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'.').count();
            if length > 0 {
                self.at += 1 + length;
                return self.bad_number(start);
            }
        }
        let behind = self.rest().get(1..).unwrap_or("").trim_start_matches([' ', '\t']);
        if c == '\\' && behind.starts_with(['\n', '\r']) {
            self.at += self.line().len();
            // The next line belongs to this one.
            self.at += if self.rest().starts_with("\r\n") { 2 } else { usize::from(!self.rest().is_empty()) };
            let span = Span::new(start, start + 1);
            return self.bad_token(
                start,
                Diagnostic::new(&kinds::XL_SYNTAX, span, "xl does not continue lines with a backslash")
                    .help("write it on one line; inside a list, lines may end after a comma"),
            );
        }
        if let Some(string) = Typographic::at_start(self.rest()) {
            return self.typographic_string(c, &string);
        }
        if c == '/' {
            let is_first = self.text.get(..start).is_some_and(|before| {
                before.trim_end_matches([' ', '\t']).is_empty()
                    || before.trim_end_matches([' ', '\t']).ends_with(['\n', '\r'])
            });
            return if is_first { self.bad_remark(start) } else { self.bad_path(start) };
        }
        self.at += c.len_utf8();
        let span = Span::new(start, self.at);
        let shown = c.escape_debug();
        let diagnostic = match c {
            '%' | '(' | ')' | '{' | '}' | '*' | '+' | '-' | ':' => {
                Diagnostic::new(&kinds::XL_COMPUTED, span, format!("`{shown}` means nothing to xl")).help(
                    "write the value itself: a string in quotes, a number, or a list in square brackets",
                )
            }
            _ => Diagnostic::new(&kinds::XL_SYNTAX, span, format!("`{shown}` cannot stand outside quotes"))
                .help("put the value in straight quotes, or the remark behind a `#`"),
        };
        self.bad_token(start, diagnostic)
    }

    fn string(&mut self, quote: char) -> Token {
        let start = self.at;
        let triple: String = [quote; 3].iter().collect();
        if self.rest().starts_with(&triple) {
            return self.triple_string(&triple);
        }
        let mut end = None;
        let mut escaped = false;
        for (at, c) in self.rest().char_indices().skip(1) {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if c == quote => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let Some(end) = end else { return self.unclosed_string(quote) };
        self.at = start + end + 1;
        let span = Span::new(start, self.at);
        let text = self.unescape(start + 1, start + end, span);
        Token { kind: Kind::String(text), span }
    }

    fn unclosed_string(&mut self, quote: char) -> Token {
        let start = self.at;
        let line = self.line().trim_end();
        let inner = line.trim_end_matches([']', ',']).trim_end();
        self.at = start + inner.len();
        let span = Span::new(start, self.at);
        self.diagnostics.push(
            Diagnostic::new(
                &kinds::XL_STRING,
                span,
                format!("this string has no closing `{quote}` on its line"),
            )
            .note("xl refuses the whole file: lexical error")
            .help(format!("close the string with `{quote}`"))
            .replace(Span::at(self.at), quote.to_string()),
        );
        let text = self.text.get(start + 1..self.at).unwrap_or("").to_owned();
        Token { kind: Kind::String(Text::verbatim(text, start + 1, span)), span }
    }

    fn triple_string(&mut self, quotes: &str) -> Token {
        let start = self.at;
        let inside = self.text.get(start + 3..).unwrap_or("");
        let length = inside.find(quotes).unwrap_or(inside.len());
        self.at = (start + 3 + length + 3).min(self.text.len());
        let span = Span::new(start, self.at);
        let inside = inside.get(..length).unwrap_or("");
        let first_line = Span::new(start, start + 3 + inside.lines().next().unwrap_or("").len());
        let mut diagnostic =
            Diagnostic::new(&kinds::XL_STRING, first_line, "xl does not know strings in three quotes")
                .note("xl refuses the whole file: syntax error")
                .help("write the string on one line in plain quotes");
        if !inside.contains(['\n', '\'', '\\']) {
            diagnostic = diagnostic.replace(span, format!("'{inside}'"));
        }
        self.diagnostics.push(diagnostic);
        Token { kind: Kind::String(Text::verbatim(inside.to_owned(), start + 3, span)), span }
    }

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

    fn escape(&mut self, backslash: usize, end: usize, builder: &mut Builder) -> usize {
        let rest = self.text.get(backslash + 1..end).unwrap_or("");
        let Some(c) = rest.chars().next() else { return end };
        let after = backslash + 1 + c.len_utf8();
        let simple = match c {
            '\'' | '"' | '\\' => Some(c),
            'a' => Some('\x07'),
            'b' => Some('\x08'),
            'f' => Some('\x0c'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\x0b'),
            _ => None,
        };
        if let Some(c) = simple {
            builder.whole(c.encode_utf8(&mut [0; 4]), Span::new(backslash, after));
            return after;
        }
        let digits = rest.bytes().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
        if digits >= 2 {
            let span = Span::new(backslash, backslash + 1 + digits);
            let written = self.slice(span);
            self.diagnostics.push(
                Diagnostic::new(
                    &kinds::XL_OCTAL_ESCAPE,
                    span,
                    format!("xl puts nothing in the place of `{written}`"),
                )
                .help("write the character itself"),
            );
            return backslash + 1 + digits;
        }
        let span = Span::new(backslash, after);
        let written = self.slice(span);
        builder.verbatim(written, backslash);
        self.diagnostics.push(
            Diagnostic::new(&kinds::XL_ESCAPE, span, format!("xl does not know the escape `{written}`"))
                .note("xl refuses the whole file")
                .help("write the backslash twice if you mean one")
                .replace(span, format!("\\{written}")),
        );
        after
    }
}
