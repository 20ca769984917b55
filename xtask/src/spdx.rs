//! SPDX licence expressions (SPDX specification 2.3, annex D), and whether a list of licences satisfies one.

use std::fmt;

/// Why an expression cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BadExpression {
    /// A licence, `(` or `)` stands where it cannot, or something is missing in front of this word.
    Unexpected(String),
    /// Something is missing at the end.
    Unfinished,
}

/// What an expression is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Open,
    Close,
    And,
    Or,
    With,
    Name(&'a str),
}

/// An operator that waits for its right side, or an open parenthesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Or,
    And,
    Open,
}

/// True when whoever may take the licences that `allowed` names can meet the expression.
///
/// `allowed` gets a licence as it stands in the expression, with its exception: `Apache-2.0 WITH LLVM-exception`. `OR`
/// binds weaker than `AND`. Crates from before SPDX have `MIT/Apache-2.0`, which means `OR`.
pub(crate) fn satisfied(expression: &str, allowed: impl Fn(&str) -> bool) -> Result<bool, BadExpression> {
    let tokens = tokens(expression);
    let mut values: Vec<bool> = Vec::new();
    let mut waiting: Vec<Waiting> = Vec::new();
    // Two kinds of place alternate: one for a licence, one for what joins it with the next.
    let mut licence_next = true;
    let mut rest = tokens.as_slice();
    while let Some((&token, tail)) = rest.split_first() {
        rest = tail;
        match (token, licence_next) {
            (Token::Open, true) => waiting.push(Waiting::Open),
            (Token::Name(name), true) => {
                let licence = if let [Token::With, Token::Name(exception), tail @ ..] = rest {
                    rest = tail;
                    format!("{name} WITH {exception}")
                } else {
                    name.to_owned()
                };
                values.push(allowed(&licence));
                licence_next = false;
            }
            (Token::Close, false) => {
                join(&mut values, &mut waiting, Waiting::Or);
                if waiting.pop() != Some(Waiting::Open) {
                    return Err(unexpected(token));
                }
            }
            (Token::And, false) => {
                join(&mut values, &mut waiting, Waiting::And);
                waiting.push(Waiting::And);
                licence_next = true;
            }
            (Token::Or, false) => {
                join(&mut values, &mut waiting, Waiting::Or);
                waiting.push(Waiting::Or);
                licence_next = true;
            }
            _ => return Err(unexpected(token)),
        }
    }
    join(&mut values, &mut waiting, Waiting::Or);
    match (licence_next, waiting.is_empty(), values.as_slice()) {
        (false, true, [value]) => Ok(*value),
        _ => Err(BadExpression::Unfinished),
    }
}

/// Carries out the operators that wait and bind as strongly as `next` or stronger.
fn join(values: &mut Vec<bool>, waiting: &mut Vec<Waiting>, next: Waiting) {
    while let Some(&operator) = waiting.last() {
        let stands = operator == Waiting::Open || (operator == Waiting::Or && next == Waiting::And);
        let [.., left, right] = *values.as_slice() else { return };
        if stands {
            return;
        }
        waiting.pop();
        values.truncate(values.len() - 2);
        values.push(if operator == Waiting::And { left && right } else { left || right });
    }
}

fn tokens(expression: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for word in expression.split_whitespace() {
        let mut rest = word;
        while let Some(first) = rest.chars().next() {
            let length = rest.find(['(', ')', '/']).map_or(rest.len(), |position| position.max(1));
            let (part, tail) = rest.split_at(length);
            rest = tail;
            tokens.push(match first {
                '(' => Token::Open,
                ')' => Token::Close,
                '/' => Token::Or,
                _ => word_token(part),
            });
        }
    }
    tokens
}

fn word_token(word: &str) -> Token<'_> {
    match word {
        "AND" | "and" => Token::And,
        "OR" | "or" => Token::Or,
        "WITH" | "with" => Token::With,
        name => Token::Name(name),
    }
}

fn unexpected(token: Token<'_>) -> BadExpression {
    let word = match token {
        Token::Open => "(",
        Token::Close => ")",
        Token::And => "AND",
        Token::Or => "OR",
        Token::With => "WITH",
        Token::Name(name) => name,
    };
    BadExpression::Unexpected(word.to_owned())
}

impl fmt::Display for BadExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected(word) => write!(f, "unexpected {word:?}"),
            Self::Unfinished => f.write_str("something is missing at the end"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(expression: &str) -> bool {
        let allowed = ["MIT", "Apache-2.0", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"];
        satisfied(expression, |licence| allowed.contains(&licence)).unwrap()
    }

    #[test]
    fn one_licence_is_allowed_or_not() {
        assert!(holds("MIT"));
        assert!(!holds("GPL-2.0-only"));
        assert!(!holds("MIT-0"));
    }

    #[test]
    fn one_of_several_is_enough() {
        assert!(holds("GPL-3.0-or-later OR MIT"));
        assert!(holds("Zlib OR Apache-2.0 OR MIT"));
        assert!(!holds("GPL-2.0-only OR AGPL-3.0-only"));
        assert!(holds("MIT/GPL-2.0") && holds("GPL-2.0/MIT"));
    }

    #[test]
    fn all_of_several_are_needed() {
        assert!(holds("MIT AND Apache-2.0"));
        assert!(!holds("MIT AND GPL-2.0-only"));
    }

    #[test]
    fn and_binds_stronger_than_or() {
        assert!(holds("MIT OR GPL-2.0-only AND GPL-3.0-only"));
        assert!(holds("GPL-2.0-only AND GPL-3.0-only OR MIT"));
        assert!(!holds("(MIT OR GPL-2.0-only) AND GPL-3.0-only"));
        assert!(holds("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(holds("((MIT) AND (GPL-2.0-only OR (Unicode-3.0)))"));
    }

    #[test]
    fn an_exception_makes_another_licence() {
        assert!(holds("Apache-2.0 WITH LLVM-exception"));
        assert!(!holds("GPL-2.0-only WITH Classpath-exception-2.0"));
        assert!(!holds("MIT WITH LLVM-exception"));
        assert!(holds("GPL-2.0-only AND Apache-2.0 WITH LLVM-exception OR MIT"));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for (expression, word) in [
            ("MIT Apache-2.0", "Apache-2.0"),
            ("OR MIT", "OR"),
            ("MIT OR OR MIT", "OR"),
            ("MIT)", ")"),
            ("(MIT))", ")"),
            ("()", ")"),
            ("MIT (", "("),
            ("MIT WITH", "WITH"),
        ] {
            let error = satisfied(expression, |_| true);
            assert_eq!(error, Err(BadExpression::Unexpected(word.into())), "{expression}");
        }
        for expression in ["", "(MIT", "MIT OR", "MIT AND (", "("] {
            assert_eq!(satisfied(expression, |_| true), Err(BadExpression::Unfinished), "{expression}");
        }
    }
}
