use xenconf::check::{Checker, read_file};
use xenconf::convert;
use xenconf::diagnostic::Diagnostics;
use xenconf::diagnostic::render::{Style, render};
use xenconf::dialect::Dialect;
use xenconf::domain;
use xenconf::options::Options;
use xenconf::source::Source;

/// Takes a file the whole way. What it is converted to must be read by the language that it is converted to.
pub fn whole(bytes: &[u8], dialect: Option<Dialect>) {
    let options = Options { dialect, variables: vec![("vmid".into(), "5".into())], ..Options::default() };
    let mut reading = read_file("fuzz", bytes, &options);
    let mut checker = Checker::new(&options);
    checker.learn(&reading);
    checker.check(&mut reading);
    serde_json::to_string(&checker.report(&reading)).expect("a report is JSON");
    for diagnostic in &reading.diagnostics {
        let _ = render(diagnostic, &reading.source, Style::default());
    }
    let Some(domain) = reading.domain() else { return };
    let text = convert::to_xl(domain);
    let as_xl = Options { dialect: Some(Dialect::Xl), ..Options::default() };
    let mut found = Diagnostics::new();
    let converted = domain::read(&Source::new("xl", text.as_bytes()), &as_xl, &mut found);
    for found in &found {
        assert!(!found.kind.code.starts_with("X03"), "{found:?}\n{text}");
    }
    if let Some(name) = domain.name() {
        assert_eq!(converted.as_ref().and_then(|domain| domain.name()), Some(name), "{text}");
    }
    let text = convert::to_sxp(domain);
    let mut found = Diagnostics::new();
    let _ = xenconf::sxp::parse(&Source::new("sxp", text.as_bytes()), &mut found);
    assert!(!found.has_errors(), "{found:?}\n{text}");
}
