use std::collections::HashMap;

use super::command_line::override_settings;
use super::lexer::{Kind, Lexer, Token};
use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::source::{Source, Span};
use crate::text::{Builder, Text};
use crate::value::{Reason, Setting, Settings, Value, ValueKind};

/// The settings of a file at its end, by xl's rules: the last assignment of a name counts, `+=` adds to the
/// one before. A line with a fault is reported and skipped, which is more than xl does: it refuses the file.
///
/// ```
/// use xenconf::diagnostic::Diagnostics;
/// use xenconf::source::Source;
/// use xenconf::xl;
///
/// let source = Source::new("web.cfg", b"name = 'web'\nvif = [ 'bridge=xenbr0' ]\nvif += [ '' ]\n");
/// let mut diagnostics = Diagnostics::new();
/// let settings = xl::read(&source, &[], &mut diagnostics);
/// assert_eq!(settings.value("vif").unwrap().items().unwrap().len(), 2);
/// ```
#[must_use]
pub fn read(source: &Source, variables: &[(String, String)], diagnostics: &mut Diagnostics) -> Settings {
    let mut parser = Parser::new(source.text(), diagnostics);
    parser.file();
    let mut settings = parser.finish();
    override_settings(&mut settings, source, variables);
    settings
}

/// A line that could not be understood; a diagnostic says so already.
pub(super) struct Fault;

pub(super) struct Parser<'s, 'd> {
    pub(super) lexer: Lexer<'s, 'd>,
    pub(super) token: Token,
    /// The list read last was closed by the next setting.
    pub(super) list_unclosed: bool,
    /// The name of the setting that is being read.
    under_way: Option<Span>,
    settings: Vec<Setting>,
    by_name: HashMap<String, usize>,
}

impl<'s, 'd> Parser<'s, 'd> {
    fn new(text: &'s str, diagnostics: &'d mut Diagnostics) -> Self {
        let mut lexer = Lexer::new(text, diagnostics);
        let token = lexer.next();
        Self {
            lexer,
            token,
            list_unclosed: false,
            under_way: None,
            settings: Vec::new(),
            by_name: HashMap::new(),
        }
    }

    fn finish(self) -> Settings {
        Settings::new(self.settings)
    }

    pub(super) fn advance(&mut self) -> Token {
        let next = self.lexer.next();
        std::mem::replace(&mut self.token, next)
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.lexer.diagnostics.push(diagnostic);
    }

    pub(super) fn lexical(&mut self, token: &Token) -> Fault {
        if let Kind::Bad(diagnostic) = &token.kind {
            self.report(diagnostic.as_ref().clone());
        }
        Fault
    }

    pub(super) const fn is_mark(&self, mark: u8) -> bool {
        matches!(self.token.kind, Kind::Mark(found) if found == mark)
    }

    pub(super) fn take_mark(&mut self, mark: u8) -> bool {
        let found = self.is_mark(mark);
        if found {
            self.advance();
        }
        found
    }

    fn file(&mut self) {
        loop {
            match self.token.kind {
                Kind::End => return,
                Kind::Newline | Kind::Mark(b';') => {
                    self.advance();
                }
                _ => {
                    if let Err(Fault) = self.assignment() {
                        self.skip_line();
                        self.store_unreadable();
                    }
                }
            }
        }
    }

    /// That a setting was meant counts, also when its value cannot be read.
    fn store_unreadable(&mut self) {
        if let Some(name) = self.under_way.take() {
            let written = self.lexer.slice(name).to_ascii_lowercase();
            if !self.by_name.contains_key(&written) {
                self.store(&written, name, Value::new(ValueKind::Unknown(Reason(0)), name), false);
            }
        }
    }

    /// Goes to the end of the line, unless it is reached.
    fn skip_line(&mut self) {
        if !matches!(self.token.kind, Kind::Newline | Kind::End) {
            self.lexer.skip_line();
            self.token = self.lexer.next();
        }
    }

    fn assignment(&mut self) -> Result<(), Fault> {
        let name = self.advance();
        self.check_name(&name)?;
        let adds = match self.token.kind {
            Kind::Mark(b'=') => false,
            Kind::Mark(b'+') => true,
            _ => return Err(self.fault(&name)),
        };
        let equals = self.advance().span;
        self.under_way = Some(name.span);
        if self.is_mark(b'=') {
            let span = equals.to(self.token.span);
            self.report(
                Diagnostic::new(&kinds::XL_SYNTAX, span, "`==` compares; a setting takes one `=`")
                    .note("xl refuses the whole file: syntax error")
                    .replace(span, "="),
            );
            return Err(Fault);
        }
        if matches!(self.token.kind, Kind::Newline | Kind::End | Kind::Mark(b';')) {
            self.report(
                Diagnostic::new(&kinds::XL_SYNTAX, equals, "there is no value behind this `=`")
                    .note("xl refuses the whole file: syntax error; the value must begin on the same line")
                    .help("write a value, `''` for an empty one, or put a `#` before the line"),
            );
            return Err(Fault);
        }
        let value = self.value(0)?;
        if matches!(self.token.kind, Kind::String(_)) {
            self.adjacent_strings(&value);
            return Err(Fault);
        }
        let list_ended_by_next_line = std::mem::take(&mut self.list_unclosed);
        if !list_ended_by_next_line
            && !matches!(self.token.kind, Kind::Newline | Kind::End | Kind::Mark(b';'))
        {
            return Err(self.trailing(&value));
        }
        self.under_way = None;
        // A capital letter is reported; the setting that was meant is kept.
        let written = self.lexer.slice(name.span).to_ascii_lowercase();
        self.store(&written, name.span, value, adds);
        Ok(())
    }

    fn check_name(&mut self, token: &Token) -> Result<(), Fault> {
        let written = self.lexer.slice(token.span);
        match token.kind {
            Kind::Name => {}
            Kind::Bad(_) => return Err(self.lexical(token)),
            _ => {
                self.report(
                    Diagnostic::new(
                        &kinds::XL_SYNTAX,
                        token.span,
                        format!("expected the name of a setting, found {}", describe(token, written)),
                    )
                    .note("xl refuses the whole file: syntax error")
                    .help("a setting is written `name = value`"),
                );
                return Err(Fault);
            }
        }
        if matches!(
            written,
            "import"
                | "from"
                | "def"
                | "if"
                | "elif"
                | "else"
                | "for"
                | "while"
                | "try"
                | "except"
                | "class"
                | "with"
                | "print"
                | "raise"
                | "return"
        ) && !self.is_mark(b'=')
        {
            self.report(
                Diagnostic::new(
                    &kinds::XL_COMPUTED,
                    token.span,
                    format!("`{written}` is Python, which xl does not run"),
                )
                .note("xl refuses the whole file: syntax error")
                .help("write plain `name = value` lines"),
            );
            return Err(Fault);
        }
        if let Some(at) = written.find(|c: char| c.is_ascii_uppercase()) {
            let lower = written.to_ascii_lowercase();
            let place = Span::new(token.span.start as usize + at, token.span.start as usize + at + 1);
            self.report(
                Diagnostic::new(&kinds::XL_NAME, token.span, "xl's names have no capital letters")
                    .related(place, "this one")
                    .note("xl refuses the whole file: lexical error")
                    .help("write the name in small letters")
                    .replace(token.span, lower),
            );
        }
        if written.starts_with('_') {
            self.report(
                Diagnostic::new(&kinds::XL_NAME, token.span, "xl's names begin with a letter")
                    .note("xl refuses the whole file: lexical error"),
            );
            return Err(Fault);
        }
        Ok(())
    }

    /// There is no `=` behind the name.
    fn fault(&mut self, name: &Token) -> Fault {
        let written = self.lexer.slice(name.span);
        let found = self.lexer.slice(self.token.span);
        if found == ":" {
            let diagnostic = Diagnostic::new(
                &kinds::XL_SYNTAX,
                self.token.span,
                format!("expected `=` behind `{written}`, found `:`"),
            )
            .note("xl refuses the whole file: lexical error")
            .help("a setting is written `name = value`")
            .replace(self.token.span, " =");
            self.report(diagnostic);
            return Fault;
        }
        if matches!(self.token.kind, Kind::Bad(_)) {
            let token = self.advance();
            return self.lexical(&token);
        }
        let found = describe(&self.token, found);
        let diagnostic = Diagnostic::new(
            &kinds::XL_SYNTAX,
            self.token.span,
            format!("expected `=` behind `{written}`, found {found}"),
        )
        .note("xl refuses the whole file: syntax error")
        .help("a setting is written `name = value`; a remark begins with `#`");
        self.report(diagnostic);
        Fault
    }

    pub(super) fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        let token = self.advance();
        let span = token.span;
        match token.kind {
            Kind::String(ref text) => Ok(Value::new(ValueKind::Text(text.clone()), span)),
            Kind::Number => {
                let text = self.lexer.slice(span).to_owned();
                Ok(Value::new(ValueKind::Number(Text::verbatim(text, span.start as usize, span)), span))
            }
            Kind::Mark(b'[') => self.list(span, depth),
            Kind::Bad(_) => Err(self.lexical(&token)),
            _ => {
                let written = self.lexer.slice(span);
                let mut diagnostic = Diagnostic::new(
                    &kinds::XL_SYNTAX,
                    span,
                    format!("expected a value, found {}", describe(&token, written)),
                )
                .note("xl refuses the whole file: syntax error");
                diagnostic = match written {
                    "True" | "true" | "yes" | "on" => diagnostic.help("write 1").replace(span, "1"),
                    "False" | "false" | "no" | "off" | "None" | "none" => {
                        diagnostic.help("write 0").replace(span, "0")
                    }
                    _ if matches!(token.kind, Kind::Name) => {
                        let (span, quoted) = self.bare(span, depth);
                        diagnostic.help("put the value in quotes").replace(span, quoted)
                    }
                    _ => diagnostic
                        .help("a value is a string in quotes, a number, or a list in square brackets"),
                };
                self.report(diagnostic);
                Err(Fault)
            }
        }
    }

    /// How a value without quotes was meant: as one string, to the end of its line, if nothing there speaks against it.
    fn bare(&self, word: Span, depth: usize) -> (Span, String) {
        let line = self.lexer.from(word.start);
        let line = line.split('#').next().unwrap_or("").trim_end();
        let is_one = depth == 0 && !line.contains(['\'', '"', '[', ']', ';', '\\', '(']);
        let start = word.start as usize;
        let span = if is_one { Span::new(start, start + line.len()) } else { word };
        let quoted = format!("'{}'", self.lexer.slice(span));
        let is_list =
            self.under_way.is_some_and(|name| matches!(self.lexer.slice(name), "vif" | "disk" | "pci"));
        (span, if is_one && is_list { format!("[ {quoted} ]") } else { quoted })
    }

    fn trailing(&mut self, value: &Value) -> Fault {
        if matches!(self.token.kind, Kind::Bad(_)) {
            let token = self.advance();
            return self.lexical(&token);
        }
        let found = describe(&self.token, self.lexer.slice(self.token.span));
        let diagnostic = Diagnostic::new(
            &kinds::XL_SYNTAX,
            self.token.span,
            format!("expected the end of the line, found {found}"),
        )
        .related(value.span, "the value ends here")
        .note("xl refuses the whole file: syntax error");
        self.report(diagnostic);
        Fault
    }

    fn store(&mut self, name: &str, name_span: Span, value: Value, adds: bool) {
        let Some(index) = self.by_name.get(name).copied() else {
            self.by_name.insert(name.to_owned(), self.settings.len());
            self.settings.push(Setting { name: name.to_owned(), name_span, value });
            return;
        };
        let Some(setting) = self.settings.get_mut(index) else { return };
        let before = setting.name_span;
        if !adds {
            setting.name_span = name_span;
            setting.value = value;
            self.report(
                Diagnostic::new(&kinds::ASSIGNED_TWICE, name_span, format!("`{name}` is set twice"))
                    .label("this one counts")
                    .related(before, "this one is lost")
                    .help("keep one of the two; `+=` adds to the value above"),
            );
            return;
        }
        match (&mut setting.value.kind, value.kind) {
            (ValueKind::List(items), ValueKind::List(more)) => items.extend(more),
            (
                ValueKind::Text(text) | ValueKind::Number(text),
                ValueKind::Text(more) | ValueKind::Number(more),
            ) => {
                let mut builder = Builder::new(text.span());
                builder.append(text);
                builder.append(&more);
                setting.value.kind = ValueKind::Text(builder.finish());
            }
            (ValueKind::Unknown(_), _) => {}
            _ => self.report(
                Diagnostic::new(&kinds::XL_MIXED_ADDITION, value.span, "a list and a string cannot be added")
                    .related(before, "set here before")
                    .note("xl refuses the whole file"),
            ),
        }
    }
}

pub(super) fn describe(token: &Token, written: &str) -> String {
    match token.kind {
        Kind::Newline => "the end of the line".to_owned(),
        Kind::End => "the end of the file".to_owned(),
        Kind::String(_) => "a string".to_owned(),
        _ => {
            let short: String = written.chars().take(30).collect();
            format!("`{short}`")
        }
    }
}
