//! The explanation of a code, with an example and what is said of it.

use xenconf::diagnostic::Kind;
use xenconf::diagnostic::render::Style;
use xenconf::dialect::Dialect;
use xenconf::examples::{self, Example, File};

use crate::cli::configuration::findings::{draw, visible};

/// How wide the text is, in columns.
const WIDTH: usize = 80;

/// For a terminal.
pub(super) fn text(kind: &Kind, style: Style) -> String {
    let mut parts = vec![format!("{} ({}): {}\n\n", kind.code, kind.severity, kind.title)];
    parts.extend(kind.explanation.lines().map(wrapped));
    if let Some(example) = examples::of(kind) {
        parts.push("\nAn example:\n\n".to_owned());
        for (title, lines) in files(example) {
            parts.push(format!("{title}:\n"));
            parts.extend(lines.iter().map(|line| format!("{}\n", format!("    {line}").trim_end())));
            parts.push("\n".to_owned());
        }
        parts.push(format!("dom0net {} says:\n\n{}", command(example), said(example, style)));
    }
    parts.concat()
}

/// For the manual: all codes.
pub(super) fn markdown(kinds: impl Iterator<Item = &'static Kind>) -> String {
    let mut parts = vec![HEAD.to_owned()];
    for kind in kinds {
        let (code, title, severity) = (kind.code, kind.title, kind.severity);
        parts.push(format!("\n## {code}: {title}\n\nUsually of severity `{severity}`.\n\n"));
        parts.push(paragraphs(kind.explanation));
        let Some(example) = examples::of(kind) else { continue };
        for (title, lines) in files(example) {
            parts.push(format!("\n{title}:\n\n```text\n{}\n```\n", lines.join("\n")));
        }
        let said = said(example, Style::default());
        parts.push(format!("\n`dom0net {}` says:\n\n```text\n{said}```\n", command(example)));
    }
    parts.concat()
}

/// The beginning of the page.
const HEAD: &str = "\
# What the codes mean

Each finding of `dom0net check` has a code, and `dom0net explain CODE` says what is on this page. A code keeps its
meaning for ever. How to check files is told in [Configuration](configuration.md).
";

/// What `dom0net check`, or `convert`, says of the example.
fn said(example: &Example, style: Style) -> String {
    example.found().map_or_else(String::new, |(source, found)| draw(&found, &source, style))
}

/// The files of an example: what to call each, and its lines.
fn files(example: &Example) -> Vec<(String, Vec<String>)> {
    let shown = |file: &File, goes_on: bool| {
        let mut lines: Vec<String> = String::from_utf8_lossy(file.text).split('\n').map(short).collect();
        if lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        if goes_on {
            lines.push("… and so on, for more than eight megabytes".to_owned());
        }
        let whose = match example.dialect {
            Some(dialect @ (Dialect::Xm | Dialect::Xl)) if file.name.starts_with("web") => {
                format!(" (for {})", dialect.name())
            }
            _ => String::new(),
        };
        (format!("{}{whose}", file.name), lines)
    };
    let beside = example.beside.iter().map(|file| shown(file, false));
    [shown(&example.file, example.goes_on)].into_iter().chain(beside).collect()
}

fn command(example: &Example) -> String {
    match (example.is_converted, example.beside) {
        (true, _) => format!("convert {} --to toml", example.file.name),
        (false, Some(beside)) => format!("check {} {}", beside.name, example.file.name),
        (false, None) => format!("check {}", example.file.name),
    }
}

/// A line without what a terminal would take for a command, and not too long.
fn short(line: &str) -> String {
    let mut shown = visible(&line.replace('\u{feff}', "\\u{feff}"));
    if shown.chars().count() > WIDTH {
        shown = shown.chars().take(WIDTH - 2).collect::<String>() + " …";
    }
    shown
}

/// A paragraph broken at blanks.
fn wrapped(paragraph: &str) -> String {
    let mut text = String::new();
    let mut column = 0;
    // What is written with several blanks is meant to stand as it is.
    if paragraph.contains("  ") {
        return format!("    {paragraph}\n");
    }
    for word in paragraph.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            text.push('\n');
            column = 0;
        }
        if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text + "\n"
}

/// Paragraphs in Markdown, with `Wrong:` and `Right:` as they stand.
fn paragraphs(explanation: &str) -> String {
    let blocks = explanation.split("\n\n").map(|block| {
        if block.contains("  ") {
            return format!("```text\n{block}\n```\n");
        }
        let plain = block.replace('\\', "\\\\").replace('*', "\\*").replace('<', "&lt;").replace('_', "\\_");
        wrapped(&plain)
    });
    blocks.collect::<Vec<_>>().join("\n")
}
