use crate::source::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Number,
    String(StringKind),
    /// An operator or a delimiter; its text tells which.
    Operator,
    Newline,
    Indent,
    Dedent,
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StringKind {
    pub(super) raw: bool,
    /// `f'…'`
    pub(super) formatted: bool,
    /// How many characters stand before the content: prefix and opening quote.
    pub(super) head: u8,
    /// How many stand behind it: the closing quote, or 0 when it is missing.
    pub(super) tail: u8,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}
