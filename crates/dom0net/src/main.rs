//! The program, under all its names. See the library for what it does.
//!
//! Toolstacks call it `vif-bridge`, once for each interface of each guest: then nothing of the command line is touched.
#![forbid(unsafe_code)]

mod cli;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let called = arguments.next().unwrap_or_default();
    let name = Path::new(&called).file_name().unwrap_or_default();
    ExitCode::from(match name.to_str() {
        Some("vif-bridge") => vif_bridge(arguments),
        Some("network-bridge") => cli::network_bridge::run(arguments),
        _ => cli::run(),
    })
}

fn vif_bridge(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    dom0net::hotplug::vif_bridge("vif-bridge", arguments, |name| std::env::var_os(name))
}
