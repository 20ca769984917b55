#![no_main]
//! Any text is a vif spec, with or without faults.

use libfuzzer_sys::fuzz_target;
use xenconf::diagnostic::Diagnostics;
use xenconf::source::Span;
use xenconf::text::Text;
use xenconf::vif::{Context, Defaults, Toolstack, explain, parse};

fuzz_target!(|spec: &str| {
    for toolstack in [Toolstack::Xm, Toolstack::Xl] {
        let text = Text::verbatim(spec.to_owned(), 0, Span::new(0, spec.len()));
        let mut diagnostics = Diagnostics::new();
        let vif = parse(&text, toolstack, &mut diagnostics);
        let effective = vif.effective(&Context::new(toolstack), &Defaults::default(), 0);
        let _ = explain(&vif, &effective, toolstack);
        for found in &diagnostics {
            let span = found.span.expect("a place");
            assert!(spec.get(span.range()).is_some(), "{found:?}");
        }
    }
});
