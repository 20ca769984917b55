use super::lexer::{Lexer, Token};
use super::tree::Tree;
use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::source::{Source, Span};

/// Reads all forms of a file.
///
/// A first reading follows xend's rules to the letter. If the file has a fault, a second one guesses what was
/// meant, so that a quote or parenthesis forgotten in one line does not hide the lines below it: a form that
/// begins at the start of a line is a new form.
#[must_use]
pub fn parse(source: &Source, diagnostics: &mut Diagnostics) -> Tree {
    let mut strict = Diagnostics::new();
    let (tree, failed) = read(source.text(), false, &mut strict);
    if !failed {
        diagnostics.extend(strict);
        return tree;
    }
    let mut lenient = Diagnostics::new();
    let (repaired, _) = read(source.text(), true, &mut lenient);
    if lenient.has_errors() {
        diagnostics.extend(lenient);
        repaired
    } else {
        // The guess explained the fault away; the file is refused all the same.
        diagnostics.extend(strict);
        tree
    }
}

fn read(text: &str, recovering: bool, diagnostics: &mut Diagnostics) -> (Tree, bool) {
    let mut lexer = Lexer::new(text, recovering, diagnostics);
    let mut tree = Tree::default();
    // The lists that are open: their index in the tree and the offset of their parenthesis.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut failed = false;
    while let Some(token) = lexer.next() {
        match token {
            Token::Open(at) => {
                if recovering && !open.is_empty() && lexer.begins_line(at) {
                    close_all(&mut open, &mut tree, &mut lexer, at);
                }
                open.push((tree.open(Span::new(at, at + 1)), at));
            }
            Token::Close(at) => {
                if let Some((list, _)) = open.pop() {
                    tree.close(list, at + 1);
                } else {
                    failed = true;
                    lexer.report(stray_parenthesis(at));
                }
            }
            Token::Text(text) => tree.push_text(text),
        }
    }
    failed |= lexer.failed || !open.is_empty();
    let end = lexer.offset();
    close_all(&mut open, &mut tree, &mut lexer, end);
    (tree, failed)
}

/// Closes the lists that were forgotten, before a form that begins at `at` or at the end of the file.
fn close_all(open: &mut Vec<(usize, usize)>, tree: &mut Tree, lexer: &mut Lexer<'_, '_>, at: usize) {
    let depth = open.len();
    for (index, (list, parenthesis)) in open.drain(..).enumerate().collect::<Vec<_>>().into_iter().rev() {
        tree.close(list, at);
        // The outermost one tells where to look; the others would say the same.
        if index == 0 {
            let span = Span::new(parenthesis, parenthesis + 1);
            let missing = ")".repeat(depth.min(8));
            lexer.report(
                Diagnostic::new(&kinds::SXP_UNCLOSED_LIST, span, "this parenthesis is never closed")
                    .label(match depth {
                        1 => "one `)` is missing".to_owned(),
                        _ => format!("{depth} `)` are missing"),
                    })
                    .note("xend refuses the whole file: unexpected EOF")
                    .help(format!("close the form with `{missing}` where it ends")),
            );
        }
    }
}

fn stray_parenthesis(at: usize) -> Diagnostic {
    let span = Span::new(at, at + 1);
    Diagnostic::new(&kinds::SXP_STRAY_PARENTHESIS, span, "this parenthesis closes nothing")
        .note("xend refuses the whole file: syntax error")
        .help("delete it, or look for the `(` that is missing before it")
        .replace(span, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sxp::print;

    fn read(text: &str) -> (String, Vec<&'static str>) {
        let mut diagnostics = Diagnostics::new();
        let tree = parse(&Source::new("x.sxp", text.as_bytes()), &mut diagnostics);
        let shown: Vec<String> = tree.roots().map(print).collect();
        (shown.join(" "), diagnostics.into_iter().map(|diagnostic| diagnostic.kind.code).collect())
    }

    #[test]
    fn tokens_end_where_xend_ended_them() {
        for (text, expected) in [
            ("(a b#c\n)", "(a b)"),
            ("(a 'b # c')", "(a 'b # c')"),
            ("('a'b)", "(a b)"),
            ("(a 'it''s')", "(a it s)"),
            ("(a [b] c)", "(a '[b' ']' c)"),
            ("(a@=,:/.|b)", "(a@=,:/.|b)"),
            ("(a \"it's\" '')", "(a \"it's\" '')"),
            ("bare 'top level' (a)", "bare 'top level' (a)"),
            ("(a 'two\nlines')", "(a 'two\\nlines')"),
            ("(a\tb\x0bc\x0cd\r\n)", "(a b c d)"),
            ("# nothing", ""),
            ("", ""),
        ] {
            assert_eq!(read(text), (expected.to_owned(), vec![]), "{text}");
        }
    }

    #[test]
    fn escapes_have_their_intended_meaning() {
        assert_eq!(read(r"'\x40\101\t'"), ("'@A\\t'".into(), vec![]));
        assert_eq!(read(r"'\x4A'"), ("J".into(), vec![kinds::SXP_HEX_ESCAPE.code]));
        assert_eq!(read(r"'\x4'").1, [kinds::SXP_HEX_ESCAPE.code]);
        assert_eq!(
            read(r"(hosts '^localhost\.localdomain$')"),
            (r"(hosts '^localhost\\.localdomain$')".into(), vec![kinds::SXP_UNKNOWN_ESCAPE.code])
        );
        assert_eq!(read(r"'\777'").1, [kinds::SXP_BAD_ESCAPE.code]);
    }

    #[test]
    fn what_reads_otherwise_than_it_looks_is_questioned() {
        assert_eq!(read("(a) ;b").1, [kinds::SXP_SEMICOLON.code]);
        assert_eq!(read("(a b'c d')"), ("(a \"b'c\" \"d'\")".into(), vec![kinds::SXP_QUOTE_IN_ATOM.code; 2]));
        assert_eq!(read("(a)\x04"), ("(a)".into(), vec![]));
        assert_eq!(read("(a)\x04(b)"), ("(a)".into(), vec![kinds::SXP_CONTROL_D.code]));
        assert_eq!(read("(a é)"), ("(a)".into(), vec![kinds::SXP_BAD_CHARACTER.code]));
    }

    #[test]
    fn one_fault_does_not_hide_the_forms_below() {
        assert_eq!(
            read("(network-script network-bridge\n(vif-script vif-bridge)\n"),
            (
                "(network-script network-bridge) (vif-script vif-bridge)".into(),
                vec![kinds::SXP_UNCLOSED_LIST.code]
            )
        );
        assert_eq!(
            read("(network-script 'network-bridge)\n# don't\n(vif-script vif-bridge)\n"),
            (
                "(network-script network-bridge) (vif-script vif-bridge)".into(),
                vec![kinds::SXP_UNCLOSED_STRING.code]
            )
        );
        assert_eq!(read("(a))\n(b)"), ("(a) (b)".into(), vec![kinds::SXP_STRAY_PARENTHESIS.code]));
        assert_eq!(
            read("(a 'b"),
            ("(a b)".into(), vec![kinds::SXP_UNCLOSED_STRING.code, kinds::SXP_UNCLOSED_LIST.code])
        );
    }

    #[test]
    fn depth_is_no_limit() {
        let deep = "(".repeat(200_000);
        assert_eq!(read(&deep).1, [kinds::SXP_UNCLOSED_LIST.code]);
        let closed = format!("{deep}{}", ")".repeat(200_000));
        assert_eq!(read(&closed).1, [""; 0]);
    }
}
