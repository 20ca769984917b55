//! Domain configurations of xm, which are Python programs: read, not run.
//!
//! What people have in these files are assignments of literal values, and now and then a value computed from
//! a variable or from the host's architecture, as in Xen's own examples. [`read`] works these out. Whatever
//! else a program can do is named, with what to write in its place.

mod ast;
mod eval;
mod expression;
mod lexer;
mod literal;
mod parser;
mod statement;
mod token;

use crate::diagnostic::Diagnostics;
use crate::source::{Source, Span};
use crate::text::Text;
use crate::value::{Setting, Settings, Value, ValueKind};

/// What `os.uname()` says of the host that a file is read for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The operating system, `Linux`.
    pub system: String,
    /// The host's name.
    pub node: String,
    /// The kernel's release.
    pub release: String,
    /// The kernel's version.
    pub version: String,
    /// The architecture, such as `x86_64`.
    pub machine: String,
}

impl Default for Host {
    /// A Linux host with a 64-bit PC's processor.
    fn default() -> Self {
        Self {
            system: "Linux".to_owned(),
            node: "localhost".to_owned(),
            release: String::new(),
            version: String::new(),
            machine: "x86_64".to_owned(),
        }
    }
}

/// The variables that a file has set at its end.
///
/// `variables` are there from the beginning, as strings, like those from xm's command line. `is_setting`
/// tells which names mean something: where one of these cannot be worked out, that is an error, elsewhere a
/// warning.
///
/// ```
/// use xenconf::diagnostic::Diagnostics;
/// use xenconf::python::{Host, read};
/// use xenconf::source::Source;
///
/// let source = Source::new("vm5", b"vmid = int(vmid)\nname = 'VM%d' % vmid\n");
/// let mut diagnostics = Diagnostics::new();
/// let variables = [("vmid".to_owned(), "5".to_owned())];
/// let settings = read(&source, &variables, &Host::default(), |name| name == "name", &mut diagnostics);
/// assert_eq!(settings.value("name").unwrap().as_str(), Some("VM5"));
/// ```
#[must_use]
pub fn read(
    source: &Source,
    variables: &[(String, String)],
    host: &Host,
    is_setting: fn(&str) -> bool,
    diagnostics: &mut Diagnostics,
) -> Settings {
    let statements = parser::Parser::new(source.text(), diagnostics).file();
    let given = [("xm_file".to_owned(), source.name().to_owned())];
    let predefined = variables.iter().chain(&given).map(|(name, value)| {
        let span = Span::default();
        let value = Value::new(ValueKind::Text(Text::whole(value.clone(), span)), span);
        Setting { name: name.clone(), name_span: span, value }
    });
    eval::evaluate(source.text(), &statements, predefined.collect(), host, is_setting, diagnostics)
}
