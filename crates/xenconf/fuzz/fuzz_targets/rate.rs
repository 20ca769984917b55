#![no_main]
//! Both grammars of rates; what xl reads, xend reads the same, unless a number is octal or a unit is missing.

use libfuzzer_sys::fuzz_target;
use xenconf::rate::{has_octal, parse_xend, parse_xl};

fuzz_target!(|text: &str| {
    if let (Ok(xl), Ok(xend)) = (parse_xl(text), parse_xend(text))
        && !has_octal(text)
    {
        assert_eq!(xl, xend);
    }
});
