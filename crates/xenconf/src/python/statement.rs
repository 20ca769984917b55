//! Statements: assignments, and the few others that configuration files have.

use super::ast::{Expression, ExpressionKind, Operator, Statement, StatementKind};
use super::parser::{Fault, Parser, syntax};
use super::token::Kind;
use crate::diagnostic::{Diagnostic, kinds};
use crate::source::Span;

impl Parser<'_, '_> {
    /// The whole file. A line that is not understood is reported and skipped.
    pub(super) fn file(&mut self) -> Vec<Statement> {
        let mut statements = Vec::new();
        loop {
            match self.peek().kind {
                Kind::End => return statements,
                Kind::Newline | Kind::Dedent => {
                    self.take();
                }
                Kind::Indent => {
                    let span = self.take().span;
                    self.report_indentation(span);
                }
                _ => self.line(&mut statements),
            }
        }
    }

    fn report_indentation(&mut self, span: Span) {
        self.diagnostics.push(
            Diagnostic::new(&kinds::PY_INDENTATION, span, "this line is indented, but belongs to nothing")
                .note("xm refuses the whole file: unexpected indent. xl does not mind")
                .help("begin the line in the first column")
                .replace(span, ""),
        );
    }

    /// One line: statements with semicolons between them, or one with a block.
    fn line(&mut self, statements: &mut Vec<Statement>) {
        loop {
            let start = self.peek().span;
            if let Some(statement) = self.compound() {
                statements.push(statement);
                return;
            }
            let at_start = self.peek().span.start;
            if let Ok(kind) = self.simple() {
                statements.push(Statement { kind, span: start.to(self.previous()) });
            } else {
                let names = self.name_of_assignment(start);
                self.skip_statement();
                statements.push(Statement { kind: StatementKind::Broken(names), span: start });
                return;
            }
            if self.take_operator(";") {
                if self.ends_line() {
                    break;
                }
                continue;
            }
            if !self.ends_line() {
                let Fault = self.trailing(start);
                let names = self.name_of_assignment(start);
                statements.push(Statement { kind: StatementKind::Broken(names), span: start });
                self.skip_statement();
                return;
            }
            debug_assert!(self.peek().span.start >= at_start);
            break;
        }
        if self.peek().kind == Kind::Newline {
            self.take();
        }
    }

    /// The name before the `=` of a line that is not understood.
    fn name_of_assignment(&self, start: Span) -> Vec<String> {
        let name: String = self
            .text
            .get(start.start as usize..)
            .unwrap_or("")
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        if name.is_empty() { Vec::new() } else { vec![name] }
    }

    /// Something stands behind a complete statement.
    fn trailing(&mut self, start: Span) -> Fault {
        let found = self.peek();
        let text = self.slice(found.span);
        let message = format!("expected the end of the line, found {}", self.describe(found));
        let mut diagnostic = syntax(found.span, message);
        let rest = self.text.get(start.start as usize..).unwrap_or("");
        let line = rest.split(['\n', '\r']).next().unwrap_or("");
        if let Some((name, value)) = line.split_once('=') {
            let value = value.split('#').next().unwrap_or("").trim();
            let at = start.start as usize + name.len() + 1;
            let quoted = value.contains(['\'', '"', '[', ']', '(', ')']);
            if !quoted && !value.is_empty() {
                let lead =
                    line.get(name.len() + 1..).map_or(0, |after| after.len() - after.trim_start().len());
                let span = Span::new(at + lead, at + lead + value.len());
                diagnostic = diagnostic.help("put the value in quotes").replace(span, format!("'{value}'"));
            }
        } else if text == "=" || found.kind == Kind::Name {
            diagnostic = diagnostic.help("a setting is written `name = 'value'`");
        }
        self.diagnostics.push(diagnostic);
        Fault
    }

    fn simple(&mut self) -> Result<StatementKind, Fault> {
        let token = self.peek();
        let word = if token.kind == Kind::Name { self.slice(token.span) } else { "" };
        match word {
            "pass" | "break" | "continue" | "global" | "nonlocal" | "assert" => {
                self.skip_to_separator();
                Ok(StatementKind::Nothing)
            }
            "print" | "exec" if !self.is_assignment() => {
                self.skip_to_separator();
                Ok(StatementKind::Nothing)
            }
            "import" => self.import(),
            "from" => self.import_from(),
            "raise" => {
                self.skip_to_separator();
                Ok(StatementKind::Raise)
            }
            "return" => {
                self.take();
                let value = if self.ends_line() || self.is_operator(";") {
                    None
                } else {
                    Some(self.expression_list()?)
                };
                Ok(StatementKind::Return(value))
            }
            "del" => {
                self.take();
                let target = self.expression_list()?;
                Ok(StatementKind::Delete(names_of(&target)))
            }
            _ => self.assignment(),
        }
    }

    /// True when the name that comes next is assigned to.
    fn is_assignment(&self) -> bool {
        let next = self.peek_ahead(1);
        next.kind == Kind::Operator && self.slice(next.span).ends_with('=')
    }

    fn assignment(&mut self) -> Result<StatementKind, Fault> {
        let first = self.expression_list()?;
        if let Some(operator) = self.augmentation() {
            self.take();
            let value = self.expression_list()?;
            return Ok(StatementKind::Augment(first, operator, value));
        }
        if !self.is_operator("=") {
            return Ok(StatementKind::Expression(first));
        }
        let mut targets = Vec::new();
        let mut last = first;
        while self.is_operator("=") {
            let equals = self.take().span;
            if self.ends_line() || self.is_operator(";") {
                return Err(self.no_value(equals));
            }
            let next = self.expression_list()?;
            targets.push(std::mem::replace(&mut last, next));
        }
        if let Some(target) = targets.iter().find(|target| !is_target(target)) {
            let message = "the left side of `=` is no name".to_owned();
            let diagnostic = syntax(target.span, message);
            self.diagnostics.push(diagnostic.help("a setting is written `name = value`"));
            return Err(Fault);
        }
        Ok(StatementKind::Assign(targets, last))
    }

    fn no_value(&mut self, equals: Span) -> Fault {
        let diagnostic = syntax(equals, "there is no value behind this `=`".to_owned());
        self.diagnostics
            .push(diagnostic.help("write a value, `''` for an empty one, or put a `#` before the line"));
        Fault
    }

    fn augmentation(&self) -> Option<Operator> {
        let token = self.peek();
        if token.kind != Kind::Operator {
            return None;
        }
        Some(match self.slice(token.span) {
            "+=" => Operator::Add,
            "-=" => Operator::Subtract,
            "*=" => Operator::Multiply,
            "/=" => Operator::Divide,
            "//=" => Operator::FloorDivide,
            "%=" => Operator::Remainder,
            "|=" => Operator::Or,
            "&=" => Operator::And,
            "^=" => Operator::ExclusiveOr,
            "<<=" => Operator::ShiftLeft,
            ">>=" => Operator::ShiftRight,
            _ => return None,
        })
    }

    fn skip_to_separator(&mut self) {
        while !self.ends_line() && !self.is_operator(";") {
            self.take();
        }
    }

    fn dotted_name(&mut self) -> Result<String, Fault> {
        let mut name = String::new();
        loop {
            let token = self.peek();
            if token.kind != Kind::Name {
                return Err(self.fault("a name"));
            }
            self.take();
            name.push_str(self.slice(token.span));
            if !self.take_operator(".") {
                return Ok(name);
            }
            name.push('.');
        }
    }

    fn alias(&mut self) -> Result<Option<String>, Fault> {
        if self.take_keyword("as") { self.dotted_name().map(Some) } else { Ok(None) }
    }

    fn import(&mut self) -> Result<StatementKind, Fault> {
        self.take();
        let mut names = Vec::new();
        loop {
            let path = self.dotted_name()?;
            let top = path.split('.').next().unwrap_or(&path).to_owned();
            match self.alias()? {
                Some(alias) => names.push((alias, path)),
                None => names.push((top.clone(), top)),
            }
            if !self.take_operator(",") {
                return Ok(StatementKind::Import(names));
            }
        }
    }

    fn import_from(&mut self) -> Result<StatementKind, Fault> {
        self.take();
        let module = self.dotted_name()?;
        if !self.take_keyword("import") {
            return Err(self.fault("`import`"));
        }
        if self.take_operator("*") {
            return Ok(StatementKind::Import(Vec::new()));
        }
        let opening = self.peek().span;
        let bracketed = self.take_operator("(");
        let mut names = Vec::new();
        loop {
            let name = self.dotted_name()?;
            let path = format!("{module}.{name}");
            names.push((self.alias()?.unwrap_or(name), path));
            if !self.take_operator(",") || self.is_operator(")") {
                break;
            }
        }
        if bracketed {
            self.close(")", opening)?;
        }
        Ok(StatementKind::Import(names))
    }

    /// A statement with a block, if one begins here.
    fn compound(&mut self) -> Option<Statement> {
        let token = self.peek();
        if token.kind != Kind::Name {
            return None;
        }
        let keyword = match self.slice(token.span) {
            "if" => return Some(self.guarded(token.span, Self::if_statement)),
            "try" => return Some(self.guarded(token.span, Self::try_statement)),
            "def" => return Some(self.guarded(token.span, Self::definition)),
            "for" => "for",
            "while" => "while",
            "class" => "class",
            "with" => "with",
            _ => return None,
        };
        let head = self.skip_head();
        let names = self.skip_body();
        let head = token.span.to(head);
        Some(Statement { kind: StatementKind::Code { keyword, head, names }, span: head })
    }

    fn guarded(&mut self, start: Span, parse: fn(&mut Self) -> Result<StatementKind, Fault>) -> Statement {
        if let Ok(kind) = self.nest(parse) {
            Statement { kind, span: start.to(self.previous()) }
        } else {
            while !matches!(self.peek().kind, Kind::Newline | Kind::End) {
                self.take();
            }
            let names = self.skip_body();
            Statement { kind: StatementKind::Broken(names), span: start }
        }
    }

    /// Skips to the end of the line that a block belongs to, and returns where the line ends.
    fn skip_head(&mut self) -> Span {
        while !self.ends_line() {
            self.take();
        }
        self.previous()
    }

    fn skip_body(&mut self) -> Vec<String> {
        if self.peek().kind == Kind::Newline {
            self.take();
        }
        if self.peek().kind == Kind::Indent { self.skip_block() } else { Vec::new() }
    }

    fn if_statement(&mut self) -> Result<StatementKind, Fault> {
        self.take();
        let mut branches = vec![(self.expression()?, self.block()?)];
        loop {
            if self.take_keyword("elif") {
                branches.push((self.expression()?, self.block()?));
            } else if self.take_keyword("else") {
                return Ok(StatementKind::If(branches, self.block()?));
            } else {
                return Ok(StatementKind::If(branches, Vec::new()));
            }
        }
    }

    fn try_statement(&mut self) -> Result<StatementKind, Fault> {
        self.take();
        let body = self.block()?;
        let mut handlers = Vec::new();
        let mut finally = Vec::new();
        loop {
            if self.is_keyword("except") {
                while !self.is_operator(":") && !self.ends_line() {
                    self.take();
                }
                handlers.push(self.block()?);
            } else if self.take_keyword("else") || self.take_keyword("finally") {
                finally.extend(self.block()?);
            } else {
                return Ok(StatementKind::Try { body, handlers, finally });
            }
        }
    }

    fn definition(&mut self) -> Result<StatementKind, Fault> {
        self.take();
        let name = self.dotted_name()?;
        let opening = self.peek().span;
        if !self.take_operator("(") {
            return Err(self.fault("`(`"));
        }
        let mut parameters = Vec::new();
        while !self.is_operator(")") && !self.ends_line() {
            parameters.push(self.dotted_name()?);
            if self.take_operator("=") {
                self.expression()?;
            }
            if !self.take_operator(",") {
                break;
            }
        }
        self.close(")", opening)?;
        Ok(StatementKind::Define { name, parameters, body: self.block()? })
    }

    /// A colon and the statements that belong to it, on the same line or indented below.
    fn block(&mut self) -> Result<Vec<Statement>, Fault> {
        if !self.take_operator(":") {
            return Err(self.fault("`:`"));
        }
        let mut statements = Vec::new();
        if self.peek().kind != Kind::Newline {
            self.line(&mut statements);
            return Ok(statements);
        }
        self.take();
        if self.peek().kind != Kind::Indent {
            return Err(self.fault("an indented block"));
        }
        self.take();
        // Levels of indentation that belong to nothing, and were reported.
        let mut stray = 0_usize;
        loop {
            match self.peek().kind {
                Kind::Dedent => {
                    self.take();
                    if stray == 0 {
                        return Ok(statements);
                    }
                    stray -= 1;
                }
                Kind::End => return Ok(statements),
                Kind::Newline => {
                    self.take();
                }
                Kind::Indent => {
                    let span = self.take().span;
                    self.report_indentation(span);
                    stray += 1;
                }
                _ => self.line(&mut statements),
            }
        }
    }
}

/// True for what may stand on the left of `=`.
fn is_target(expression: &Expression) -> bool {
    match &expression.kind {
        ExpressionKind::Name(_) | ExpressionKind::Postfix(..) => true,
        ExpressionKind::Tuple(items) | ExpressionKind::List(items) => items.iter().all(is_target),
        _ => false,
    }
}

/// The names in an assignment's left side.
pub(super) fn names_of(target: &Expression) -> Vec<String> {
    match &target.kind {
        ExpressionKind::Name(name) => vec![name.clone()],
        ExpressionKind::Tuple(items) | ExpressionKind::List(items) => {
            items.iter().flat_map(names_of).collect()
        }
        ExpressionKind::Postfix(base, _) => names_of(base),
        _ => Vec::new(),
    }
}
