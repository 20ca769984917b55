#![no_main]
//! Any script is read, and its networks are written.

use libfuzzer_sys::fuzz_target;
use xenconf::diagnostic::Diagnostics;
use xenconf::native::Networks;
use xenconf::source::Source;

fuzz_target!(|bytes: &[u8]| {
    let _ = Networks::from_wrapper(&Source::new("fuzz", bytes), &mut Diagnostics::new()).to_toml();
});
