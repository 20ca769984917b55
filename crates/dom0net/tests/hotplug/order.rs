//! Which functions a plug executes, for the linker, which puts them side by side: `plug-order.ld`.
//!
//! Each plug begins a process, and the kernel maps sixteen pages of the program around the first that is touched. Strewn over four
//! megabytes, the functions of a plug made it do that forty times. To write the list anew, from a program that has its symbols:
//!
//! ```text
//! CARGO_PROFILE_RELEASE_STRIP=none cargo build --release --package dom0net --target x86_64-unknown-linux-musl --target-dir target/symbols
//! DOM0NET_PROGRAM=$PWD/target/symbols/x86_64-unknown-linux-musl/release/dom0net cargo test --package dom0net --test hotplug order -- --ignored
//! ```

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::costs::{callgrind, guard_another, shipped};
use crate::support::host::Host;

const HEAD: &str = "\
/* The functions that a plug executes, side by side, so that each plug touches few pages of the program: a tenth of what it takes.
   Written by tests/hotplug/order.rs, which says how. A name that is not there any more does no harm. */
";

/// The section of this function, whatever the hash of its compilation.
fn section(function: &str) -> Option<String> {
    let is_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '$' | '.');
    if function.starts_with("0x") || !function.chars().all(is_name) {
        return None;
    }
    if let Some((name, _)) = function.rsplit_once("17h").filter(|_| function.starts_with("_ZN")) {
        return Some(format!(".text.{name}17h*"));
    }
    // `Cs7BliBxkEZsN_4core`: a crate, behind what tells its versions apart.
    let mut parts = function.split("Cs");
    let mut pattern = format!(".text.{}", parts.next().unwrap_or_default());
    for part in parts {
        match part.split_once('_') {
            Some((_, rest)) => pattern.extend(["Cs*_", rest]),
            None => pattern.extend(["Cs", part]),
        }
    }
    Some(pattern)
}

/// The names of all functions that callgrind tells of, as callers or as called.
fn functions(profile: &str) -> impl Iterator<Item = &str> {
    let named = profile.lines().filter_map(|line| line.strip_prefix("fn=(").or(line.strip_prefix("cfn=(")));
    // `(7) name'2`: a function in its own second call.
    named.filter_map(|rest| Some(rest.split_once(") ")?.1.split('\'').next().unwrap_or_default()))
}

#[test]
fn hashes_are_left_out() {
    let legacy = "_ZN9netkernel4link8question17h8e44a8bcb3b295a7E";
    assert_eq!(section(legacy).unwrap(), ".text._ZN9netkernel4link8question17h*");
    assert_eq!(
        section("_RNvNtCsaz6eC2DG7lh_3std3env9___var_os").unwrap(),
        ".text._RNvNtCs*_3std3env9___var_os"
    );
    assert_eq!(section("memcpy").unwrap(), ".text.memcpy");
    assert_eq!(section("(below main)"), None);
    assert_eq!(functions("fn=(1) a\n+3 4\ncfn=(2) b'2\ncalls=1 0\nfn=(1)\n").collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
#[ignore = "writes plug-order.ld anew"]
fn write_what_a_plug_executes() {
    let valgrind = testkit::program("valgrind").unwrap();
    let host = Host::with_bridge_and_vif().unwrap();
    let (_, script) = shipped(&host).unwrap();
    host.write("ip", "10.0.0.1 2001:db8::1");
    let mut sections = BTreeSet::new();
    let mut run = |word| {
        let profile = callgrind(&host, &valgrind, &script, &[word, "type_if=vif"]);
        sections.extend(functions(&profile).filter_map(section));
    };
    ["online", "offline"].into_iter().for_each(&mut run);
    host.namespace.run(guard_another).unwrap();
    ["online", "offline"].into_iter().for_each(run);
    assert!(sections.len() > 100, "a program without symbols");
    let lines: Vec<String> = sections.iter().map(|section| format!("    *({section})\n")).collect();
    let lines = lines.concat();
    let text = format!("{HEAD}SECTIONS\n{{\n  .text.plug :\n  {{\n{lines}  }}\n}}\nINSERT BEFORE .text;\n");
    fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("plug-order.ld"), text).unwrap();
}
