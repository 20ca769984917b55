//! The program, under all its names. See the library for what it does.
//!
//! Toolstacks call it `vif-bridge`, once for each interface of each guest: then nothing of the command line is touched.
#![forbid(unsafe_code)]

mod cli;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use dom0net::hotplug::{Action, Mode};

/// musl's own allocator asks the kernel for memory page by page, and gives each back: half a hundred system calls in a plug.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let called = arguments.next().unwrap_or_default();
    let name = Path::new(&called).file_name().unwrap_or_default();
    let name = name.to_str().unwrap_or_default();
    if let Some(mode) = Mode::of_script(name) {
        return ExitCode::from(vif_script(mode, arguments));
    }
    ExitCode::from(match name {
        "network-bridge" => cli::network_bridge::run(arguments),
        "vif-setup" => dom0net::hotplug::vif_setup(arguments, |name| std::env::var_os(name)),
        "qemu-ifup" => dom0net::hotplug::qemu_script(Action::Appeared, arguments),
        "qemu-ifdown" => dom0net::hotplug::qemu_script(Action::Gone, arguments),
        dom0net::dhcp::SCRIPT => dom0net::dhcp::run_script(arguments, |name| std::env::var_os(name)),
        "network-nat" => cli::network_nat::run(arguments),
        "network-route" => cli::network_route::run(arguments),
        _ => cli::run(),
    })
}

fn vif_script(mode: Mode, arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let mut arguments = arguments.into_iter().peekable();
    if arguments.peek().is_some_and(|word| word == "--help" || word == "-h") {
        cli::output::out(&cli::vif_script::help(mode));
        return 0;
    }
    dom0net::hotplug::run(mode, arguments, |name| std::env::var_os(name))
}
