//! `dom0net check`.

use serde_json::json;

use crate::program::Folder;

const GOOD: &str = "name = 'web'\ntype = 'pv'\nvif = [ 'mac=00:16:3e:00:00:01' ]\n";
const BAD: &str = "name = 'db'\ntype = 'pv'\nvif = [ 'brigde=xenbr1' ]\n";

#[test]
fn a_finding_is_shown_with_its_place_its_reason_and_its_repair() {
    let ran = Folder::with(&[("db.cfg", BAD)]).run(&["check", "db.cfg"]);
    assert_eq!((ran.status, &ran.stderr[..]), (1, ""));
    assert_eq!(
        ran.stdout,
        "\
error[X0601]: xl does not know the key `brigde`
 --> db.cfg:3:10
  |
3 | vif = [ 'brigde=xenbr1' ]
  |          ^^^^^^
  |
  = note: xl prints a message and creates the interface without this setting; network-attach refuses it
help: did you mean `bridge`?
  |
3 - vif = [ 'brigde=xenbr1' ]
3 + vif = [ 'bridge=xenbr1' ]
  |

note: db.cfg was held against the rules of xl: it sets `type`, which only xl knows. --for xm takes the others

"
    );
}

#[test]
fn nothing_is_said_of_good_files_when_nobody_looks() {
    let folder = Folder::with(&[("web.cfg", GOOD)]);
    assert_eq!(folder.run(&["check", "web.cfg"]).printed(), "");
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    assert_eq!(folder.run(&["check", examples]).printed(), "", "the project's own examples");
}

#[test]
fn the_exit_status_tells_errors_from_warnings_and_from_what_cannot_be_read() {
    let folder = Folder::with(&[("good.cfg", GOOD), ("bad.cfg", BAD)]);
    folder.write("warning.cfg", "name = 'a'\ntype = 'pv'\nmemroy = 64\n");
    for (words, status) in [
        (&["good.cfg"][..], 0),
        (&["warning.cfg"], 0),
        (&["bad.cfg"], 1),
        (&["good.cfg", "bad.cfg"], 1),
        (&["good.cfg", "missing.cfg"], 2),
        (&["bad.cfg", "missing.cfg"], 2),
        (&[], 2),
        (&["--for", "virsh", "good.cfg"], 2),
        (&["--var", "vmid", "good.cfg"], 2),
        (&["--json", "--format", "sarif", "good.cfg"], 2),
    ] {
        for format in [&[][..], &["--json"]] {
            let ran = folder.run(&[&["check"], format, words].concat());
            assert_eq!(ran.status, status, "{words:?}: {ran:?}");
        }
    }
    let ran = folder.run(&["check", "missing.cfg", "bad.cfg"]);
    assert_eq!(ran.stderr, "dom0net: cannot read missing.cfg: No such file or directory (os error 2)\n");
    assert!(ran.stdout.contains("error[X0601]"), "the other file is checked all the same");
}

#[test]
fn json_has_an_object_for_each_file_with_these_fields() {
    let folder = Folder::with(&[("web.cfg", GOOD), ("db.cfg", BAD)]);
    let ran = folder.run(&["check", "--json", "web.cfg", "db.cfg"]);
    assert_eq!((ran.status, &ran.stderr[..]), (1, ""));
    let files = ran.json();
    let names: Vec<&String> = files[0].as_object().unwrap().keys().collect();
    let mut expected = [
        "path",
        "kind",
        "dialect",
        "network_script",
        "vif_script",
        "settings",
        "name",
        "vifs",
        "pci",
        "backends",
        "kernel_ip",
        "problems",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!((&files[0]["path"], &files[1]["path"]), (&json!("web.cfg"), &json!("db.cfg")));
    assert_eq!(files[0]["vifs"][0]["mac"], "00:16:3e:00:00:01");
    assert_eq!(files[0]["vifs"][0]["effective"]["bridge"], "xenbr0");
    assert_eq!(
        files[1]["problems"],
        json!([{
            "severity": "error",
            "code": "X0601",
            "line": 3,
            "column": 10,
            "end_column": 16,
            "message": "xl does not know the key `brigde`",
            "help": "did you mean `bridge`?",
        }])
    );
}

#[test]
fn json_stays_json_when_nothing_can_be_read() {
    let ran = Folder::new().run(&["check", "--json", "missing"]);
    assert_eq!((ran.status, ran.json()), (2, json!([])));
}

#[test]
fn sarif_is_written_for_editors() {
    let folder = Folder::with(&[("web.cfg", GOOD), ("db.cfg", BAD)]);
    let ran = folder.run(&["check", "--format", "sarif", "web.cfg", "db.cfg"]);
    assert_eq!(ran.status, 1);
    let log = ran.json();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "dom0net");
    assert_eq!(run["results"].as_array().unwrap().len(), 1);
    assert_eq!(run["results"][0]["ruleId"], "X0601");
    let place = &run["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "db.cfg");
    assert_eq!(place["region"]["startLine"], 3);
}

#[test]
fn standard_input_is_a_file_too() {
    let ran = Folder::new().run_with(&["check", "-"], BAD.as_bytes());
    assert_eq!(ran.status, 1);
    assert!(ran.stdout.contains(" --> -:3:10\n"), "{}", ran.stdout);
}

#[test]
fn a_program_can_be_chosen() {
    let folder = Folder::with(&[("a", "name = 'a'\nvif = [ 'script=vif-bridge x=y' ]\n")]);
    assert_eq!(folder.run(&["check", "--json", "--for", "xl", "a"]).codes(), ["X0630"]);
    let as_xm = folder.run(&["check", "--for", "xm", "a"]);
    assert_eq!((as_xm.status, &as_xm.stdout[..]), (0, ""));
}

#[test]
fn variables_are_given_as_to_xm() {
    let text = "vmid = int(vmid)\nname = 'vm%d' % vmid\nvif = [ 'mac=aa:00:00:00:00:%02x' % vmid ]\n";
    let folder = Folder::with(&[("vm", text)]);
    assert_eq!(folder.run(&["check", "--json", "vm"]).codes()[0], "X0211");
    let ran = folder.run(&["check", "--json", "--var", "vmid=12", "vm"]);
    assert_eq!(ran.json()[0]["name"], "vm12");
    assert_eq!(ran.json()[0]["vifs"][0]["mac"], "aa:00:00:00:00:0c");
}

#[test]
fn the_hosts_bridges_can_be_named() {
    let folder = Folder::with(&[("a.cfg", "name = 'a'\ntype = 'pv'\nvif = [ 'bridge=br1' ]\n")]);
    assert_eq!(folder.run(&["check", "a.cfg"]).printed(), "");
    let ran = folder.run(&["check", "--bridge", "br0", "a.cfg"]);
    assert_eq!(ran.status, 0);
    assert!(ran.stdout.starts_with("warning[X1201]: nothing makes a bridge `br1`\n"), "{}", ran.stdout);
}

#[test]
fn what_is_named_and_is_no_configuration_is_an_error() {
    let folder = Folder::with(&[("fstab", "/dev/sda1 / ext3 defaults 0 1\n")]);
    assert_eq!(folder.run(&["check", "--json", "fstab"]).codes(), ["X0010"]);
    assert_eq!(folder.run(&["check", "."]).printed(), "", "a folder may hold anything");
    assert!(folder.run(&["check", "--json", "--for", "xl", "fstab"]).codes().contains(&"X0301".to_owned()));
}
