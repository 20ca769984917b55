//! Diagnostics as text, drawn the way rustc draws its own, by rustc's own renderer.

use std::borrow::Cow;
use std::ops::Range;

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
    let place = diagnostic.span.map(|span| clamped(source, span));
    let excerpt = place.clone().and_then(|place| Excerpt::of(source, place));
    group = match (place, excerpt) {
        (Some(place), Some(excerpt)) => group.element(snippet(diagnostic, source, &excerpt, place)),
        (place, _) => {
            let origin = annotate_snippets::Origin::path(printable(source.name()));
            let position = place.map(|place| source.position(Span::at(place.start).start));
            group.element(match position {
                Some(position) => origin.line(position.line).char_column(position.column),
                None => origin,
            })
        }
    };
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(printable(note)));
    }
    let mut report = vec![];
    let suggestion = diagnostic.suggestion.as_ref().filter(|suggestion| fits(source, suggestion.span));
    let suggestion =
        suggestion.and_then(|suggestion| Some((suggestion, Excerpt::of(source, suggestion.span.range())?)));
    match (&diagnostic.help, suggestion) {
        (help, Some((suggestion, excerpt))) => {
            let help = help.as_deref().unwrap_or("write it so");
            let place = excerpt.place(&suggestion.span.range());
            let patch = Patch::new(place, printable(&suggestion.replacement));
            let snippet = excerpt.snippet(source).patch(patch);
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
    excerpt: &Excerpt<'a>,
    span: Range<usize>,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let related = diagnostic.related.iter().map(|related| (clamped(source, related.span), &related.text));
    let related: Vec<_> = related.collect();
    let all = related
        .iter()
        .fold(span.clone(), |all, (place, _)| all.start.min(place.start)..all.end.max(place.end));
    // What stands too far away to be drawn is left out.
    let (excerpt, related) = match Excerpt::of(source, all) {
        Some(excerpt) => (excerpt, related),
        None => (*excerpt, Vec::new()),
    };
    let mut primary = AnnotationKind::Primary.span(excerpt.place(&span));
    if !diagnostic.label.is_empty() {
        primary = primary.label(printable(&diagnostic.label));
    }
    let mut snippet = excerpt.snippet(source).annotation(primary);
    for (place, text) in related {
        let annotation = AnnotationKind::Context.span(excerpt.place(&place));
        snippet = snippet.annotation(annotation.label(printable(text)));
    }
    snippet
}

/// How much of a file is drawn for one finding, in bytes: a line of a megabyte helps nobody, and drawing it two
/// hundred times takes minutes.
const MAX_DRAWN: usize = 16 << 10;

/// The lines of a file that a finding is about. The rest is not handed to the drawing, which goes over all of it.
#[derive(Clone, Copy)]
struct Excerpt<'a> {
    text: &'a str,
    start: usize,
    line: usize,
}

impl<'a> Excerpt<'a> {
    /// The lines that hold the place, unless they are too long to be drawn.
    fn of(source: &'a Source, place: Range<usize>) -> Option<Self> {
        let text = source.text();
        let start = text.get(..place.start)?.rfind('\n').map_or(0, |at| at + 1);
        let behind = text.get(place.end..)?;
        let end = behind.find('\n').map_or(text.len(), |at| place.end + at + 1);
        let text = text.get(start..end).filter(|text| text.len() <= MAX_DRAWN)?;
        Some(Self { text, start, line: source.position(Span::at(start).start).line })
    }

    fn place(&self, place: &Range<usize>) -> Range<usize> {
        place.start.saturating_sub(self.start)..place.end.saturating_sub(self.start)
    }

    fn snippet<T: Clone>(&self, source: &'a Source) -> Snippet<'a, T> {
        Snippet::source(self.text).line_start(self.line).path(printable(source.name()))
    }
}

fn fits(source: &Source, span: Span) -> bool {
    source.text().get(span.range()).is_some()
}

/// A span that lies inside the text, whatever it was.
fn clamped(source: &Source, span: Span) -> Range<usize> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::kinds;

    fn finding(place: Range<usize>) -> Diagnostic {
        let span = Span::new(place.start, place.end);
        Diagnostic::new(&kinds::XL_SYNTAX, span, "it is wrong").help("delete it").replace(span, "")
    }

    #[test]
    fn lines_have_their_numbers_whatever_stands_before() {
        let text = "# a remark\n".repeat(5000) + "wrong = 1\n";
        let source = Source::new("long", text.as_bytes());
        let at = text.len() - 10;
        let drawn = render(&finding(at..at + 5), &source, Style::default());
        assert!(drawn.contains("--> long:5001:1\n"), "{drawn}");
        assert!(drawn.contains("5001 | wrong = 1"), "{drawn}");
        let near = finding(at..at + 5).related(Span::new(at + 8, at + 9), "a number");
        assert!(render(&near, &source, Style::default()).contains("a number"));
        let far = finding(at..at + 5).related(Span::new(0, 3), "as said here");
        let drawn = render(&far, &source, Style::default());
        assert!(drawn.contains("^^^^^") && !drawn.contains("as said here"), "{drawn}");
    }

    #[test]
    fn a_line_of_a_megabyte_is_named_and_not_drawn() {
        let text = format!("name = 'a'\nvif = [ '{}' ]\n", "bridge=x,".repeat(100_000));
        let source = Source::new("wide", text.as_bytes());
        let drawn = render(&finding(500_000..500_006), &source, Style::default());
        assert_eq!(drawn.lines().next(), Some("error[X0301]: it is wrong"));
        assert!(drawn.contains("--> wide:2:499990"), "{drawn}");
        assert!(drawn.contains("help: delete it") && drawn.len() < 200, "{drawn}");
    }
}
