//! `dom0net check`: what is wrong with configuration files.

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use xenconf::check::{Checker, Reading};
use xenconf::diagnostic::Severity;
use xenconf::dialect::{Dialect, FileKind};
use xenconf::options::Options;
use xenconf::sarif;

use super::configuration::files::{self, Input, Unreadable};
use super::configuration::findings::{draw_all, style, visible};
use super::configuration::rules::Rules;
use super::native;
use super::output::{is_terminal, json, out};

#[derive(Args)]
#[command(after_help = "\
Files that are given together are checked together: addresses that two guests share, bridges
that nothing makes. In folders, hidden files and what editors and packages leave behind are
passed over.

A file of networks (dom0net.toml) is checked with the words that its networks are started with, and those
that it has for the guard.

Exit status: 0 no errors (there may be warnings), 1 errors, 2 a file cannot be read.

Examples:
  dom0net check /etc/xen
  dom0net check --for xl web.cfg
  dom0net check --var vmid=5 /etc/xen/xmexample2
  ssh host cat /etc/xen/web | dom0net check -
  dom0net check --json /etc/xen | jq -r '.[].problems[].message'
  dom0net check --format sarif /etc/xen > findings.sarif")]
pub(crate) struct Check {
    /// Configuration files, folders of them, or - for standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    rules: Rules,
    /// Name a bridge that the host has; then all others are taken to be missing. May be repeated.
    #[arg(long = "bridge", value_name = "NAME")]
    bridges: Vec<String>,
    /// How the findings are written.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// The same as --format json.
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person.
    Text,
    /// An array with an object for each file.
    Json,
    /// SARIF 2.1.0, for editors and code hosts.
    Sarif,
}

impl Check {
    /// Runs the command and returns the exit status.
    pub(crate) fn run(&self) -> u8 {
        let bridges = (!self.bridges.is_empty()).then(|| self.bridges.clone());
        let options = Options { bridges, ..self.rules.options() };
        let (inputs, unreadable) = files::named(&self.files);
        let mut printer = Printer::new(if self.json { Format::Json } else { self.format }, &options);
        printer.is_only_one = inputs.len() == 1;
        for file in &unreadable {
            printer.cannot_read(file);
        }
        check(&inputs, &options, &mut printer);
        printer.finish()
    }
}

/// Every file is read twice: what one says of the host decides what is wrong with another, and not all of them have
/// room in memory.
fn check(inputs: &[Input], options: &Options, printer: &mut Printer) {
    let mut checker = Checker::new(options);
    files::read_all(inputs, options, |reading| {
        // What cannot be read is told when it is read for the second time.
        if let Ok(reading) = reading {
            checker.learn(&reading);
        }
    });
    files::read_all(inputs, options, |reading| match reading {
        Ok(mut reading) => {
            native::judge(&mut reading);
            checker.check(&mut reading);
            printer.print(&checker, &reading);
        }
        Err(unreadable) => printer.cannot_read(&unreadable),
    });
}

/// Writes what was found, file by file.
struct Printer {
    format: Format,
    /// The language of domains was told, and need not be.
    is_forced: bool,
    /// There is only one file, so that more can be said of it.
    is_only_one: bool,
    log: sarif::Log,
    files: usize,
    errors: usize,
    warnings: usize,
    unreadable: usize,
    /// The first code of the gravest kind.
    code: Option<(Severity, &'static str)>,
}

impl Printer {
    fn new(format: Format, options: &Options) -> Self {
        Self {
            format,
            is_forced: options.dialect.is_some(),
            is_only_one: false,
            log: sarif::Log::default(),
            files: 0,
            errors: 0,
            warnings: 0,
            unreadable: 0,
            code: None,
        }
    }

    fn cannot_read(&mut self, file: &Unreadable) {
        eprintln!("dom0net: {}", file.0);
        self.unreadable += 1;
    }

    fn print(&mut self, checker: &Checker, reading: &Reading) {
        self.count(reading);
        match self.format {
            Format::Text => self.print_text(reading),
            Format::Json => {
                out(if self.files == 1 { "[\n" } else { ",\n" });
                // Our own values have no maps with odd keys, the only thing that cannot be written.
                out(&serde_json::to_string(&checker.report(reading)).unwrap_or_default());
            }
            Format::Sarif => self.log.add(reading),
        }
    }

    fn count(&mut self, reading: &Reading) {
        self.files += 1;
        for found in &reading.diagnostics {
            match found.severity {
                Severity::Error => self.errors += 1,
                Severity::Warning => self.warnings += 1,
                Severity::Note => {}
            }
            if self.code.is_none_or(|(severity, _)| severity < found.severity) {
                self.code = Some((found.severity, found.kind.code));
            }
        }
        // When an error is among those that were left out, the file has errors all the same.
        if self.errors == 0 && reading.diagnostics.has_errors() {
            self.errors += 1;
        }
    }

    fn print_text(&self, reading: &Reading) {
        let is_good = reading.diagnostics.as_slice().is_empty();
        if is_good && !(self.is_only_one && is_terminal()) {
            return;
        }
        let mut text = draw_all(&reading.diagnostics, &reading.source, style(&io::stdout()));
        if let Some(note) = self.language(reading) {
            text.push_str(&note);
        }
        out(&text);
    }

    /// Which rules a domain was held against, when that was for this program to tell.
    fn language(&self, reading: &Reading) -> Option<String> {
        let detection = &reading.detection;
        let other = match detection.dialect {
            Dialect::Xm => "xl",
            Dialect::Xl => "xm",
            _ => return None,
        };
        if self.is_forced || detection.kind != FileKind::Domain {
            return None;
        }
        let (name, own) = (visible(reading.source.name()), detection.dialect.name());
        let reason = &detection.reason;
        Some(format!(
            "note: {name} was held against the rules of {own}: {reason}. --for {other} takes the others\n\n"
        ))
    }

    fn finish(self) -> u8 {
        match self.format {
            Format::Json => out(if self.files == 0 { "[]\n" } else { "\n]\n" }),
            Format::Sarif => json(&self.log.finish("dom0net", env!("CARGO_PKG_VERSION"))),
            Format::Text if is_terminal() => out(&self.summary()),
            Format::Text => {}
        }
        match (self.unreadable, self.errors) {
            (1.., _) => 2,
            (0, 1..) => 1,
            (0, 0) => 0,
        }
    }

    /// For a person, who wants to know that something was done.
    fn summary(&self) -> String {
        let count = |number: usize, one: &str| match number {
            0 => format!("no {one}s"),
            1 => format!("1 {one}"),
            _ => format!("{number} {one}s"),
        };
        let (files, errors) = (count(self.files, "file"), count(self.errors, "error"));
        let more = match self.code {
            Some((_, code)) => format!(". dom0net explain {code} says more"),
            None => String::new(),
        };
        format!("{files}: {errors}, {}{more}\n", count(self.warnings, "warning"))
    }
}
