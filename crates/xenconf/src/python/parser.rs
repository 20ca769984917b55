//! The parser's hands: looking at tokens, taking them, saying what was expected.

use super::lexer::{MAX_NESTING, tokenize, tokenize_part};
use super::token::{Kind, Token};
use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::source::{Span, first_line};

/// A part of the file that could not be understood; a diagnostic says so already.
#[derive(Debug)]
pub(super) struct Fault;

/// What to say of text that is not Python.
pub(super) fn syntax(span: Span, message: String) -> Diagnostic {
    Diagnostic::new(&kinds::PY_SYNTAX, span, message).note("neither xm nor xl loads the file")
}

pub(super) struct Parser<'s, 'd> {
    pub(super) text: &'s str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    pub(super) diagnostics: &'d mut Diagnostics,
}

impl<'s, 'd> Parser<'s, 'd> {
    pub(super) fn new(text: &'s str, diagnostics: &'d mut Diagnostics) -> Self {
        let tokens = tokenize(text, diagnostics);
        Self { text, tokens, at: 0, depth: 0, diagnostics }
    }

    /// A parser for a piece of the file, such as the inside of an f-string's braces.
    pub(super) fn for_part(text: &'s str, part: Span, diagnostics: &'d mut Diagnostics) -> Self {
        let tokens = tokenize_part(text, part, diagnostics);
        Self { text, tokens, at: 0, depth: 0, diagnostics }
    }

    pub(super) fn peek(&self) -> Token {
        self.peek_ahead(0)
    }

    pub(super) fn peek_ahead(&self, ahead: usize) -> Token {
        let end = Token { kind: Kind::End, span: Span::at(self.text.len()) };
        self.tokens.get(self.at + ahead).or(self.tokens.last()).copied().unwrap_or(end)
    }

    pub(super) fn slice(&self, span: Span) -> &'s str {
        self.text.get(span.range()).unwrap_or("")
    }

    pub(super) fn take(&mut self) -> Token {
        let token = self.peek();
        self.at += 1;
        token
    }

    /// The place of the token taken last.
    pub(super) fn previous(&self) -> Span {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(Span::at(0), |token| token.span)
    }

    pub(super) fn is_operator(&self, operator: &str) -> bool {
        let token = self.peek();
        token.kind == Kind::Operator && self.slice(token.span) == operator
    }

    pub(super) fn is_keyword(&self, keyword: &str) -> bool {
        let token = self.peek();
        token.kind == Kind::Name && self.slice(token.span) == keyword
    }

    pub(super) fn take_operator(&mut self, operator: &str) -> bool {
        let found = self.is_operator(operator);
        if found {
            self.at += 1;
        }
        found
    }

    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        let found = self.is_keyword(keyword);
        if found {
            self.at += 1;
        }
        found
    }

    pub(super) fn ends_line(&self) -> bool {
        matches!(self.peek().kind, Kind::Newline | Kind::End | Kind::Dedent | Kind::Indent)
    }

    /// Takes a closing bracket. At the end of a line none is asked for: the lexer has reported it missing.
    pub(super) fn close(&mut self, bracket: &str, opening: Span) -> Result<(), Fault> {
        if self.take_operator(bracket) || self.ends_line() {
            return Ok(());
        }
        let found = self.peek();
        let message = format!("expected `{bracket}` here, found {}", self.describe(found));
        let opened = format!("to close this `{}`", self.slice(opening));
        let mut diagnostic = syntax(found.span, message).related(opening, opened);
        if matches!(found.kind, Kind::String(_) | Kind::Number | Kind::Name) && bracket != "}" {
            diagnostic = diagnostic
                .help("put a comma between two values")
                .replace(Span::at(found.span.start as usize), ", ");
        }
        self.diagnostics.push(diagnostic);
        Err(Fault)
    }

    pub(super) fn fault(&mut self, expected: &str) -> Fault {
        let found = self.peek();
        let message = format!("expected {expected}, found {}", self.describe(found));
        let diagnostic = syntax(found.span, message);
        self.diagnostics.push(diagnostic);
        Fault
    }

    /// A path where a value is expected.
    pub(super) fn path_without_quotes(&mut self) -> Fault {
        let start = self.peek().span.start as usize;
        let line = first_line(self.text.get(start..).unwrap_or(""));
        let is_end =
            |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | ',' | ';' | ']' | '[' | '#' | '\\');
        let length = line.find(is_end).unwrap_or(line.len());
        let written = line.get(..length).unwrap_or("").to_owned();
        let span = Span::new(start, start + length);
        let diagnostic = syntax(span, "a path stands in quotes".to_owned());
        self.diagnostics.push(diagnostic.help("put it in quotes").replace(span, format!("'{written}'")));
        Fault
    }

    pub(super) fn describe(&self, token: Token) -> String {
        match token.kind {
            Kind::Newline => "the end of the line".to_owned(),
            Kind::End => "the end of the file".to_owned(),
            Kind::Indent | Kind::Dedent => "another indentation".to_owned(),
            Kind::String(_) => "a string".to_owned(),
            Kind::Name | Kind::Number | Kind::Operator => {
                let text = self.slice(token.span);
                let short: String = text.chars().take(30).collect();
                format!("`{short}`")
            }
        }
    }

    /// Goes one level deeper, unless that is too deep.
    pub(super) fn nest<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.depth >= MAX_NESTING {
            let span = self.peek().span;
            self.diagnostics.push(
                Diagnostic::new(&kinds::PY_TOO_DEEP, span, "nested too deeply")
                    .note(format!("Python gives up at {MAX_NESTING} levels of brackets or blocks")),
            );
            return Err(Fault);
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Skips to the end of the line, and over the block that belongs to it.
    pub(super) fn skip_statement(&mut self) {
        while !matches!(self.peek().kind, Kind::Newline | Kind::End) {
            self.at += 1;
        }
        self.at += 1;
        if self.peek().kind == Kind::Indent {
            self.skip_block();
        }
    }

    /// Skips an indented block, and returns the names that are assigned in it.
    pub(super) fn skip_block(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        let mut depth = 0_usize;
        loop {
            let token = self.peek();
            match token.kind {
                Kind::Indent => depth += 1,
                Kind::Dedent => depth = depth.saturating_sub(1),
                Kind::End => break,
                Kind::Name if self.changes_name() => {
                    names.push(self.slice(token.span).to_owned());
                }
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                break;
            }
        }
        names
    }

    /// True when the name that comes next is assigned to, or is a list that something is added to.
    fn changes_name(&self) -> bool {
        let next = self.peek_ahead(1);
        let method = self.peek_ahead(2);
        match (next.kind, self.slice(next.span)) {
            (Kind::Operator, "=" | "+=" | "-=" | "*=" | "%=" | "[") => true,
            (Kind::Operator, ".") => {
                matches!(
                    self.slice(method.span),
                    "append" | "extend" | "insert" | "remove" | "pop" | "sort" | "update"
                )
            }
            _ => false,
        }
    }
}
