#![no_main]
//! A PCI device that is read is written and read back the same.

use libfuzzer_sys::fuzz_target;
use xenconf::pci::{parse_xl, parse_xm};
use xenconf::source::Span;

fuzz_target!(|text: &str| {
    if let Ok(device) = parse_xl(text, Span::default()) {
        let written = device.xl_specs().concat();
        assert_eq!(parse_xl(&written, Span::default()).expect("written"), device, "{written}");
    }
    if let Ok(device) = parse_xm(text, Span::default()) {
        for spec in device.xl_specs() {
            parse_xl(&spec, Span::default()).expect("xl takes what is written for it");
        }
    }
});
