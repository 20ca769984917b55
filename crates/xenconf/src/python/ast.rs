//! What the parser makes of a file. Chains of operators and of calls are flat lists, so that no file, however
//! long its chains, makes a deep tree.

use crate::source::Span;
use crate::value::Value;

#[derive(Debug)]
pub(super) struct Expression {
    pub(super) kind: ExpressionKind,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) enum ExpressionKind {
    /// A string, a number: a value already.
    Literal(Value),
    /// `f'…'`: literal texts and expressions in turn, glued together.
    Formatted(Vec<FormattedPart>),
    Name(String),
    List(Vec<Expression>),
    Tuple(Vec<Expression>),
    Dictionary(Vec<(Expression, Expression)>),
    /// `first op second op third …`, all of one rank, from left to right.
    Chain(Box<Expression>, Vec<(Operator, Expression)>),
    /// `a and b and c` or `a or b or c`.
    Logic(Logic, Vec<Expression>),
    Not(Box<Expression>),
    Negative(Box<Expression>),
    /// `then if condition else otherwise`
    Conditional(Box<[Expression; 3]>),
    /// `base.name`, `base[index]`, `base(arguments)` in a row.
    Postfix(Box<Expression>, Vec<Trailer>),
    /// What only Python can work out, with the word for it: `a list comprehension`.
    Code(&'static str),
    /// Not understood; a diagnostic says so.
    Broken,
}

#[derive(Debug)]
pub(super) enum FormattedPart {
    Literal(Value),
    /// The expression, and the text behind its colon.
    Expression(Expression, String),
}

#[derive(Debug)]
pub(super) struct Trailer {
    pub(super) kind: TrailerKind,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) enum TrailerKind {
    Attribute(String),
    Index(Expression),
    /// `[from:to]`
    Slice(Option<Expression>, Option<Expression>),
    Call(Vec<Argument>),
}

#[derive(Debug)]
pub(super) struct Argument {
    /// The name in `name=value`.
    pub(super) name: Option<String>,
    pub(super) value: Expression,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    ShiftLeft,
    ShiftRight,
    And,
    Or,
    ExclusiveOr,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Is,
    IsNot,
}

impl Operator {
    /// True for those whose result is true or false.
    pub(super) const fn is_relation(self) -> bool {
        matches!(
            self,
            Self::Equal
                | Self::NotEqual
                | Self::Less
                | Self::LessOrEqual
                | Self::Greater
                | Self::GreaterOrEqual
                | Self::In
                | Self::NotIn
                | Self::Is
                | Self::IsNot
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logic {
    And,
    Or,
}

#[derive(Debug)]
pub(super) struct Statement {
    pub(super) kind: StatementKind,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) enum StatementKind {
    /// `a = b = value`
    Assign(Vec<Expression>, Expression),
    /// `name op= value`
    Augment(Expression, Operator, Expression),
    Expression(Expression),
    /// Conditions with their blocks, and the block of `else`.
    If(Vec<(Expression, Vec<Statement>)>, Vec<Statement>),
    /// The blocks of `try`, of all its `except`s, and of `finally`.
    Try {
        body: Vec<Statement>,
        handlers: Vec<Vec<Statement>>,
        finally: Vec<Statement>,
    },
    Define {
        name: String,
        parameters: Vec<String>,
        body: Vec<Statement>,
    },
    /// The names that it binds, each with the dotted name of what it stands for.
    Import(Vec<(String, String)>),
    Return(Option<Expression>),
    Raise,
    Delete(Vec<String>),
    /// A statement without effect on the variables: `pass`, `print …`, `global …`.
    Nothing,
    /// A compound statement that only Python can carry out, with its keyword and the names that it assigns.
    Code {
        keyword: &'static str,
        head: Span,
        names: Vec<String>,
    },
    /// Not understood; a diagnostic says so. The names that it would have assigned.
    Broken(Vec<String>),
}
