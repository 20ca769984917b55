//! Reads configuration files and says what is wrong with them:
//! `cargo run -p xenconf --example check -- /etc/xen/web.cfg`

use std::process::ExitCode;

use xenconf::diagnostic::Diagnostics;
use xenconf::diagnostic::render::{Style, render};
use xenconf::dialect::{FileKind, detect};
use xenconf::domain;
use xenconf::options::Options;
use xenconf::source::Source;
use xenconf::vif::Defaults;
use xenconf::xend;

fn main() -> std::io::Result<ExitCode> {
    let mut failed = false;
    for path in std::env::args().skip(1) {
        let source = Source::new(path.as_str(), &std::fs::read(&path)?);
        let detection = detect(&source, None);
        println!("{path}: {} ({}): {}", detection.kind.name(), detection.dialect.name(), detection.reason);
        let mut diagnostics = Diagnostics::new();
        if detection.kind == FileKind::XendConfig {
            let config = xend::read(&source, &mut diagnostics);
            println!("network-script {:?}, vif-script {:?}", config.network_script, config.vif_script);
        } else if let Some(domain) = domain::read(&source, &Options::default(), &mut diagnostics) {
            println!("domain {:?}", domain.name());
            for vif in domain.effective_vifs(&Defaults::default()) {
                println!("{vif:?}");
            }
        }
        for diagnostic in &diagnostics {
            println!("{}\n", render(diagnostic, &source, Style::default()));
        }
        failed |= diagnostics.has_errors();
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
