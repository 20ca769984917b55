#![no_main]
//! Any file for xm is read, checked, reported and converted.

use libfuzzer_sys::fuzz_target;
use xenconf::dialect::Dialect;

#[path = "common/mod.rs"]
mod common;

fuzz_target!(|bytes: &[u8]| common::whole(bytes, Some(Dialect::Xm)));
