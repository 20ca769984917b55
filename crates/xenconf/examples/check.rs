//! Checks configuration files together: `cargo run -p xenconf --example check -- [--json] /etc/xen/*.cfg`

use std::io::Write;
use std::process::ExitCode;

use xenconf::check::{Checker, Reading, read_file};
use xenconf::diagnostic::render::{Style, render};
use xenconf::options::Options;

fn main() -> std::io::Result<ExitCode> {
    let mut options = Options::default();
    let (mut json, mut readings): (bool, Vec<Reading>) = (false, Vec::new());
    for argument in std::env::args().skip(1) {
        match argument.strip_prefix("--var=").and_then(|pair| pair.split_once('=')) {
            Some((name, value)) => options.variables.push((name.to_owned(), value.to_owned())),
            None if argument == "--json" => json = true,
            None => readings.push(read_file(argument.as_str(), &std::fs::read(&argument)?, &options)),
        }
    }
    let mut checker = Checker::new(&options);
    for reading in &readings {
        checker.learn(reading);
    }
    let mut failed = false;
    let mut out = std::io::stdout().lock();
    for reading in &mut readings {
        checker.check(reading);
        failed |= reading.diagnostics.has_errors();
        if json {
            serde_json::to_writer(&mut out, &checker.report(reading))?;
            writeln!(out)?;
            continue;
        }
        let detection = &reading.detection;
        let (kind, dialect) = (detection.kind.name(), detection.dialect.name());
        writeln!(out, "{}: {kind} ({dialect}): {}", reading.source.name(), detection.reason)?;
        for diagnostic in &reading.diagnostics {
            writeln!(out, "{}\n", render(diagnostic, &reading.source, Style::default()))?;
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
