//! Lists, and what goes wrong in them.

use super::lexer::Kind;
use super::parser::{Fault, Parser, describe};
use crate::diagnostic::{Diagnostic, kinds};
use crate::names;
use crate::source::Span;
use crate::spilled;
use crate::value::{Value, ValueKind};

/// How deep lists may nest here.
const MAX_NESTING: usize = 100;

impl Parser<'_, '_> {
    fn skip_newlines(&mut self) {
        while matches!(self.token.kind, Kind::Newline) {
            self.advance();
        }
    }

    pub(super) fn list(&mut self, opening: Span, depth: usize) -> Result<Value, Fault> {
        if depth >= MAX_NESTING {
            self.report(Diagnostic::new(&kinds::XL_TOO_DEEP, opening, "lists are nested too deeply here"));
            return Err(Fault);
        }
        let mut items = Vec::new();
        loop {
            self.skip_newlines();
            if self.is_mark(b']') {
                let end = self.advance().span;
                return Ok(Value::new(ValueKind::List(items), opening.to(end)));
            }
            if matches!(self.token.kind, Kind::End) || self.begins_assignment() {
                self.unclosed_list(opening);
                return Ok(Value::new(ValueKind::List(items), opening));
            }
            if self.is_mark(b',') {
                let span = self.token.span;
                self.report(
                    Diagnostic::new(&kinds::XL_SYNTAX, span, "a comma without a value before it")
                        .note("xl refuses the whole file: syntax error")
                        .help("delete the comma; one comma before the `]` is allowed")
                        .replace(span, ""),
                );
                self.advance();
                continue;
            }
            if self.is_spilled() {
                return self.spilled(opening, &items);
            }
            items.push(self.list_item(opening, depth)?);
            self.skip_newlines();
            if !self.take_mark(b',') && !self.is_mark(b']') {
                self.separator_missing(opening, items.last())?;
            }
        }
    }

    /// True when a word and `=` come next, outside of quotes: a specification whose quote was closed too early.
    fn is_spilled(&self) -> bool {
        matches!(self.token.kind, Kind::Name) && self.lexer.following().starts_with('=')
    }

    fn spilled(&mut self, opening: Span, items: &[Value]) -> Result<Value, Fault> {
        let at = self.token.span;
        self.skip_list(opening);
        let list = Span { end: self.lexer.before(self.token.span).max(at.end), ..opening };
        let meant = spilled::meant(self.lexer.slice(list), list, items);
        self.report(
            spilled::diagnostic(at, list, meant.as_ref()).note("xl refuses the whole file: syntax error"),
        );
        meant.ok_or(Fault)
    }

    fn list_item(&mut self, opening: Span, depth: usize) -> Result<Value, Fault> {
        if let Ok(value) = self.value(depth + 1) {
            Ok(value)
        } else {
            self.skip_list(opening);
            Err(Fault)
        }
    }

    /// What stands between two values of a list is no comma.
    fn separator_missing(&mut self, opening: Span, last: Option<&Value>) -> Result<(), Fault> {
        if matches!(self.token.kind, Kind::End) || self.begins_assignment() {
            return Ok(());
        }
        match (&self.token.kind, last) {
            (Kind::String(_), Some(last)) => {
                self.adjacent_strings(last);
                Ok(())
            }
            (Kind::Bad(_), _) => {
                let token = self.advance();
                let fault = self.lexical(&token);
                self.skip_list(opening);
                Err(fault)
            }
            _ => {
                let found = describe(&self.token, self.lexer.slice(self.token.span));
                let diagnostic = Diagnostic::new(
                    &kinds::XL_SYNTAX,
                    self.token.span,
                    format!("expected `,` or `]`, found {found}"),
                )
                .related(opening, "in this list")
                .note("xl refuses the whole file: syntax error");
                self.report(diagnostic);
                self.skip_list(opening);
                Err(Fault)
            }
        }
    }

    pub(super) fn adjacent_strings(&mut self, first: &Value) {
        let span = self.token.span;
        let end = Span::at(first.span.end as usize);
        self.report(
            Diagnostic::new(&kinds::XL_STRING, span, "xl does not glue strings that stand side by side")
                .related(first.span, "this one, and the next without a comma between them")
                .note("xl refuses the whole file: syntax error. Python, and so xm, makes one string of them")
                .help("put a comma between two values, or write one string")
                .replace(end, ","),
        );
    }

    /// True when a name and `=` come next, which cannot stand in a list: the list above lost its end.
    pub(super) fn begins_assignment(&self) -> bool {
        let after = self.lexer.following();
        // A key of a specification whose quote was closed too early is indented like the rest of the list.
        let begins_line = || self.lexer.begins_line(self.token.span);
        matches!(self.token.kind, Kind::Name)
            && (after.starts_with('=') || after.starts_with("+="))
            && (begins_line() || names::is_xl_setting(self.lexer.slice(self.token.span)))
    }

    /// Skips a list that has a fault, over its closing bracket.
    fn skip_list(&mut self, opening: Span) {
        let mut depth = 0_usize;
        loop {
            match self.token.kind {
                Kind::Mark(b'[') => depth += 1,
                Kind::Mark(b']') if depth == 0 => {
                    self.advance();
                    return;
                }
                Kind::Mark(b']') => depth -= 1,
                Kind::End => return,
                Kind::Name if self.begins_assignment() && self.is_on_another_line(opening) => return,
                _ => {}
            }
            self.advance();
        }
    }

    fn is_on_another_line(&self, opening: Span) -> bool {
        self.lexer.slice(Span { start: opening.end, end: self.token.span.start }).contains('\n')
    }

    fn unclosed_list(&mut self, opening: Span) {
        self.list_unclosed = true;
        self.report(
            Diagnostic::new(&kinds::XL_UNCLOSED_LIST, opening, "this list is never closed")
                .label("`]` is missing")
                .note("xl refuses the whole file: syntax error")
                .help("close it with `]` before the next setting"),
        );
    }
}
