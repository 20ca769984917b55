//! The program as it is shipped.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cargo::cargo;
use crate::elf;
use crate::outcome::Outcome;
use crate::places::Places;
use crate::program::{Program, Ran};
use crate::report::Report;

/// The target with a C library that is linked in: the program runs in any dom0, and starts in half the time.
pub(super) const STATIC_TARGET: &str = "x86_64-unknown-linux-musl";

/// No more than this, in bytes: the program is read from the disk for each interface of each guest.
const LARGEST: usize = 4 << 20;

pub(super) fn run(places: &Places, report: &mut Report) {
    report.check("build for this machine's C library", || {
        cargo(places, "build-dynamic", &["build", "--quiet", "--workspace", "--all-features"]).check()
    });
    report.check("build the static program", || match program(places) {
        Err(reason) => Outcome::skipped(reason),
        Ok(Err(ran)) => Outcome::failed(ran.all()),
        Ok(Ok(program)) => static_and_small(&program),
    });
}

/// Builds the program, and says where it is; or what the compiler said. An error is why it cannot be built here.
pub(super) fn program(places: &Places) -> Result<Result<PathBuf, Ran>, String> {
    if !has_static_target(places) {
        return Err(format!(
            "the Rust compiler has no target {STATIC_TARGET}; rustup target add {STATIC_TARGET}"
        ));
    }
    let arguments = ["build", "--quiet", "--release", "--package=dom0net", "--target", STATIC_TARGET];
    let ran = cargo(places, "build-static", &arguments).run().map_err(|error| error.to_string())?;
    Ok(if ran.succeeded() { Ok(shipped(places)) } else { Err(ran) })
}

/// Where the program is, if it was built.
pub(super) fn shipped(places: &Places) -> PathBuf {
    places.target.join(STATIC_TARGET).join("release/dom0net")
}

/// True when the compiler can make static programs.
pub(super) fn has_static_target(places: &Places) -> bool {
    let mut ask = Program::new(places, "static-target", "rustc");
    let ran = ask.args(["--print=target-libdir", "--target", STATIC_TARGET]).run();
    ran.is_ok_and(|ran| ran.succeeded() && Path::new(ran.stdout.trim()).is_dir())
}

fn static_and_small(program: &Path) -> Outcome {
    let file = match fs::read(program) {
        Ok(file) => file,
        Err(error) => return Outcome::failed(format!("{}: {error}", program.display())),
    };
    let size = file.len();
    match elf::needs_linker(&file) {
        None => Outcome::failed(format!("{} is no ELF program", program.display())),
        Some(true) => Outcome::failed(format!("{} needs a dynamic linker", program.display())),
        Some(false) if size >= LARGEST => Outcome::failed(format!("{size} bytes, of at most {LARGEST}")),
        Some(false) => Outcome::passed(),
    }
}
