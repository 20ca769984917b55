//! What the bytes of a file do to the program that it is for: byte order marks, line ends, encodings.

use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::dialect::Dialect;
use crate::source::{Encoding, MAX_SIZE, Source, Span};

pub(super) fn check(source: &Source, dialect: Dialect, diagnostics: &mut Diagnostics) {
    if source.is_truncated() {
        diagnostics.push(
            Diagnostic::new(
                &kinds::TEXT_TOO_LARGE,
                None,
                format!("the file is larger than {MAX_SIZE} bytes"),
            )
            .note("what is behind these was not read")
            .help("check the name of the file"),
        );
    }
    match dialect {
        Dialect::Sxp => byte_order_mark(source, "xend refuses the file: invalid character", diagnostics),
        Dialect::Xl => {
            byte_order_mark(source, "xl refuses the file: lexical error", diagnostics);
            carriage_return(source, diagnostics);
            final_comment(source, diagnostics);
        }
        Dialect::Xm => undeclared_encoding(source, diagnostics),
        Dialect::Xml | Dialect::Toml | Dialect::Script => {}
    }
}

fn byte_order_mark(source: &Source, consequence: &str, diagnostics: &mut Diagnostics) {
    if source.has_bom() {
        diagnostics.push(
            Diagnostic::new(
                &kinds::TEXT_BYTE_ORDER_MARK,
                Span::at(0),
                "the file begins with a byte order mark",
            )
            .label("an invisible character")
            .note(consequence.to_owned())
            .help("save the file as UTF-8 without a byte order mark"),
        );
    }
}

fn carriage_return(source: &Source, diagnostics: &mut Diagnostics) {
    let Some(at) = source.text().find('\r') else { return };
    let lines = source.text().bytes().filter(|byte| *byte == b'\r').count();
    diagnostics.push(
        Diagnostic::new(&kinds::TEXT_CARRIAGE_RETURN, Span::at(at), "the lines end in CR LF, as on Windows")
            .label(match lines {
                1 => "this one".to_owned(),
                _ => format!("this one and {} more", lines - 1),
            })
            .note("xl refuses the file: lexical error")
            .help("save it with plain line ends: sed -i 's/\\r$//' FILE"),
    );
}

fn final_comment(source: &Source, diagnostics: &mut Diagnostics) {
    let text = source.text();
    if text.is_empty() || text.ends_with('\n') {
        return;
    }
    let start = text.rfind('\n').map_or(0, |at| at + 1);
    let Some(comment) = comment_start(text.get(start..).unwrap_or("")) else { return };
    diagnostics.push(
        Diagnostic::new(
            &kinds::TEXT_NO_FINAL_NEWLINE,
            Span::new(start + comment, text.len()),
            "the file ends in a comment without a line end",
        )
        .note("xl refuses the file: lexical error")
        .help("end the last line with a line end")
        .replace(Span::at(text.len()), "\n"),
    );
}

/// Where the comment of a line begins, if it has one outside of quotes.
fn comment_start(line: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, byte) in line.bytes().enumerate() {
        match (quote, byte) {
            _ if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(open), _) if byte == open => quote = None,
            (None, b'#') => return Some(at),
            (None, b'\'' | b'"') => quote = Some(byte),
            _ => {}
        }
    }
    None
}

/// Python 2 wants to be told the encoding of a file that is not plain ASCII (PEP 263).
fn undeclared_encoding(source: &Source, diagnostics: &mut Diagnostics) {
    let text = source.text();
    let Some(at) = text.find(|c: char| !c.is_ascii()) else { return };
    let declared = text.lines().take(2).any(|line| {
        let comment = line.trim_start().strip_prefix('#').unwrap_or("");
        comment
            .find("coding")
            .is_some_and(|coding| comment.get(coding + 6..).is_some_and(|rest| rest.starts_with([':', '='])))
    });
    if declared || source.has_bom() {
        return;
    }
    let length = text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    let span = Span::new(at, at + length);
    let (kind, encoding) = match source.encoding() {
        Encoding::Latin1 => (&kinds::TEXT_NOT_UTF8, "latin-1"),
        _ => (&kinds::TEXT_NON_ASCII, "utf-8"),
    };
    diagnostics.push(
        Diagnostic::new(kind, span, "a character outside ASCII, and no line that names the encoding")
            .label("the first one")
            .note("Python 2.5 and later, and so xm, refuses the file, even when the character stands in a comment")
            .help(format!("write as the first line: # -*- coding: {encoding} -*-")),
    );
}
