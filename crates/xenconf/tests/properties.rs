//! What holds for any input: no reader panics, hangs or points outside of its file, and what is written reads back.

use proptest::collection::vec;
use proptest::prelude::*;

use xenconf::check::{Checker, read_file};
use xenconf::diagnostic::{Diagnostics, MAX_DIAGNOSTICS};
use xenconf::dialect::Dialect;
use xenconf::options::Options;
use xenconf::source::{Source, Span};
use xenconf::text::Text;
use xenconf::vif::Toolstack;
use xenconf::{pci, rate, sxp, vif, vlan};

/// Pieces that the languages are made of, so that random files get past their first character.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words: &[&[u8]] = &[
        b"vif",
        b"name",
        b"memory",
        b" = ",
        b"=",
        b"+=",
        b"[",
        b"]",
        b"(",
        b")",
        b"{",
        b"}",
        b",",
        b"\n",
        b"\n",
        b";",
        b"'",
        b"\"",
        b"'''",
        b"\"\"\"",
        b"'mac=00:16:3e:00:00:01,ip=10.0.0.1'",
        b"'vifname=x,rate=10MB/s@20ms'",
        b"#",
        b"# comment\n",
        b"\\",
        b"\\x",
        b"\\n",
        b"%",
        b"%d",
        b"%(a)s",
        b"if ",
        b"else:",
        b"def f(x):",
        b"    ",
        b"\t",
        b"return x",
        b"import os",
        b"os.uname()[4]",
        b"xm_vars.var('a', check=f)",
        b"xm_vars.check()",
        b"for i in x:",
        b"try:",
        b"except:",
        b"f'{a}'",
        b".format(",
        b"{}",
        b"1",
        b"0x1f",
        b"10L",
        b"1.5",
        b"-",
        b"+",
        b"*",
        b"/",
        b"lambda x: x",
        b"not ",
        b" and ",
        b" in ",
        b"(vm ",
        b"(device (vif (mac 00:16:3e:00:00:01)))",
        b"(pci (bus 1)",
        b"(network-script 'network-bridge bridge=x')",
        b"(vif-script vif-route)",
        b"(backend (netif))",
        b"\x04",
        b"\r\n",
        b"\r",
        b"\0",
        b"\xff",
        b"\xc3\xa9",
        b"\xe2\x80\x98",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"pci = ['03:1a.1']",
        b"type = 'hvm'\n",
        b"vif.default.script = 'a b'\n",
        b"nics = 3\n",
        b"ip = '1.2.3.4'\n",
        b"a = [a, a]\n",
        b"a = a + a\n",
        b"a = 'x' * 99999999\n",
    ];
    prop_oneof![
        9 => proptest::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..8),
    ]
}

fn file() -> impl Strategy<Value = Vec<u8>> {
    vec(piece(), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn no_file_brings_a_reader_down_or_out_of_its_bounds(bytes in file(), forced in 0..3) {
        let dialect = [None, Some(Dialect::Xm), Some(Dialect::Xl)][usize::try_from(forced).unwrap()];
        let options = Options { dialect, variables: vec![("vmid".into(), "5".into())], ..Options::default() };
        let mut reading = read_file("any", &bytes, &options);
        let mut checker = Checker::new(&options);
        checker.learn(&reading);
        checker.check(&mut reading);
        let text = reading.source.text();
        for diagnostic in &reading.diagnostics {
            let related = diagnostic.related.iter().map(|label| label.span);
            let suggested = diagnostic.suggestion.iter().map(|suggestion| suggestion.span);
            for span in diagnostic.span.into_iter().chain(related).chain(suggested) {
                prop_assert!(text.get(span.range()).is_some(), "{span:?} in {text:?}: {diagnostic:?}");
            }
            prop_assert!(!diagnostic.message.ends_with('.') && !diagnostic.message.is_empty());
            #[cfg(feature = "render")]
            {
                use xenconf::diagnostic::render::{Style, render};
                prop_assert!(!render(diagnostic, &reading.source, Style::default()).is_empty());
            }
        }
        for problem in checker.report(&reading).problems {
            prop_assert!(problem.line >= 1 && problem.column >= 1 && problem.end_column >= problem.column);
        }
        serde_json::to_string(&checker.report(&reading)).unwrap();
    }

    #[test]
    fn any_text_is_a_spec_without_a_panic(text in ".{0,80}", xl in any::<bool>()) {
        let toolstack = if xl { Toolstack::Xl } else { Toolstack::Xm };
        let span = Span::new(0, text.len());
        let mut diagnostics = Diagnostics::new();
        let _ = vif::parse(&Text::verbatim(text.clone(), 0, span), toolstack, &mut diagnostics);
        for diagnostic in &diagnostics {
            let span = diagnostic.span.unwrap();
            prop_assert!(text.get(span.range()).is_some(), "{diagnostic:?}");
        }
    }

    #[test]
    fn small_grammars_never_panic(text in "[0-9a-fGMKmusbB/@:.,*=x+p -]{0,24}") {
        let _ = (rate::parse_xl(&text), rate::parse_xend(&text), vlan::parse(&text));
        let _ = (pci::parse_xl(&text, Span::default()), pci::parse_xm(&text, Span::default()));
        let _ = (xenconf::mac::parse_xl(&text), xenconf::ip::parse_list(&text).count());
    }

    #[test]
    fn what_xl_takes_as_a_device_is_written_back_the_same(
        domain in any::<u16>(), bus in any::<u8>(), slot in 0_u8..32, function in 0_u8..8,
        vslot in proptest::option::of(0_u8..32), permissive in proptest::option::of(0..2),
    ) {
        let mut text = format!("{domain:x}:{bus:x}:{slot:x}.{function}");
        text.extend(vslot.map(|vslot| format!("@{vslot:x}")));
        text.extend(permissive.map(|permissive| format!(",permissive={permissive}")));
        let device = pci::parse_xl(&text, Span::default()).unwrap();
        let written = device.xl_specs().concat();
        prop_assert_eq!(pci::parse_xl(&written, Span::default()).unwrap(), device);
    }

    #[test]
    fn vlans_are_written_back_the_same(ids in proptest::collection::btree_set(1_u16..4095, 1..40), untagged in any::<u64>()) {
        let terms: Vec<String> = ids.iter().enumerate().map(|(index, id)| match index {
            0 => format!("{id}p"),
            _ if untagged >> (index % 64) & 1 == 1 => format!("{id}u"),
            _ => id.to_string(),
        }).collect();
        let vlans = vlan::parse(&terms.join("/")).unwrap();
        prop_assert_eq!(vlan::parse(&vlans.to_string()).unwrap(), vlans);
    }
}

/// A tree of lists and texts.
#[derive(Clone, Debug)]
enum Form {
    Text(String),
    List(Vec<Form>),
}

fn form() -> impl Strategy<Value = Form> {
    let text = prop_oneof!["[a-z0-9.:/=@,|-]{1,8}", ".{0,8}", "[ -~\t\n\x07\x0b]{0,12}"];
    text.prop_map(Form::Text).prop_recursive(4, 40, 6, |inner| vec(inner, 0..6).prop_map(Form::List))
}

fn write(form: &Form, out: &mut String) {
    match form {
        Form::Text(text) => out.push_str(&sxp::atom(text)),
        Form::List(items) => {
            out.push('(');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                write(item, out);
            }
            out.push(')');
        }
    }
}

fn same(form: &Form, node: sxp::NodeRef<'_>) -> bool {
    match form {
        Form::Text(text) => node.as_str() == Some(text),
        Form::List(items) => {
            node.is_list()
                && node.children().count() == items.len()
                && items.iter().zip(node.children()).all(|(item, child)| same(item, child))
        }
    }
}

proptest! {
    #[test]
    fn forms_are_written_and_read_back_the_same(form in form()) {
        let mut text = String::new();
        write(&form, &mut text);
        let mut diagnostics = Diagnostics::new();
        let tree = sxp::parse(&Source::new("any", text.as_bytes()), &mut diagnostics);
        prop_assert_eq!(diagnostics.as_slice(), &[][..], "{}", text);
        let roots: Vec<_> = tree.roots().collect();
        prop_assert_eq!(roots.len(), 1);
        prop_assert!(same(&form, roots[0]), "{}", text);
        prop_assert_eq!(sxp::print(roots[0]), text);
    }
}

/// `count` lines, made of their numbers.
fn each(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().concat()
}

#[test]
fn hostile_files_take_no_time() {
    let long = 1 << 17;
    let cases: Vec<(&str, String)> = vec![
        ("open parentheses", "(".repeat(long)),
        ("open brackets", format!("vif = {}", "[".repeat(long))),
        ("brackets in pairs", format!("vif = {}", "[]".repeat(long / 2))),
        ("one line of strings", format!("vif = [{}]", "'a',".repeat(long / 4))),
        ("strings side by side", format!("name = {}", "'a' ".repeat(long / 4))),
        ("operators in a row", format!("name = {}1", "1+".repeat(long / 2))),
        ("signs in a row", format!("name = {}1", "-".repeat(long))),
        ("negations in a row", format!("name = {} 1", "not ".repeat(long / 4))),
        ("attributes in a row", format!("name = a{}", ".b".repeat(long / 2))),
        ("statements in a row", "a=1;".repeat(long / 4)),
        ("settings of one name", "a = 'x'\n".repeat(long / 8)),
        ("settings of many names", each(long / 16, |i| format!("name{i} = '{i}'\n"))),
        ("forms of many names", each(long / 16, |i| format!("(name{i} {i})\n"))),
        ("a value put into itself", "a = [a, a]\n".repeat(1000)),
        ("a text doubled", format!("a = 'x'\n{}", "a = a + a\n".repeat(1000))),
        ("a list that contains itself", format!("a = []\n{}", "a.append(a)\n".repeat(100_000))),
        ("functions that call each other", {
            let mut text = "def f0(x):\n    return x\n".to_owned();
            for i in 1..8 {
                text.extend([format!("def f{i}(x):\n"), format!("    x = f{}(x)\n", i - 1).repeat(500)]);
            }
            text + "name = f7('a')\n"
        }),
        ("elif in a row", format!("if 0:\n    a = 1\n{}", "elif 0:\n    a = 1\n".repeat(50_000))),
        ("blocks in blocks", each(2000, |i| format!("{}if 1:\n", " ".repeat(i)))),
        ("quotes that never close", "'\n".repeat(long / 2)),
        ("typographic quotes", "“".repeat(long / 3)),
        ("control characters", "\u{1}".repeat(long)),
        ("keys of one vif", format!("vif = ['{}']", "mac=x,".repeat(long / 6))),
        ("unknown keys of one vif", format!("vif = ['{}']", "brigde=x,".repeat(long / 9))),
        ("vifs", format!("type='pv'\nvif = [{}]", "'mac=00:16:3e:00:00:01',".repeat(long / 24))),
        ("devices", format!("type='pv'\npci = [{}]", "'03:00.0',".repeat(long / 10))),
        ("formats", format!("name = '{}' % ()", "%s".repeat(long / 2))),
        (
            "format with many values",
            format!("name = '{}'.format({})", "{}".repeat(long / 8), "1,".repeat(long / 8)),
        ),
        ("wide field", "name = '%999999999d' % 1\n".repeat(1000)),
        ("escapes", format!("name = '{}'", "\\x41".repeat(long / 4))),
        ("comments in a form", format!("(a {})", "#\n".repeat(long / 2))),
        ("lexical errors in a list", format!("vif = [{}]", "-".repeat(long))),
        ("names in a list", format!("vif = [{}]", "a ".repeat(long / 2))),
        ("assignments in a list", format!("type = 'pv'\nvif = ['', {}]", "a=b, ".repeat(long / 5))),
    ];
    for (what, text) in cases {
        for dialect in [None, Some(Dialect::Xm), Some(Dialect::Xl)] {
            let options = Options { dialect, ..Options::default() };
            let mut reading = read_file("hostile", text.as_bytes(), &options);
            Checker::new(&options).check(&mut reading);
            // What is not linear in the size takes minutes here.
            assert!(reading.diagnostics.as_slice().len() <= MAX_DIAGNOSTICS, "{what}");
        }
    }
}
