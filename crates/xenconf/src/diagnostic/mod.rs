//! What is wrong with a configuration, said so that nobody has to guess: what, where, why it matters, and
//! what to write instead.
//!
//! Each [`Diagnostic`] is of one [`Kind`], which has a code that stays the same over the versions of this
//! crate and a long explanation: [`find`] looks it up.

mod kind;
pub mod kinds;
#[cfg(feature = "render")]
pub mod render;

pub use kind::{Kind, Severity, all, find};

use crate::source::Span;

/// One finding about one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which kind of finding it is.
    pub kind: &'static Kind,
    /// How grave it is; usually what the kind says.
    pub severity: Severity,
    /// One sentence, without a full stop at its end.
    pub message: String,
    /// The place that the message is about; `None` for the file as a whole.
    pub span: Option<Span>,
    /// What to write under the underlined place; may be empty.
    pub label: String,
    /// Other places that belong to it.
    pub related: Vec<Label>,
    /// Why it matters.
    pub notes: Vec<String>,
    /// What to do about it.
    pub help: Option<String>,
    /// What to write instead, so exactly that a program can do it.
    pub suggestion: Option<Suggestion>,
}

/// A second place that a diagnostic points at, in the same file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What to write under it.
    pub text: String,
}

/// A replacement of one place by another text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What to replace.
    pub span: Span,
    /// What to put there.
    pub replacement: String,
}

impl Diagnostic {
    /// A finding of `kind` about `span`.
    #[must_use]
    pub fn new(kind: &'static Kind, span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self {
            kind,
            severity: kind.severity,
            message: message.into(),
            span: span.into(),
            label: String::new(),
            related: Vec::new(),
            notes: Vec::new(),
            help: None,
            suggestion: None,
        }
    }

    /// Overrides the severity of the kind.
    #[must_use]
    pub const fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Writes `text` under the place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.label = text.into();
        self
    }

    /// Points at another place of the same file.
    #[must_use]
    pub fn related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push(Label { span, text: text.into() });
        self
    }

    /// Says why it matters.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Says exactly what to write in place of `span`.
    #[must_use]
    pub fn replace(mut self, span: Span, replacement: impl Into<String>) -> Self {
        self.suggestion = Some(Suggestion { span, replacement: replacement.into() });
        self
    }
}

/// How many findings are kept for one file. A file with more is not the kind of file it was taken for.
pub const MAX_DIAGNOSTICS: usize = 200;

/// The findings about one file, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    left_out: usize,
    /// An error is among those left out.
    left_out_error: bool,
}

impl Diagnostics {
    /// No findings.
    #[must_use]
    pub const fn new() -> Self {
        Self { list: Vec::new(), left_out: 0, left_out_error: false }
    }

    /// Adds a finding, unless there are [`MAX_DIAGNOSTICS`] already.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.len() < MAX_DIAGNOSTICS {
            self.list.push(diagnostic);
        } else {
            self.left_out += 1;
            self.left_out_error |= diagnostic.severity == Severity::Error;
        }
    }

    /// The findings.
    #[must_use]
    pub fn as_slice(&self) -> &[Diagnostic] {
        &self.list
    }

    /// Goes over the findings.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// How many findings were left out because there were too many.
    #[must_use]
    pub const fn left_out(&self) -> usize {
        self.left_out
    }

    /// True when there is at least one error among them, or among those left out.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.left_out_error || self.list.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Puts the findings in the order of their places; those about the whole file come last.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|diagnostic| {
            (diagnostic.span.is_none(), diagnostic.span.map_or(0, |span| span.start), diagnostic.kind.code)
        });
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        for diagnostic in diagnostics {
            self.push(diagnostic);
        }
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}
