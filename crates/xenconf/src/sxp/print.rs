use super::tree::NodeRef;

/// Writes a form on one line, so that xend and this crate read the same from it.
#[must_use]
pub fn print(node: NodeRef<'_>) -> String {
    let mut out = String::new();
    // What is still to be written: a node, or the end of the list around it.
    let mut rest = vec![Some(node)];
    while let Some(next) = rest.pop() {
        let Some(node) = next else {
            out.push(')');
            continue;
        };
        if !out.is_empty() && !out.ends_with('(') {
            out.push(' ');
        }
        if let Some(text) = node.as_str() {
            out.push_str(&atom(text));
        } else {
            out.push('(');
            rest.push(None);
            let children: Vec<_> = node.children().collect();
            rest.extend(children.into_iter().rev().map(Some));
        }
    }
    out
}

/// Writes a text bare if it reads back as one atom, else in quotes.
///
/// ```
/// use xenconf::sxp::atom;
///
/// assert_eq!(atom("xenbr0"), "xenbr0");
/// assert_eq!(atom("network-bridge netdev=eth1"), "'network-bridge netdev=eth1'");
/// assert_eq!(atom("it's"), "\"it's\"");
/// assert_eq!(atom(""), "''");
/// ```
#[must_use]
pub fn atom(text: &str) -> String {
    let bare = |c: char| c.is_ascii_graphic() && !"(){}<>[];!#'\"\\".contains(c);
    if !text.is_empty() && text.chars().all(bare) {
        return text.to_owned();
    }
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\x0b' => out.push_str("\\v"),
            '\x0c' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_ascii_control() => octal(&mut out, c),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// A control character has two or three octal digits, and is written with three.
fn octal(out: &mut String, c: char) {
    out.push('\\');
    for shift in [6, 3, 0] {
        out.extend(char::from_digit(u32::from(c) >> shift & 7, 8));
    }
}
