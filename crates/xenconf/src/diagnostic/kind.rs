use std::fmt;

use super::kinds;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// It works as written, but there is something to know.
    Note,
    /// It does something else than it says, or may one day.
    Warning,
    /// It does not work.
    Error,
}

impl Severity {
    /// The word for it: `note`, `warning` or `error`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One kind of finding, with its code.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Stays the same for ever, as `X0101`: `X`, two digits for the language or subject, two for the kind.
    pub code: &'static str,
    /// How grave it usually is.
    pub severity: Severity,
    /// What it is, in a few words.
    pub title: &'static str,
    /// What it means, why it matters and how to put it right, for someone who asks for the code.
    pub explanation: &'static str,
}

/// All kinds, in the order of their codes.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    kinds::TABLES.iter().flat_map(|table| table.iter()).copied()
}

/// The kind with this code; upper and lower case are the same.
///
/// ```
/// let kind = xenconf::diagnostic::find("x0101").unwrap();
/// assert!(kind.explanation.contains("parenthesis"));
/// ```
#[must_use]
pub fn find(code: &str) -> Option<&'static Kind> {
    all().find(|kind| kind.code.eq_ignore_ascii_case(code))
}

/// Declares kinds and, under the first name, the table of them. The title doubles as the doc comment.
macro_rules! declare_kinds {
    ($table:ident; $($name:ident: $code:literal $severity:ident $title:literal, $explanation:expr;)*) => {
        $(
            #[doc = concat!($code, ": ", $title, ".")]
            pub static $name: $crate::diagnostic::Kind = $crate::diagnostic::Kind {
                code: $code,
                severity: $crate::diagnostic::Severity::$severity,
                title: $title,
                explanation: $explanation,
            };
        )*
        pub(super) static $table: &[&$crate::diagnostic::Kind] = &[$(&$name),*];
    };
}
pub(super) use declare_kinds;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_unique_well_formed_and_explained() {
        let codes: Vec<_> = all().map(|kind| kind.code).collect();
        let mut sorted = codes.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(codes, sorted, "codes are unique and in order");
        for kind in all() {
            let digits = kind.code.strip_prefix('X').unwrap_or("");
            assert!(digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()), "{}", kind.code);
            assert!(!kind.title.ends_with('.'), "{}", kind.code);
            assert!(kind.explanation.len() > 80, "{} needs an explanation worth asking for", kind.code);
        }
    }

    #[test]
    fn an_unknown_code_is_not_found() {
        assert!(find("X9999").is_none());
        assert!(find("").is_none());
    }
}
