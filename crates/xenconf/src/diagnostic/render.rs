//! Diagnostics as text, drawn the way rustc draws its own, by rustc's own renderer.

use std::borrow::Cow;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Patch, Renderer, Snippet};

use super::{Diagnostic, Severity};
use crate::source::{Source, Span};

/// How diagnostics are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// With the escape sequences of a terminal's colours.
    pub colour: bool,
    /// How wide a line may become, in columns; longer lines of the file are cut around the place.
    pub width: usize,
}

impl Default for Style {
    /// No colours, 110 columns.
    fn default() -> Self {
        Self { colour: false, width: 110 }
    }
}

/// Draws one diagnostic, without a line end behind it.
///
/// ```
/// use xenconf::diagnostic::render::{Style, render};
/// use xenconf::diagnostic::{Diagnostic, Diagnostics};
/// use xenconf::source::Source;
/// use xenconf::xend;
///
/// let source = Source::new("xend-config.sxp", b"(network-script network-bridge netdev=eth1)\n");
/// let mut diagnostics = Diagnostics::new();
/// xend::read(&source, &mut diagnostics);
/// let text = render(&diagnostics.as_slice()[0], &source, Style::default());
/// assert!(text.starts_with("warning[X0111]: `network-script` takes one value; the rest is not read\n"));
/// assert!(text.contains("--> xend-config.sxp:1:32"));
/// ```
#[must_use]
pub fn render(diagnostic: &Diagnostic, source: &Source, style: Style) -> String {
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(style.width);
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(printable(&diagnostic.message)).id(diagnostic.kind.code);
    let mut group = Group::with_title(title);
    if let Some(span) = diagnostic.span {
        group = group.element(snippet(diagnostic, source, span));
    } else {
        group = group.element(annotate_snippets::Origin::path(printable(source.name())));
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(printable(note)));
    }
    let mut report = vec![];
    let suggestion = diagnostic.suggestion.as_ref().filter(|suggestion| fits(source, suggestion.span));
    match (&diagnostic.help, suggestion) {
        (help, Some(suggestion)) => {
            let help = help.as_deref().unwrap_or("write it so");
            let patch = Patch::new(suggestion.span.range(), printable(&suggestion.replacement));
            let snippet = Snippet::source(source.text()).path(printable(source.name())).patch(patch);
            report.push(group);
            report.push(Group::with_title(Level::HELP.secondary_title(printable(help))).element(snippet));
        }
        (Some(help), None) => report.push(group.element(Level::HELP.message(printable(help)))),
        (None, None) => report.push(group),
    }
    renderer.render(&report)
}

fn snippet<'a>(
    diagnostic: &'a Diagnostic,
    source: &'a Source,
    span: Span,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let mut snippet = Snippet::source(source.text()).path(printable(source.name()));
    let mut primary = AnnotationKind::Primary.span(clamped(source, span));
    if !diagnostic.label.is_empty() {
        primary = primary.label(printable(&diagnostic.label));
    }
    snippet = snippet.annotation(primary);
    for related in &diagnostic.related {
        let annotation = AnnotationKind::Context.span(clamped(source, related.span));
        snippet = snippet.annotation(annotation.label(printable(&related.text)));
    }
    snippet
}

fn fits(source: &Source, span: Span) -> bool {
    source.text().get(span.range()).is_some()
}

/// A span that lies inside the text, whatever it was.
fn clamped(source: &Source, span: Span) -> std::ops::Range<usize> {
    if fits(source, span) { span.range() } else { 0..0 }
}

/// Control characters from a hostile file must not reach the terminal.
fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c.is_control() && c != '\n') {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_control() && c != '\n' { clean.extend(c.escape_default()) } else { clean.push(c) }
    }
    Cow::Owned(clean)
}
