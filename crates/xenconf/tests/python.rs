//! Values are worked out as Python 2 works them out; what only running the file would tell is named.

use xenconf::diagnostic::{Diagnostics, Severity};
use xenconf::python::{Host, read};
use xenconf::source::Source;
use xenconf::value::{Value, ValueKind};

fn shown(value: &Value) -> String {
    let list = |items: &[Value]| items.iter().map(shown).collect::<Vec<_>>().join(", ");
    match &value.kind {
        ValueKind::Text(text) | ValueKind::Number(text) => format!("'{}'", text.as_str()),
        ValueKind::Integer(number) => number.to_string(),
        ValueKind::Long(digits) => format!("{digits}L"),
        ValueKind::Float(number) => format!("{number:?}"),
        ValueKind::Boolean(truth) => if *truth { "True" } else { "False" }.to_owned(),
        ValueKind::None => "None".to_owned(),
        ValueKind::List(items) => format!("[{}]", list(items)),
        ValueKind::Tuple(items) => format!("({})", list(items)),
        ValueKind::Dictionary(items) => format!("{{{} entries}}", items.len()),
        ValueKind::Unknown(_) => "?".to_owned(),
    }
}

/// The value of `x` at the end of a file, and the codes of what was found.
fn x_of(text: &str) -> (String, Vec<&'static str>) {
    let mut diagnostics = Diagnostics::new();
    let variables = [("vmid".to_owned(), "5".to_owned())];
    let source = Source::new("file", text.as_bytes());
    let settings = read(&source, &variables, &Host::default(), |name| name == "x", &mut diagnostics);
    let value = settings.value("x").map_or_else(|| "-".to_owned(), shown);
    (value, diagnostics.into_iter().map(|found| found.kind.code).collect())
}

#[test]
fn expressions_have_the_values_that_python_2_gives_them() {
    for (expression, value) in [
        ("7 / 2", "3"),
        ("-7 / 2", "-4"),
        ("-7 // 2", "-4"),
        ("-7 % 3", "2"),
        ("7 - 2 * 3", "1"),
        ("1 << 4 | 3", "19"),
        ("010 + 0x10 + 0b11", "27"),
        ("9223372036854775807 + 1", "9223372036854775808L"),
        ("5L + 1", "6L"),
        ("1.5 * 2", "3.0"),
        ("'a' + 'b' 'c'", "'abc'"),
        ("'ab' * 2", "'abab'"),
        ("[1] * 2 + ['x']", "[1, 1, 'x']"),
        ("(1, 2) + (3,)", "(1, 2, 3)"),
        ("(1)", "1"),
        ("'VM%d' % int(vmid)", "'VM5'"),
        ("'%s-%02x-%5d|%-3s|' % (vmid, 10, 7, 'a')", "'5-0a-    7|a  |'"),
        ("'%(a)s%%' % {'a': 1}", "'1%'"),
        ("'{0}{1}{0}'.format('a', 1)", "'a1a'"),
        ("'{}{b:>3}{{}}'.format('a', b='x')", "'a  x{}'"),
        ("'{:<3}|{:03}|{:3}|{:3}|{:#x}'.format(1, 5, 5, 'a', 10)", "'1  |005|  5|a  |0xa'"),
        ("r'\\n' '\\x41\\101\\q'", "'\\nAA\\q'"),
        ("u'a' \"b\" '''c'''", "'abc'"),
        ("'a,b'.split(',')", "['a', 'b']"),
        ("'-'.join(['a', 'b'])", "'a-b'"),
        ("' A '.strip().lower()", "'a'"),
        ("'7'.zfill(3)", "'007'"),
        ("'abc'[1]", "'b'"),
        ("'abc'[-1]", "'c'"),
        ("'abc'[1:]", "'bc'"),
        ("[1, 2, 3][:-1]", "[1, 2]"),
        ("{'a': 1}['a']", "1"),
        ("len('abc') + len([1])", "4"),
        ("str(5) + str(1.0)", "'51.0'"),
        ("int('0x1f', 16)", "31"),
        ("'yes' if vmid == '5' else 'no'", "'yes'"),
        ("not '' and 1", "1"),
        ("0 or 'b'", "'b'"),
        ("'a' in 'cat'", "True"),
        ("2 not in [1, 2]", "False"),
        ("'a' < 'b'", "True"),
        ("1 == 1.0", "True"),
        ("os.uname()[4]", "'x86_64'"),
        ("os.path.join('/a', 'b')", "'/a/b'"),
        ("None", "None"),
        ("xm_file", "'file'"),
    ] {
        assert_eq!(x_of(&format!("x = {expression}\n")), (value.to_owned(), vec![]), "{expression}");
    }
}

#[test]
fn statements_do_what_python_does() {
    for (text, value) in [
        ("a = b = 1; x = a + b", "2"),
        ("x = 1\nx += 2\nx *= 2", "6"),
        ("a, b = 1, 2\nx = b", "2"),
        ("x = [\n  'a', # one\n  'b',\n]\n", "['a', 'b']"),
        ("x = 'a' \\\n  'b'", "'ab'"),
        ("if vmid == '5':\n    x = 1\nelse:\n    x = 2", "1"),
        ("if 0: x = 1\nelif '': x = 2\nelse: x = 3", "3"),
        ("try:\n  x = int(vmid)\nexcept:\n  raise ValueError", "5"),
        ("def f(a):\n    b = int(a)\n    if b > 3:\n        return b * 2\n    return b\nx = f(vmid)", "10"),
        ("x = []\nx.append('a')\nx.extend(['b', 'c'])\nx.insert(0, 'z')", "['z', 'a', 'b', 'c']"),
        ("x = ['a']\nx += ('b',)", "['a', 'b']"),
        (
            "def check(var, val):\n    return int(val)\nxm_vars.var('vmid', check=check)\nxm_vars.check()\nx = vmid",
            "5",
        ),
        ("import os, re\nx = 64\nif re.search('64', os.uname()[4]): x = 'lib64'", "'lib64'"),
        ("from os import uname\nx = uname()[0]", "'Linux'"),
        ("'''a docstring\nover lines'''\nprint 'hello'\nx = 1", "1"),
        ("x = '''two\r\nlines'''", "'two\nlines'"),
    ] {
        assert_eq!(x_of(text), (value.to_owned(), vec![]), "{text}");
    }
}

#[test]
fn what_python_would_refuse_is_an_error() {
    for (text, code) in [
        ("x = 'a' + 1", "X0213"),
        ("x = int('a')", "X0213"),
        ("x = 'VM%d' % vmid", "X0214"),
        ("x = '%d %d' % 1", "X0214"),
        ("x = '%' % 1", "X0214"),
        ("x = unknown", "X0211"),
        ("x = xen-br0", "X0211"),
        ("x = 08", "X0201"),
        ("x = 1_000", "X0201"),
        ("x = [1, 2", "X0202"),
        ("x = 'a", "X0203"),
        ("x = “a”", "X0204"),
        (" x = 1", "X0205"),
        ("x = [ 'a=1', b=2 ]", "X0207"),
        ("x == 1 = 2", "X0201"),
        ("raise ValueError", "X0215"),
        ("xm_vars.var('size')\nxm_vars.check()", "X0212"),
        ("x = []\nx += 'ab'", "X0217"),
    ] {
        assert!(x_of(text).1.contains(&code), "{text}: {:?}", x_of(text));
    }
}

#[test]
fn what_only_running_the_file_would_tell_is_an_error_where_it_matters() {
    let severity = |text: &str| {
        let mut diagnostics = Diagnostics::new();
        let source = Source::new("file", text.as_bytes());
        let _ = read(&source, &[], &Host::default(), |name| name == "x", &mut diagnostics);
        diagnostics.iter().filter(|found| found.kind.code == "X0210").map(|found| found.severity).max()
    };
    for text in [
        "x = open('/etc/hostname').read()",
        "a = open('/etc/hostname')\nx = 'vm-' + a",
        "x = []\nfor i in range(3):\n    x.append(i)",
        "x = [i for i in range(3)]",
        "if os.path.exists('/a'):\n    x = 1",
        "while 1:\n    x = 1",
        "with open('/a') as f:\n    x = f.read()",
        "x = lambda: 1",
        "x = (lambda a: a)(1)",
    ] {
        assert_eq!(severity(text), Some(Severity::Error), "{text}");
        assert!(x_of(text).0.contains('?') || x_of(text).0 == "-", "{text}: {:?}", x_of(text));
    }
    for text in ["y = open('/etc/hostname').read()", "for i in range(3):\n    print i", "os.system('reboot')"]
    {
        assert_eq!(severity(text), Some(Severity::Warning), "{text}");
    }
    for text in ["import os, sys", "def f(x):\n    for i in x:\n        pass\n", "class A:\n    pass\n"] {
        assert_ne!(severity(text), Some(Severity::Error), "{text}");
    }
}
