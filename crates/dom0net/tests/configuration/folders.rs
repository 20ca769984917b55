//! Folders: what is read in them, and what the files in them say of each other.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::program::Folder;

fn guest(name: &str, vif: &str) -> String {
    format!("name = '{name}'\ntype = 'pv'\nvif = [ '{vif}' ]\n")
}

/// The paths that were read, without the folder that was named.
fn read_in(folder: &Folder) -> Vec<String> {
    let files = folder.run(&["check", "--json", "."]).json();
    let paths = files.as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap());
    paths.map(|path| path.trim_start_matches("./").to_owned()).collect()
}

#[test]
fn files_are_read_in_the_order_of_their_names_and_folders_in_folders() {
    let folder = Folder::with(&[("b.cfg", ""), ("a.cfg", ""), ("sub/deep/c.cfg", ""), ("sub/a.cfg", "")]);
    assert_eq!(read_in(&folder), ["a.cfg", "b.cfg", "sub/a.cfg", "sub/deep/c.cfg"]);
}

#[test]
fn what_nothing_reads_is_passed_over() {
    let folder = Folder::with(&[
        ("web.cfg", ""),
        (".hidden.cfg", ""),
        ("web.cfg~", ""),
        ("#web.cfg#", ""),
        ("web.cfg.dpkg-old", ""),
        ("web.cfg.rpmsave", ""),
        (".git/config", ""),
    ]);
    assert!(Command::new("mkfifo").arg(folder.path("pipe")).status().unwrap().success());
    assert_eq!(read_in(&folder), ["web.cfg"]);
}

#[test]
fn a_file_that_is_linked_is_read_once_under_its_own_name() {
    let folder = Folder::with(&[("web.cfg", &guest("web", "mac=00:16:3e:00:00:01")), ("auto/.keep", "")]);
    symlink("../web.cfg", folder.path("auto/web")).unwrap();
    symlink("..", folder.path("auto/round")).unwrap();
    assert_eq!(read_in(&folder), ["web.cfg"]);
    assert_eq!(folder.run(&["check", "."]).printed(), "", "the link is no second guest");
}

#[test]
fn a_link_to_nothing_is_told() {
    let folder = Folder::with(&[("web.cfg", &guest("web", "")), ("auto/.keep", "")]);
    symlink("../gone.cfg", folder.path("auto/gone")).unwrap();
    let ran = folder.run(&["check", "."]);
    assert_eq!(ran.status, 2);
    assert_eq!(ran.stderr, "dom0net: cannot read ./auto/gone: No such file or directory (os error 2)\n");
}

#[test]
fn a_link_out_of_the_folder_is_followed() {
    let outside = Folder::with(&[("web.cfg", &guest("web", ""))]);
    let folder = Folder::new();
    symlink(outside.path("web.cfg"), folder.path("web")).unwrap();
    symlink(outside.path(""), folder.path("all")).unwrap();
    assert_eq!(read_in(&folder), ["web"], "and what it leads to is read once");
}

#[test]
fn guests_of_one_folder_are_compared() {
    let folder = Folder::with(&[
        ("a.cfg", &guest("a", "mac=00:16:3e:00:00:01,ip=10.0.0.1,vifname=web")),
        ("b.cfg", &guest("b", "mac=00:16:3E:00:00:01,ip=10.0.0.0/24,vifname=web")),
    ]);
    let ran = folder.run(&["check", "."]);
    assert_eq!(ran.status, 1);
    for said in [
        "error[X0706]: another guest has the address 00:16:3e:00:00:01\n --> ./b.cfg:3:14\n",
        "  = note: the other one is at ./a.cfg:3:14\n",
        "warning[X0905]: another guest on the same network may also use 10.0.0.0/24\n",
        "error[X0523]: another guest's interface is called `web`\n",
    ] {
        assert!(ran.stdout.contains(said), "{said}\nis not in\n{}", ran.stdout);
    }
}

#[test]
fn the_hosts_own_configuration_decides_about_its_guests() {
    let folder = Folder::with(&[
        ("aaa.cfg", &guest("aaa", "bridge=xenbr7,ip=10.0.0.1")),
        ("xend-config.sxp", "(network-script my-bridges)\n(vif-script vif-bridge)\n"),
        ("scripts/my-bridges", "#!/bin/sh\nnetwork-bridge \"$@\" vifnum=0\nnetwork-bridge \"$@\" vifnum=1\n"),
    ]);
    let ran = folder.run(&["check", "."]);
    assert!(ran.stdout.starts_with("warning[X1201]: nothing makes a bridge `xenbr7`\n"), "{}", ran.stdout);
    folder.write("aaa.cfg", guest("aaa", "bridge=xenbr1,ip=10.0.0.1"));
    assert_eq!(folder.run(&["check", "."]).printed(), "");
    folder.write("xl.conf", "vif.default.script = 'vif-route'\n");
    folder.write("aaa.cfg", guest("aaa", ""));
    assert_eq!(folder.run(&["check", "--json", "."]).codes(), ["X0903"], "a routed interface needs ip=");
}

#[test]
fn parts_of_scripts_are_no_domains() {
    let part = "dir=$(dirname \"$0\")\nif [ \"$type\" = vif ]\nthen\n  ip=${ip:-}\nfi\n";
    let folder = Folder::with(&[
        ("scripts/vif-common.sh", "dir=$(dirname \"$0\")\nip=${ip:-}\n"),
        ("scripts/functions", part),
        ("scripts/xen-backend.rules", "SUBSYSTEM==\"xen-backend\", ENV{script}=\"x\"\n"),
        ("README", "See the manual.\n\nWrite vif lines (one for each card), such as these.\n"),
    ]);
    assert_eq!(folder.run(&["check", "."]).printed(), "");
    assert_eq!(folder.run(&["check", "--for", "xl", "."]).printed(), "");
    let files = folder.run(&["check", "--json", "scripts"]).json();
    assert!(files.as_array().unwrap().iter().all(|file| file["kind"] == "script"), "{files}");
}

#[test]
fn many_files_are_no_burden() {
    let folder = Folder::new();
    fs::create_dir(folder.path("xen")).unwrap();
    for number in 0..3000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        let vif = format!("mac=00:16:3e:{a:02x}:{b:02x}:{c:02x},ip=10.{a}.{b}.{c},vifname=v{number}");
        folder.write(&format!("xen/vm{number}.cfg"), guest(&format!("vm{number}"), &vif));
    }
    // Twice as many files take twice as long, not four times: else this would take minutes.
    assert_eq!(folder.run(&["check", "xen"]).printed(), "");
}
