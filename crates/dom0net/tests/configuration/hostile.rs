//! Files that were not written by friends.

use std::time::{Duration, Instant};

use crate::program::Folder;

#[test]
fn old_clothes_are_read_and_told() {
    let folder = Folder::new();
    folder.write("crlf.cfg", "name = 'a'\r\ntype = 'pv'\r\n");
    folder.write("bom.cfg", "\u{feff}name = 'b'\ntype = 'pv'\n");
    folder.write("latin1", b"# caf\xe9\nname = 'c'\ndhcp = 'dhcp'\n");
    folder.write("end.cfg", "name = 'd'\ntype = 'pv'\n# end");
    folder.write("utf16.cfg", b"\xff\xfen\0a\0m\0e\0=\0'\0e\0'\0");
    for (file, code, status) in [
        ("crlf.cfg", "X0002", 0),
        ("bom.cfg", "X0001", 0),
        ("latin1", "X0003", 0),
        ("end.cfg", "X0005", 0),
        ("utf16.cfg", "X0007", 1),
    ] {
        let ran = folder.run(&["check", "--json", file]);
        assert_eq!((ran.codes(), ran.status), (vec![code.to_owned()], status), "{file}");
    }
    assert_eq!(folder.run(&["check", "--json", "latin1"]).json()[0]["name"], "c");
}

#[test]
fn nothing_in_a_file_reaches_the_terminal_as_a_command() {
    let folder = Folder::new();
    let mac = "'mac=00:16:3e:00:00:01'";
    let evil = format!(
        "name = '\x1b]0;owned\x07\x1b[2J'\ntype = 'pv'\nvif = [ '\x1b[31mkey=\x1b[0m', {mac}, {mac} ]\n\x1b[2J\n"
    );
    folder.write("evil.cfg", &evil);
    folder.write("\x1b[2J.cfg", &evil);
    for words in [
        &["check", "evil.cfg"][..],
        &["check", "--json", "evil.cfg"],
        &["convert", "evil.cfg", "--to", "toml"],
        &["mac", "check", "evil.cfg"],
        &["check", "\x1b[2J.cfg"],
        &["check", "missing\x1b[2J.cfg"],
        &["vif-spec", "\x1b[2Jx=\x07"],
    ] {
        let ran = folder.run(words);
        let text = ran.stdout + &ran.stderr;
        assert!(!text.contains(['\x1b', '\x07']), "{words:?}: {text:?}");
    }
}

#[test]
fn nesting_without_end_comes_to_an_end() {
    let folder = Folder::new();
    folder.write("deep.sxp", "(".repeat(200_000));
    folder.write("wide.sxp", "(a ".repeat(60_000));
    folder.write("deep.cfg", format!("name = 'a'\nvif = {}", "[".repeat(200_000)));
    folder.write("deep", format!("import os\nvif = {}", "(".repeat(200_000)));
    folder.write("minus", format!("import os\nvif = {}1", "-".repeat(200_000)));
    folder.write("script", format!("#!/bin/sh\n{}", "$(`".repeat(60_000)));
    for file in ["deep.sxp", "wide.sxp", "deep.cfg", "deep", "minus", "script"] {
        let begun = Instant::now();
        let ran = folder.run(&["check", "--json", file]);
        assert!(ran.status <= 1, "{file}: {ran:?}");
        assert_eq!(ran.json().as_array().unwrap().len(), 1, "{file}");
        assert!(begun.elapsed() < Duration::from_secs(30), "{file} took {:?}", begun.elapsed());
    }
}

#[test]
fn a_line_of_megabytes_is_no_trap() {
    let folder = Folder::new();
    folder.write(
        "addresses.cfg",
        format!("name = 'a'\ntype = 'pv'\nvif = [ 'ip={}' ]\n", "10.0.0.1 ".repeat(100_000)),
    );
    let begun = Instant::now();
    assert_eq!(folder.run(&["check", "addresses.cfg"]).status, 0);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn more_findings_than_anyone_reads_are_counted() {
    let folder = Folder::new();
    folder.write("many.cfg", format!("name = 'a'\ntype = 'pv'\nvif = [ {} ]\n", "'mac=zz', ".repeat(500)));
    let ran = folder.run(&["check", "many.cfg"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stdout.contains("note: many.cfg: 300 more findings are left out\n"));
}

#[test]
fn a_file_of_another_world_ends_well() {
    let folder = Folder::new();
    let noise: Vec<u8> = (0..200_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    folder.write("noise", &noise);
    folder.write("empty", "");
    assert_eq!(folder.run(&["check", "--json", "noise"]).codes(), ["X0009"]);
    assert_eq!(folder.run(&["check", "empty"]).status, 0);
}
