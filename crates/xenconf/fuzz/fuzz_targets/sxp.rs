#![no_main]
//! What is read is written and read back the same, in a file without faults.

use libfuzzer_sys::fuzz_target;
use xenconf::diagnostic::Diagnostics;
use xenconf::source::Source;
use xenconf::sxp::{parse, print};

fuzz_target!(|bytes: &[u8]| {
    let mut diagnostics = Diagnostics::new();
    let tree = parse(&Source::new("fuzz", bytes), &mut diagnostics);
    let written: Vec<String> = tree.roots().map(print).collect();
    let written = written.join("\n");
    let mut found = Diagnostics::new();
    let again = parse(&Source::new("written", written.as_bytes()), &mut found);
    assert!(!found.has_errors(), "{written}");
    assert_eq!(tree, again, "{written}");
});
