//! Leaves out of the program as it is shipped what only unwinding needs, and puts together what a plug executes.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=without-unwinding.ld");
    println!("cargo::rerun-if-changed=plug-order.ld");
    let is = |name: &str, wanted: &str| env::var(name).is_ok_and(|value| value == wanted);
    // There a panic ends the program; test programs are built with another profile, and unwind.
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_ENV", "musl") {
        for script in ["without-unwinding.ld", "plug-order.ld"] {
            let folder = env!("CARGO_MANIFEST_DIR");
            println!("cargo::rustc-link-arg-bins=-Wl,-T,{folder}/{script}");
        }
    }
}
