//! Which language a file is written in, told from what is in it.

use serde::{Serialize, Serializer};

use crate::diagnostic::Diagnostics;
use crate::names;
use crate::options::Options;
use crate::python;
use crate::source::Source;
use crate::sxp;
use crate::value::{Settings, ValueKind};
use crate::xl;

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// `xend-config.sxp`: xend's own configuration.
    XendConfig,
    /// A domain's configuration.
    Domain,
    /// `xl.conf`.
    XlConf,
    /// `xend-pci-quirks.sxp`: PCI devices and the fields that they may write.
    PciQuirks,
    /// `xend-pci-permissive.sxp`: PCI devices that may write all of theirs.
    PciPermissive,
    /// A virtual network of Xen's vnet module.
    Vnet,
    /// A map of a domain's memory.
    MemoryMap,
    /// A CPU pool.
    CpuPool,
    /// `dom0net.toml`: the networks of a host.
    Networks,
    /// A program, such as a network script.
    Script,
    /// Nothing but blanks and comments, and no name that tells.
    Empty,
    /// Something else.
    Other,
}

impl FileKind {
    /// The name that reports give it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::XendConfig => "xend-config",
            Self::Domain => "domain",
            Self::XlConf => "xl-conf",
            Self::PciQuirks => "pci-quirks",
            Self::PciPermissive => "pci-permissive",
            Self::Vnet => "vnet",
            Self::MemoryMap => "memmap",
            Self::CpuPool => "cpupool",
            Self::Networks => "networks",
            Self::Script => "script",
            Self::Empty => "empty",
            Self::Other => "other",
        }
    }
}

impl Serialize for FileKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Which language a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// S-expressions, as xend read them.
    Sxp,
    /// Python, as xm ran it.
    Xm,
    /// The assignments of xl and of `xl.conf`.
    Xl,
    /// XML, as late versions of xm read it through the Xen API.
    Xml,
    /// TOML, in which this program's own configuration is written.
    Toml,
    /// A program for the shell or another interpreter.
    Script,
}

impl Dialect {
    /// The name that reports give it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sxp => "sxp",
            Self::Xm => "xm",
            Self::Xl => "xl",
            Self::Xml => "xml",
            Self::Toml => "toml",
            Self::Script => "script",
        }
    }
}

impl Serialize for Dialect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What a file was taken for, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detection {
    /// What the file is for.
    pub kind: FileKind,
    /// Its language.
    pub dialect: Dialect,
    /// What told it, as the end of a sentence: "it sets `dhcp`, which only xm knows".
    pub reason: String,
}

impl Detection {
    fn new(kind: FileKind, dialect: Dialect, reason: impl Into<String>) -> Self {
        Self { kind, dialect, reason: reason.into() }
    }
}

/// Tells what a file is. `forced` says whose rules an assignment file is held against, when that is given.
///
/// ```
/// use xenconf::dialect::{Dialect, FileKind, detect};
/// use xenconf::source::Source;
///
/// let detection = detect(&Source::new("vm1", b"name = 'vm1'\ndhcp = 'dhcp'\n"), None);
/// assert_eq!((detection.kind, detection.dialect), (FileKind::Domain, Dialect::Xm));
/// ```
#[must_use]
pub fn detect(source: &Source, forced: Option<Dialect>) -> Detection {
    detect_and_read(source, &Options { dialect: forced, ..Options::default() }).0
}

/// What a reading by xl's rules gave, which telling the language needs anyway.
pub(crate) type ReadAsXl = (Settings, Diagnostics);

/// Tells what a file is, with its settings if it turned out to be xl's.
pub(crate) fn detect_and_read(source: &Source, options: &Options) -> (Detection, Option<ReadAsXl>) {
    let text = source.text();
    if text.starts_with("#!") {
        return (Detection::new(FileKind::Script, Dialect::Script, "it begins with `#!`"), None);
    }
    // Whoever names a file and says whose it is knows better than its name.
    let is_open = options.dialect.is_none() || options.found_in_folder;
    if is_open && let Some(reason) = script_without_shebang(base_name(source), text) {
        return (Detection::new(FileKind::Script, Dialect::Script, reason), None);
    }
    if is_open && has_extension(base_name(source), "toml") {
        return (Detection::new(FileKind::Networks, Dialect::Toml, "its name says so"), None);
    }
    if is_open && text.lines().any(|line| line.trim() == "[[network]]") {
        return (Detection::new(FileKind::Networks, Dialect::Toml, "it has a `[[network]]`"), None);
    }
    match first_significant(text) {
        Some('<') => (Detection::new(FileKind::Domain, Dialect::Xml, "it begins with `<`"), None),
        Some('(' | ')') => (detect_sxp(source), None),
        Some(_) if is_open && is_sxp_by_name(base_name(source)) => (detect_sxp(source), None),
        Some(_) => detect_assignments(source, options),
        None => (detect_by_name(source, options.dialect), None),
    }
}

/// Parts of scripts, which other scripts read, need no `#!`: Xen's own folder is full of them.
fn script_without_shebang(name: &str, text: &str) -> Option<&'static str> {
    let endings = [".sh", ".bash", ".pl", ".awk", ".rules", ".agent", ".service", ".hook"];
    if endings.iter().any(|ending| name.ends_with(ending)) {
        return Some("its name says so");
    }
    let is_of_shell = |line: &str| {
        let line = line.trim();
        matches!(line, "fi" | "esac" | "done" | "then" | ";;")
            || line.ends_with("; then")
            || line.ends_with("; do")
            || line.ends_with(" ;;")
    };
    text.lines().any(is_of_shell).then_some("it has lines of the shell")
}

/// The first character that is neither blank nor in a comment.
fn first_significant(text: &str) -> Option<char> {
    text.lines()
        .map(|line| line.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{feff}'))
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .and_then(|line| line.chars().next())
}

fn base_name(source: &Source) -> &str {
    source.name().rsplit('/').next().unwrap_or("")
}

fn is_sxp_by_name(name: &str) -> bool {
    has_sxp_extension(name) || name.starts_with("xend-config")
}

fn has_sxp_extension(name: &str) -> bool {
    has_extension(name, "sxp")
}

fn has_extension(name: &str, wanted: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case(wanted))
}

/// Only comments: the name of the file is all there is.
fn detect_by_name(source: &Source, forced: Option<Dialect>) -> Detection {
    let name = base_name(source);
    let reason = "its name says so, and it holds nothing but comments";
    if name == "xl.conf" {
        Detection::new(FileKind::XlConf, Dialect::Xl, reason)
    } else if name.starts_with("xend-pci-permissive") {
        Detection::new(FileKind::PciPermissive, Dialect::Sxp, reason)
    } else if name.starts_with("xend-pci-quirks") {
        Detection::new(FileKind::PciQuirks, Dialect::Sxp, reason)
    } else if name.contains("xend-config") || has_sxp_extension(name) {
        Detection::new(FileKind::XendConfig, Dialect::Sxp, reason)
    } else {
        Detection::new(FileKind::Empty, forced.unwrap_or(Dialect::Xl), "it holds nothing but comments")
    }
}

fn detect_sxp(source: &Source) -> Detection {
    let tree = sxp::parse(source, &mut Diagnostics::new());
    let found = |kind, reason: &str| Detection::new(kind, Dialect::Sxp, reason);
    let mut heads = tree.roots().filter_map(sxp::NodeRef::head);
    let name = base_name(source);
    match heads.next() {
        Some("vm" | "domain") => found(FileKind::Domain, "it holds a `(vm …)` or `(domain …)`"),
        Some("vnet") => found(FileKind::Vnet, "it holds a `(vnet …)`"),
        Some("unconstrained_dev_ids") => {
            found(FileKind::PciPermissive, "it holds `(unconstrained_dev_ids …)`")
        }
        Some("memmap") => found(FileKind::MemoryMap, "it holds a `(memmap …)`"),
        Some(_) if tree.roots().any(|form| form.value("pci_ids").is_some()) => {
            found(FileKind::PciQuirks, "it holds a `(pci_ids …)`")
        }
        Some(head) if names::is_xend_option(head) => found(FileKind::XendConfig, "it holds options of xend"),
        _ if name.contains("xend-config") => found(FileKind::XendConfig, "its name says so"),
        _ if heads.any(names::is_xend_option) => found(FileKind::XendConfig, "it holds options of xend"),
        _ if has_sxp_extension(name) => found(FileKind::XendConfig, "it holds S-expressions"),
        _ => found(FileKind::Other, "it holds S-expressions that belong to none of Xen's files"),
    }
}

/// A file of assignments: `xl.conf`, a domain for xm, or one for xl.
fn detect_assignments(source: &Source, options: &Options) -> (Detection, Option<ReadAsXl>) {
    let forced = options.dialect;
    let is_domain = forced.is_some() && !options.found_in_folder;
    if forced != Some(Dialect::Xl)
        && let Some(word) = source.text().lines().find_map(is_python_line)
    {
        let reason = format!("it has {word}, which is Python");
        let kind =
            if is_domain || sets_something(source, options) { FileKind::Domain } else { FileKind::Other };
        return (Detection::new(kind, Dialect::Xm, reason), None);
    }
    let mut diagnostics = Diagnostics::new();
    let settings = xl::read(source, &[], &mut diagnostics);
    let kind = assignment_kind(source, &settings, is_domain || sets_something(source, options));
    let (dialect, reason) = match forced {
        _ if kind == FileKind::XlConf => (Dialect::Xl, "it holds settings of `xl.conf`".to_owned()),
        Some(dialect) => (dialect, "you said so".to_owned()),
        None => xm_or_xl(source, &settings, diagnostics.has_errors()),
    };
    let read = (dialect == Dialect::Xl).then_some((settings, diagnostics));
    (Detection::new(kind, dialect, reason), read)
}

/// True when a line of the text sets something that a domain has, so that a fault in it does not hide it.
///
/// `name: value` counts too in a file that somebody named; in a folder it is likely none of Xen's.
fn sets_something(source: &Source, options: &Options) -> bool {
    let separators: &[char] = if options.found_in_folder { &['='] } else { &['=', ':'] };
    source.text().lines().any(|line| {
        let Some((name, _)) = line.split_once(separators).filter(|_| !line.starts_with('#')) else {
            return false;
        };
        let name = name.trim().trim_end_matches('+').trim_end();
        let (xm, xl) = names::known_to(name);
        xm || xl || {
            let (xm, xl) = names::known_to(&name.to_ascii_lowercase());
            xm || xl
        }
    })
}

fn assignment_kind(source: &Source, settings: &Settings, is_domain: bool) -> FileKind {
    let has = |name: &str| settings.get(name).is_some();
    let is_conf = |name: &str| names::is_xl_conf_setting(name) && !names::is_xl_setting(name);
    if base_name(source) == "xl.conf" || settings.iter().any(|setting| is_conf(&setting.name)) {
        return FileKind::XlConf;
    }
    let of_pool = |name: &str| matches!(name, "name" | "sched" | "cpus" | "nodes");
    if has("sched") && settings.iter().all(|setting| of_pool(&setting.name)) {
        return FileKind::CpuPool;
    }
    if is_domain { FileKind::Domain } else { FileKind::Other }
}

/// Weighs what is in the file. What neither tells apart is taken for xl's, which is what runs today.
fn xm_or_xl(source: &Source, settings: &Settings, xl_refuses: bool) -> (Dialect, String) {
    // What only xl knows weighs more: old lines stay in files that were carried over to xl.
    let only_known_to = |which: (bool, bool)| {
        settings.iter().map(|setting| setting.name.as_str()).find(|name| names::known_to(name) == which)
    };
    if let Some(name) = only_known_to((false, true)) {
        return (Dialect::Xl, format!("it sets `{name}`, which only xl knows"));
    }
    if let Some(name) = only_known_to((true, false)) {
        return (Dialect::Xm, format!("it sets `{name}`, which only xm knows"));
    }
    if let Some((dialect, reason)) = settings.iter().find_map(by_value) {
        return (dialect, reason);
    }
    if let Some((dialect, reason)) = by_comments(source.text()) {
        return (dialect, reason);
    }
    if xl_refuses && !has_capital_setting(source) && python_takes(source) {
        return (Dialect::Xm, "Python takes it, and xl does not".to_owned());
    }
    (Dialect::Xl, "nothing in it is xm's alone".to_owned())
}

/// `Name = 'web'`: Python takes it for a variable of its own, which nobody meant.
fn has_capital_setting(source: &Source) -> bool {
    source.text().lines().any(|line| {
        let name = line.split('=').next().unwrap_or("").trim();
        name.contains(|c: char| c.is_ascii_uppercase())
            && matches!(name.to_ascii_lowercase().as_str(), "name" | "vif" | "disk" | "memory" | "kernel")
    })
}

fn python_takes(source: &Source) -> bool {
    let mut diagnostics = Diagnostics::new();
    let _ = python::read(source, &[], &python::Host::default(), names::is_xm_setting, &mut diagnostics);
    !diagnostics.has_errors()
}

/// What in a line is Python and cannot be xl's, if anything.
fn is_python_line(line: &str) -> Option<&'static str> {
    let code = line.trim_start();
    let keywords = [
        ("import ", "an `import`"),
        ("from ", "a `from … import`"),
        ("def ", "a `def`"),
        ("if ", "an `if`"),
        ("elif ", "an `elif`"),
        ("else:", "an `else`"),
        ("for ", "a `for`"),
        ("while ", "a `while`"),
        ("try:", "a `try`"),
        ("except", "an `except`"),
        ("print ", "a `print`"),
        ("xm_vars.", "`xm_vars`"),
    ];
    if let Some((_, word)) = keywords.iter().find(|(start, _)| code.starts_with(start)) {
        let is_assignment = code.split(['#', '\'', '"']).next().is_some_and(|head| {
            head.split_once('=').is_some_and(|(name, rest)| {
                !rest.starts_with('=') && name.trim().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            })
        });
        return (!is_assignment).then_some(*word);
    }
    outside_quotes(code)
}

/// Operators of Python behind an assignment, outside strings and comments.
fn outside_quotes(code: &str) -> Option<&'static str> {
    if !code.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '\'' | '"' | ']' | ')' | '%'))
    {
        return None;
    }
    let mut quote = None;
    let mut after_string = false;
    let mut bytes = code.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(_), b'\\') => {
                bytes.next();
            }
            (Some(open), _) if byte == open => {
                quote = None;
                after_string = true;
            }
            (Some(_), _) | (None, b' ' | b'\t') => {}
            (None, b'#') => return None,
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'%') => return Some("a `%` format"),
            (None, b'+') if bytes.peek() != Some(&b'=') => return Some("a `+`"),
            (None, b'(') => return Some("a parenthesis"),
            (None, b'.') if after_string => return Some("a method call"),
            (None, _) => after_string = false,
        }
    }
    None
}

/// Values that only one of the two knows.
fn by_value(setting: &crate::value::Setting) -> Option<(Dialect, String)> {
    let name = setting.name.as_str();
    let texts: Vec<&str> = match &setting.value.kind {
        ValueKind::Text(text) => vec![text.as_str()],
        ValueKind::List(items) => items.iter().filter_map(crate::value::Value::as_str).collect(),
        _ => Vec::new(),
    };
    let any = |test: &dyn Fn(&str) -> bool| texts.iter().any(|text| test(text));
    let has_key = |key: &'static str| {
        move |text: &str| {
            text.split(',')
                .any(|piece| piece.trim().strip_prefix(key).is_some_and(|rest| rest.starts_with('=')))
        }
    };
    match name {
        "vif" => {
            let xl_keys = ["gatewaydev", "mtu", "vlan", "devid", "forwarddev"];
            if let Some(key) = xl_keys.into_iter().find(|key| any(&has_key(key))) {
                return Some((Dialect::Xl, format!("a vif has the key `{key}`, which only xl knows")));
            }
            if any(&|text| text.split(',').any(|piece| piece.trim() == "type=vif")) {
                return Some((Dialect::Xl, "a vif has the type `vif`, which only xl knows".to_owned()));
            }
            let xm_keys = ["policy", "label", "be_mac"];
            let key = xm_keys.into_iter().find(|key| any(&has_key(key)))?;
            Some((Dialect::Xm, format!("a vif has the key `{key}`, which only xm knows")))
        }
        "vfb" if any(&has_key("type")) => {
            Some((Dialect::Xm, "its vfb has the key `type`, which only xm knows".to_owned()))
        }
        "disk" if any(&has_key("vdev")) || any(&has_key("target")) || any(&has_key("format")) => {
            Some((Dialect::Xl, "a disk is written with keys, which only xl knows".to_owned()))
        }
        "kernel" if any(&|text| text.contains("-2.6.") || text.contains("-2.4.")) => {
            Some((Dialect::Xm, "its kernel is of the days of xm".to_owned()))
        }
        "builder" if any(&|text| matches!(text, "linux" | "vmx" | "netbsd")) => {
            Some((Dialect::Xm, "`builder` has a value that only xm knows".to_owned()))
        }
        _ => None,
    }
}

/// What the comments say.
fn by_comments(text: &str) -> Option<(Dialect, String)> {
    let comments = || text.lines().filter_map(|line| line.trim_start().strip_prefix('#'));
    let says = |words: &[&str]| comments().any(|comment| words.iter().any(|word| comment.contains(word)));
    if says(&["mode: python", "'xm create'", "xm create", "\"xm create\""]) {
        return Some((Dialect::Xm, "its comments speak of xm".to_owned()));
    }
    if says(&["xl create", "xl.cfg"]) {
        return Some((Dialect::Xl, "its comments speak of xl".to_owned()));
    }
    None
}
