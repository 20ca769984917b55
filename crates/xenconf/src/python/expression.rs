//! Expressions: values, and what is computed from values.

use super::ast::{Argument, Expression, ExpressionKind, Logic, Operator, Trailer, TrailerKind};
use super::parser::{Fault, Parser};
use super::token::Kind;
use crate::source::Span;
use crate::spilled;
use crate::value::{Value, ValueKind};

impl Parser<'_, '_> {
    /// An expression, or several with commas between them, which make a tuple.
    pub(super) fn expression_list(&mut self) -> Result<Expression, Fault> {
        let first = self.expression()?;
        if !self.is_operator(",") {
            return Ok(first);
        }
        let start = first.span;
        let mut items = vec![first];
        while self.take_operator(",") {
            if self.ends_line() || self.is_operator("=") || self.is_operator(";") {
                break;
            }
            items.push(self.expression()?);
        }
        Ok(Expression { kind: ExpressionKind::Tuple(items), span: start.to(self.previous()) })
    }

    pub(super) fn expression(&mut self) -> Result<Expression, Fault> {
        self.nest(|parser| {
            if parser.is_keyword("lambda") {
                return Ok(parser.code_to_end("a lambda"));
            }
            let then = parser.disjunction()?;
            if !parser.take_keyword("if") {
                return Ok(then);
            }
            let condition = parser.disjunction()?;
            if !parser.take_keyword("else") {
                return Err(parser.fault("`else`"));
            }
            let otherwise = parser.expression()?;
            let span = then.span.to(otherwise.span);
            Ok(Expression { kind: ExpressionKind::Conditional(Box::new([then, condition, otherwise])), span })
        })
    }

    fn disjunction(&mut self) -> Result<Expression, Fault> {
        self.logic("or", Logic::Or, Self::conjunction)
    }

    fn conjunction(&mut self) -> Result<Expression, Fault> {
        self.logic("and", Logic::And, Self::negation)
    }

    fn logic(
        &mut self,
        keyword: &str,
        logic: Logic,
        part: fn(&mut Self) -> Result<Expression, Fault>,
    ) -> Result<Expression, Fault> {
        let first = part(self)?;
        if !self.is_keyword(keyword) {
            return Ok(first);
        }
        let mut span = first.span;
        let mut parts = vec![first];
        while self.take_keyword(keyword) {
            let next = part(self)?;
            span = span.to(next.span);
            parts.push(next);
        }
        Ok(Expression { kind: ExpressionKind::Logic(logic, parts), span })
    }

    fn negation(&mut self) -> Result<Expression, Fault> {
        let start = self.peek().span;
        if !self.take_keyword("not") {
            return self.chain(0);
        }
        let inner = self.nest(Self::negation)?;
        let span = start.to(inner.span);
        Ok(Expression { kind: ExpressionKind::Not(Box::new(inner)), span })
    }

    /// Operators of this rank or a higher one. Those of one rank become one flat chain.
    fn chain(&mut self, lowest: u8) -> Result<Expression, Fault> {
        let mut left = self.unary()?;
        while let Some((rank, _, _)) = self.operator().filter(|(rank, _, _)| *rank >= lowest) {
            let mut rest = Vec::new();
            let mut span = left.span;
            while let Some((_, operator, width)) = self.operator().filter(|(next, _, _)| *next == rank) {
                for _ in 0..width {
                    self.take();
                }
                let right = self.nest(|parser| parser.chain(rank + 1))?;
                span = span.to(right.span);
                rest.push((operator, right));
            }
            left = Expression { kind: ExpressionKind::Chain(Box::new(left), rest), span };
        }
        Ok(left)
    }

    /// The operator that comes next: its rank, what it does, and how many tokens it is.
    fn operator(&self) -> Option<(u8, Operator, usize)> {
        let token = self.peek();
        let text = self.slice(token.span);
        let next_is = |word| {
            let next = self.peek_ahead(1);
            next.kind == Kind::Name && self.slice(next.span) == word
        };
        Some(match (token.kind, text) {
            (Kind::Name, "in") => (0, Operator::In, 1),
            (Kind::Name, "not") if next_is("in") => (0, Operator::NotIn, 2),
            (Kind::Name, "is") if next_is("not") => (0, Operator::IsNot, 2),
            (Kind::Name, "is") => (0, Operator::Is, 1),
            (Kind::Operator, "==") => (0, Operator::Equal, 1),
            (Kind::Operator, "!=" | "<>") => (0, Operator::NotEqual, 1),
            (Kind::Operator, "<") => (0, Operator::Less, 1),
            (Kind::Operator, "<=") => (0, Operator::LessOrEqual, 1),
            (Kind::Operator, ">") => (0, Operator::Greater, 1),
            (Kind::Operator, ">=") => (0, Operator::GreaterOrEqual, 1),
            (Kind::Operator, "|") => (1, Operator::Or, 1),
            (Kind::Operator, "^") => (2, Operator::ExclusiveOr, 1),
            (Kind::Operator, "&") => (3, Operator::And, 1),
            (Kind::Operator, "<<") => (4, Operator::ShiftLeft, 1),
            (Kind::Operator, ">>") => (4, Operator::ShiftRight, 1),
            (Kind::Operator, "+") => (5, Operator::Add, 1),
            (Kind::Operator, "-") => (5, Operator::Subtract, 1),
            (Kind::Operator, "*") => (6, Operator::Multiply, 1),
            (Kind::Operator, "/") => (6, Operator::Divide, 1),
            (Kind::Operator, "//") => (6, Operator::FloorDivide, 1),
            (Kind::Operator, "%") => (6, Operator::Remainder, 1),
            _ => return None,
        })
    }

    fn unary(&mut self) -> Result<Expression, Fault> {
        let start = self.peek().span;
        if self.take_operator("-") {
            let inner = self.nest(Self::unary)?;
            let span = start.to(inner.span);
            return Ok(Expression { kind: ExpressionKind::Negative(Box::new(inner)), span });
        }
        if self.take_operator("+") {
            return self.nest(Self::unary);
        }
        let base = self.postfix()?;
        if self.take_operator("**") {
            let exponent = self.nest(Self::unary)?;
            return Ok(Expression {
                kind: ExpressionKind::Code("a power"),
                span: base.span.to(exponent.span),
            });
        }
        Ok(base)
    }

    fn postfix(&mut self) -> Result<Expression, Fault> {
        let base = self.atom()?;
        let mut trailers = Vec::new();
        loop {
            let start = self.peek().span;
            let kind = if self.take_operator(".") {
                let name = self.peek();
                if name.kind != Kind::Name {
                    return Err(self.fault("a name"));
                }
                self.take();
                TrailerKind::Attribute(self.slice(name.span).to_owned())
            } else if self.take_operator("(") {
                TrailerKind::Call(self.arguments(start)?)
            } else if self.take_operator("[") {
                self.subscript(start)?
            } else {
                break;
            };
            trailers.push(Trailer { kind, span: start.to(self.previous()) });
        }
        if trailers.is_empty() {
            return Ok(base);
        }
        let span = base.span.to(self.previous());
        Ok(Expression { kind: ExpressionKind::Postfix(Box::new(base), trailers), span })
    }

    fn subscript(&mut self, opening: Span) -> Result<TrailerKind, Fault> {
        let from = if self.is_operator(":") { None } else { Some(self.expression()?) };
        if !self.take_operator(":") {
            self.close("]", opening)?;
            return from.map(TrailerKind::Index).ok_or(Fault);
        }
        let to = if self.is_operator("]") { None } else { Some(self.expression()?) };
        self.close("]", opening)?;
        Ok(TrailerKind::Slice(from, to))
    }

    fn arguments(&mut self, opening: Span) -> Result<Vec<Argument>, Fault> {
        let mut arguments = Vec::new();
        while !self.is_operator(")") && !self.ends_line() {
            if self.take_operator("*") || self.take_operator("**") {
                let value = self.expression()?;
                let value = Expression { kind: ExpressionKind::Code("a list of arguments"), ..value };
                arguments.push(Argument { name: None, value });
            } else {
                arguments.push(self.argument()?);
            }
            if !self.take_operator(",") {
                break;
            }
        }
        self.close(")", opening)?;
        Ok(arguments)
    }

    fn argument(&mut self) -> Result<Argument, Fault> {
        let name = self.peek();
        let equals = self.peek_ahead(1);
        if name.kind == Kind::Name && equals.kind == Kind::Operator && self.slice(equals.span) == "=" {
            self.take();
            self.take();
            let name = Some(self.slice(name.span).to_owned());
            return Ok(Argument { name, value: self.expression()? });
        }
        let value = self.expression()?;
        if self.is_keyword("for") {
            return Ok(Argument { name: None, value: self.code_to_end("a generator") });
        }
        Ok(Argument { name: None, value })
    }

    fn atom(&mut self) -> Result<Expression, Fault> {
        let token = self.peek();
        let text = self.slice(token.span);
        match (token.kind, text) {
            (Kind::String(_), _) => self.strings(),
            (Kind::Number, _) => {
                self.take();
                Ok(self.number(token.span))
            }
            (Kind::Name, "None" | "True" | "False") => {
                self.take();
                let kind = match text {
                    "None" => ValueKind::None,
                    _ => ValueKind::Boolean(text == "True"),
                };
                Ok(literal(Value::new(kind, token.span)))
            }
            (Kind::Name, word) if is_reserved(word) => Err(self.fault("a value")),
            (Kind::Name, name) => {
                self.take();
                Ok(Expression { kind: ExpressionKind::Name(name.to_owned()), span: token.span })
            }
            (Kind::Operator, "(") => self.nest(Self::parenthesized),
            (Kind::Operator, "[") => self.nest(Self::list),
            (Kind::Operator, "{") => self.nest(Self::dictionary),
            (Kind::Operator, "~") => {
                self.take();
                let inner = self.nest(Self::unary)?;
                Ok(Expression {
                    kind: ExpressionKind::Code("a bitwise complement"),
                    span: token.span.to(inner.span),
                })
            }
            (Kind::Operator, "/" | "//") => Err(self.path_without_quotes()),
            _ => Err(self.fault("a value")),
        }
    }

    fn parenthesized(&mut self) -> Result<Expression, Fault> {
        let opening = self.take().span;
        if self.take_operator(")") {
            return Ok(Expression {
                kind: ExpressionKind::Tuple(Vec::new()),
                span: opening.to(self.previous()),
            });
        }
        let first = self.expression()?;
        if self.is_keyword("for") {
            return self.code_in_brackets("a generator", ")", opening);
        }
        if !self.is_operator(",") {
            self.close(")", opening)?;
            // The parentheses belong to the place, not to the value.
            return Ok(first);
        }
        let mut items = vec![first];
        while self.take_operator(",") && !self.is_operator(")") && !self.ends_line() {
            items.push(self.expression()?);
        }
        self.close(")", opening)?;
        Ok(Expression { kind: ExpressionKind::Tuple(items), span: opening.to(self.previous()) })
    }

    fn list(&mut self) -> Result<Expression, Fault> {
        let opening = self.take().span;
        let mut items = Vec::new();
        while !self.is_operator("]") && !self.ends_line() {
            items.push(self.expression()?);
            if self.is_keyword("for") {
                return self.code_in_brackets("a list comprehension", "]", opening);
            }
            if self.is_operator("=") {
                return self.spilled(opening, &items);
            }
            if !self.take_operator(",") {
                break;
            }
        }
        self.close("]", opening)?;
        Ok(Expression { kind: ExpressionKind::List(items), span: opening.to(self.previous()) })
    }

    /// `vif = [ 'ip=10.0.0.1', bridge=xenbr0 ]`: a specification whose quote was closed too early. `items` are the
    /// values of the list so far, the last of them the name before the `=`.
    fn spilled(&mut self, opening: Span, items: &[Expression]) -> Result<Expression, Fault> {
        let at = items.last().map_or(opening, |item| item.span);
        let mut end = self.peek().span;
        while !self.ends_line() {
            let token = self.take();
            end = token.span;
            if token.kind == Kind::Operator && self.slice(token.span) == "]" {
                break;
            }
        }
        let list = opening.to(end);
        let before: Option<Vec<Value>> = items
            .iter()
            .take(items.len().saturating_sub(1))
            .map(|item| match &item.kind {
                ExpressionKind::Literal(value) => Some(value.clone()),
                _ => None,
            })
            .collect();
        let meant = before.and_then(|before| spilled::meant(self.slice(list), list, &before));
        let diagnostic =
            spilled::diagnostic(at, list, meant.as_ref()).note("neither xm nor xl loads the file");
        self.diagnostics.push(diagnostic);
        meant.map(literal).ok_or(Fault)
    }

    fn dictionary(&mut self) -> Result<Expression, Fault> {
        let opening = self.take().span;
        let mut items = Vec::new();
        while !self.is_operator("}") && !self.ends_line() {
            let key = self.expression()?;
            if !self.take_operator(":") {
                if self.is_operator(",") || self.is_operator("}") {
                    return self.code_in_brackets("a set", "}", opening);
                }
                return Err(self.fault("`:`"));
            }
            let value = self.expression()?;
            if self.is_keyword("for") {
                return self.code_in_brackets("a dictionary comprehension", "}", opening);
            }
            items.push((key, value));
            if !self.take_operator(",") {
                break;
            }
        }
        self.close("}", opening)?;
        Ok(Expression { kind: ExpressionKind::Dictionary(items), span: opening.to(self.previous()) })
    }

    /// Skips to the closing bracket of something that only Python can work out.
    fn code_in_brackets(
        &mut self,
        what: &'static str,
        bracket: &str,
        opening: Span,
    ) -> Result<Expression, Fault> {
        let mut depth = 0_usize;
        while !self.ends_line() {
            let token = self.peek();
            if token.kind == Kind::Operator {
                match self.slice(token.span) {
                    "(" | "[" | "{" => depth += 1,
                    text if depth == 0 && text == bracket => break,
                    ")" | "]" | "}" => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            self.take();
        }
        self.close(bracket, opening)?;
        Ok(Expression { kind: ExpressionKind::Code(what), span: opening.to(self.previous()) })
    }

    /// Skips to the end of an expression that only Python can work out: a comma or a closing bracket.
    fn code_to_end(&mut self, what: &'static str) -> Expression {
        let start = self.peek().span;
        let mut depth = 0_usize;
        while !self.ends_line() {
            let token = self.peek();
            if token.kind == Kind::Operator {
                match self.slice(token.span) {
                    "(" | "[" | "{" => depth += 1,
                    ")" | "]" | "}" | "," if depth == 0 => break,
                    ")" | "]" | "}" => depth -= 1,
                    _ => {}
                }
            }
            self.take();
        }
        Expression { kind: ExpressionKind::Code(what), span: start.to(self.previous()) }
    }
}

pub(super) const fn literal(value: Value) -> Expression {
    Expression { span: value.span, kind: ExpressionKind::Literal(value) }
}

fn is_reserved(word: &str) -> bool {
    matches!(
        word,
        "and"
            | "as"
            | "assert"
            | "break"
            | "class"
            | "continue"
            | "def"
            | "del"
            | "elif"
            | "else"
            | "except"
            | "finally"
            | "for"
            | "from"
            | "global"
            | "if"
            | "import"
            | "in"
            | "is"
            | "lambda"
            | "not"
            | "or"
            | "pass"
            | "raise"
            | "return"
            | "try"
            | "while"
            | "with"
            | "yield"
    )
}
