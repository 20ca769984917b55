//! `xend-config.sxp`: what xend does for the host as a whole, above all its two network scripts.
//!
//! ```
//! use xenconf::diagnostic::Diagnostics;
//! use xenconf::source::Source;
//! use xenconf::xend;
//!
//! let source = Source::new("xend-config.sxp", b"(network-script 'network-bridge bridge=xenbr1')\n");
//! let mut diagnostics = Diagnostics::new();
//! let config = xend::read(&source, &mut diagnostics);
//! let script = config.network_script.unwrap();
//! assert_eq!((script.name.as_str(), script.argument("bridge")), ("network-bridge", Some("xenbr1")));
//! ```

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Diagnostics, kinds};
use crate::domain::form_value;
use crate::names;
use crate::script::Script;
use crate::source::{Source, Span};
use crate::suggest::nearest;
use crate::sxp::{NodeRef, parse};
use crate::text::Text;
use crate::value::{Setting, Settings};
use crate::vif::Defaults;

/// xend's configuration, as far as this crate gives it a meaning.
#[derive(Clone, Debug, Default)]
pub struct XendConfig {
    /// What runs when xend starts; `None` when nothing does.
    pub network_script: Option<Script>,
    /// The value as it stands.
    pub network_script_text: Option<Text>,
    /// What runs for an interface that names no script itself; xend's default is `vif-bridge`.
    pub vif_script: Option<Script>,
    /// The value as it stands, which xend hands on as a whole.
    pub vif_script_text: Option<Text>,
    /// The default bridge of Xen 2.0 and 3.0.0 (`vif-bridge`).
    pub vif_bridge: Option<String>,
    /// Whether Xen 2.0 was to set the policy of the FORWARD chain (`vif-antispoof`).
    pub vif_antispoof: Option<bool>,
    /// All options by name, those above among them. Of two forms with one name, the first counts.
    pub settings: Settings,
}

impl XendConfig {
    /// What interfaces take from here.
    #[must_use]
    pub fn defaults(&self) -> Defaults {
        let script = self.vif_script_text.as_ref().map(|text| text.as_str().to_owned());
        let script = script.filter(|script| !script.is_empty());
        Defaults { script, bridge: self.vif_bridge.clone(), ..Defaults::default() }
    }
}

/// More options than there are; what is beyond is not read.
const MAX_OPTIONS: usize = 1000;

/// Options whose value is yes or no.
const TRUTHS: [&str; 9] = [
    "xend-http-server",
    "xend-unix-server",
    "xend-tcp-xmlrpc-server",
    "xend-unix-xmlrpc-server",
    "xend-relocation-server",
    "xend-relocation-ssl-server",
    "enable-dom0-ballooning",
    "enable-dump",
    "vif-antispoof",
];

/// Reads the file.
#[must_use]
pub fn read(source: &Source, diagnostics: &mut Diagnostics) -> XendConfig {
    let tree = parse(source, diagnostics);
    let mut config = XendConfig::default();
    let mut list: Vec<Setting> = Vec::new();
    let mut first_of: HashMap<&str, Span> = HashMap::new();
    let mut loose_line = None;
    for form in tree.roots() {
        let Some(name) = form.children().next().and_then(NodeRef::text) else {
            // One remark without its `#` is one finding, however many words it has.
            let line = source.position(form.span().start).line;
            if loose_line.replace(line) != Some(line) {
                report_loose(form, diagnostics);
            }
            continue;
        };
        if let Some(first) = first_of.get(name.as_str()) {
            diagnostics.push(second_form(name, *first));
            continue;
        }
        first_of.insert(name.as_str(), name.span());
        if list.len() >= MAX_OPTIONS {
            continue;
        }
        list.push(Setting {
            name: name.as_str().to_owned(),
            name_span: name.span(),
            value: form_value(form),
        });
        question_extra(form, name, diagnostics);
        question_name(name, diagnostics);
        option(form, name, &mut config, diagnostics);
    }
    config.settings = Settings::new(list);
    config
}

/// A bare word at top level, or a list without a name.
fn report_loose(form: NodeRef<'_>, diagnostics: &mut Diagnostics) {
    let word = form.as_str();
    if word.is_some_and(|word| word.starts_with(';')) {
        // Told by the reader of the forms.
        return;
    }
    let shown = word.map_or_else(
        || "this list has no name".to_owned(),
        |word| format!("`{word}` stands outside of any form"),
    );
    let diagnostic =
        Diagnostic::new(&kinds::XEND_LOOSE_WORD, form.span(), shown).note("xend does not look at it");
    diagnostics.push(match word.filter(|word| names::is_xend_option(word)) {
        Some(option) => diagnostic.help(format!("write the option in parentheses: `({option} …)`")),
        None => diagnostic.help("write options as `(name value)`, and remarks behind a `#`"),
    });
}

fn second_form(name: &Text, first: Span) -> Diagnostic {
    Diagnostic::new(&kinds::XEND_SECOND_FORM, name.span(), format!("`{}` is set twice", name.as_str()))
        .label("this one is not read")
        .related(first, "the first one counts")
        .note("xend takes the first form of a name, unlike most other programs")
        .help("put a `#` before the one that you do not want")
}

/// More than one value: the classic is an argument outside the quotes.
fn question_extra(form: NodeRef<'_>, name: &Text, diagnostics: &mut Diagnostics) {
    let mut arguments = form.arguments();
    let (Some(first), Some(extra)) = (arguments.next(), arguments.next()) else { return };
    let last = arguments.last().unwrap_or(extra);
    let span = extra.span().to(last.span());
    let mut diagnostic = Diagnostic::new(
        &kinds::SXP_EXTRA_VALUE,
        span,
        format!("`{}` takes one value; the rest is not read", name.as_str()),
    )
    .label("not read")
    .note("xend takes the first value of a form and ignores the others without a word");
    let words: Option<Vec<&str>> = form.arguments().map(NodeRef::as_str).collect();
    diagnostic = match words {
        Some(words) if matches!(name.as_str(), "network-script" | "vif-script") => {
            let joined = crate::sxp::atom(&words.join(" "));
            diagnostic
                .note("the script runs without these arguments")
                .help(format!("put script and arguments in one pair of quotes: ({} {joined})", name.as_str()))
                .replace(first.span().to(last.span()), joined)
        }
        _ => diagnostic.help("put the whole value in quotes, or delete the rest"),
    };
    diagnostics.push(diagnostic);
}

fn question_name(name: &Text, diagnostics: &mut Diagnostics) {
    if names::is_xend_option(name.as_str()) {
        return;
    }
    let diagnostic = Diagnostic::new(
        &kinds::XEND_UNKNOWN_OPTION,
        name.span(),
        format!("xend does not know the option `{}`", name.as_str()),
    )
    .note("xend ignores options that it does not know, without a word");
    if let Some((option, _)) = name.as_str().split_once('=').filter(|(name, _)| names::is_xend_option(name)) {
        let at = option.len();
        diagnostics.push(
            diagnostic.help("a blank separates the name and the value").replace(name.place(at..at + 1), " "),
        );
        return;
    }
    diagnostics.push(match nearest(name.as_str(), names::xend_options()) {
        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")).replace(name.span(), meant),
        None => diagnostic.help("delete it, or put a `#` before it"),
    });
}

fn option(form: NodeRef<'_>, name: &Text, config: &mut XendConfig, diagnostics: &mut Diagnostics) {
    let value = form.arguments().next();
    let text = value.and_then(NodeRef::text);
    match name.as_str() {
        "network-script" => {
            config.network_script = text.and_then(|text| Script::parse(text.as_str()));
            config.network_script_text = text.cloned();
            if let Some(text) = text {
                question_script(text, diagnostics);
            }
        }
        "vif-script" => {
            config.vif_script = text.and_then(|text| Script::parse(text.as_str()));
            config.vif_script_text = text.cloned();
            if let Some(text) = text {
                question_script(text, diagnostics);
            }
        }
        "vif-bridge" => {
            config.vif_bridge = text.map(|text| text.as_str().to_owned());
            diagnostics.push(
                Diagnostic::new(&kinds::XEND_OLD_OPTION, name.span(), "`vif-bridge` is an option of Xen 2.0 and 3.0")
                    .note("later versions ignore it; an interface that names no bridge gets the first one of the host")
                    .help("name the bridge in each domain: vif = [ 'bridge=…' ]"),
            );
        }
        "vif-antispoof" => {
            config.vif_antispoof = text.and_then(|text| truth(text.as_str()));
            diagnostics.push(
                Diagnostic::new(
                    &kinds::XEND_OLD_OPTION,
                    name.span(),
                    "`vif-antispoof` is an option of Xen 2.0",
                )
                .note("later versions ignore it")
                .help(
                    "write `antispoof=yes` as an argument: (network-script 'network-bridge antispoof=yes')",
                ),
            );
        }
        _ => {}
    }
    if let Some(text) = text.filter(|text| TRUTHS.contains(&name.as_str()) && truth(text.as_str()).is_none())
    {
        diagnostics.push(
            Diagnostic::new(
                &kinds::XEND_TRUTH,
                text.span(),
                format!("`{}` is neither yes nor no", text.as_str()),
            )
            .note("xend does not start: invalid boolean")
            .help("write `yes` or `no`"),
        );
    }
}

/// `yes y 1 on true t` and `no n 0 off false f`, in any case, as xend reads them.
#[must_use]
pub fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "y" | "1" | "on" | "true" | "t" => Some(true),
        "no" | "n" | "0" | "off" | "false" | "f" => Some(false),
        _ => None,
    }
}

/// The scripts that Xen itself came with, in any version.
const KNOWN_SCRIPTS: [&str; 10] = [
    "network-bridge",
    "network-route",
    "network-nat",
    "network-dummy",
    "network",
    "vif-bridge",
    "vif-route",
    "vif-nat",
    "vif-openvswitch",
    "vif-dummy",
];

fn question_script(value: &Text, diagnostics: &mut Diagnostics) {
    let text = value.as_str();
    let Some(script) = Script::parse(text) else { return };
    if script.arguments.iter().any(String::is_empty) || text.contains(['\t', '\n']) {
        diagnostics.push(
            Diagnostic::new(
                &kinds::SCRIPT_BLANKS,
                value.span(),
                "words of a script's value are separated by exactly one blank",
            )
            .note("two blanks make an empty argument; a tab or a line end becomes part of a word")
            .help("write one blank between two words")
            .replace(value.span(), crate::sxp::atom(&text.split_whitespace().collect::<Vec<_>>().join(" "))),
        );
    }
    if text.contains(['\'', '"', '$', '`', ';', '&', '|', '>', '<']) {
        diagnostics.push(
            Diagnostic::new(&kinds::SCRIPT_QUOTING, value.span(), "there is no quoting inside a script's value")
                .note("xend cuts the value at blanks and runs it without a shell; Xen's scripts then evaluate each `name=value` as shell")
                .help("use plain words"),
        );
    }
    let base = script.base_name();
    if script.name.contains('/') || KNOWN_SCRIPTS.contains(&base) {
        return;
    }
    if let Some(meant) = nearest(base, KNOWN_SCRIPTS) {
        diagnostics.push(
            Diagnostic::new(
                &kinds::SCRIPT_UNKNOWN,
                value.place(0..script.name.len()),
                format!("`{base}` is none of Xen's scripts"),
            )
            .help(format!("did you mean `{meant}`?"))
            .replace(value.place(0..script.name.len()), meant),
        );
    }
}
