//! Findings, drawn for a person.

use std::env;
use std::io::IsTerminal;

use xenconf::diagnostic::render::{Style, render};
use xenconf::diagnostic::{Diagnostic, Diagnostics};
use xenconf::source::Source;

/// How findings are drawn on a stream: with colours on a terminal whose user has not declined them.
pub(crate) fn style(stream: &impl IsTerminal) -> Style {
    let declined = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    Style { colour: stream.is_terminal() && !declined && !is_dumb, ..Style::default() }
}

/// All findings about a file, with an empty line behind each.
pub(crate) fn draw_all(diagnostics: &Diagnostics, source: &Source, style: Style) -> String {
    let mut drawn: Vec<String> = diagnostics.iter().map(|found| draw(found, source, style) + "\n").collect();
    if diagnostics.left_out() > 0 {
        let left_out = diagnostics.left_out();
        drawn.push(format!("note: {}: {left_out} more findings are left out\n\n", visible(source.name())));
    }
    drawn.concat()
}

/// One finding.
pub(crate) fn draw(found: &Diagnostic, source: &Source, style: Style) -> String {
    let text = render(found, source, style);
    // The drawing leaves blanks at the ends of lines.
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

/// A text from a file, or its name, without what a terminal would take for a command.
pub(crate) fn visible(text: &str) -> String {
    let show = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(show).collect()
}
