//! `dom0net explain`.

use crate::program::Folder;

#[test]
fn a_code_is_explained_with_an_example_and_what_is_said_of_it() {
    let text = Folder::new().run(&["explain", "x0111"]).printed();
    assert_eq!(
        text,
        "\
X0111 (warning): a value that is not read

A form takes the one value behind its name; what follows is not read, without a
word. The classic is

    Wrong:  (network-script network-bridge netdev=eth1)
    Right:  (network-script 'network-bridge netdev=eth1')

where the argument stands outside the quotes and the script runs without it.

An example:

xend-config.sxp:
    (network-script network-bridge netdev=eth1)

dom0net check xend-config.sxp says:

warning[X0111]: `network-script` takes one value; the rest is not read
 --> xend-config.sxp:1:32
  |
1 | (network-script network-bridge netdev=eth1)
  |                                ^^^^^^^^^^^ not read
  |
  = note: xend takes the first value of a form and ignores the others without a word
  = note: the script runs without these arguments
help: put script and arguments in one pair of quotes: (network-script 'network-bridge netdev=eth1')
  |
1 - (network-script network-bridge netdev=eth1)
1 + (network-script 'network-bridge netdev=eth1')
  |
"
    );
}

#[test]
fn all_codes_are_listed() {
    let folder = Folder::new();
    let list = folder.run(&["explain"]).printed();
    assert!(list.contains("\nX0601  error    a key of a vif that is not known\n"), "{list}");
    let as_json = folder.run(&["explain", "--json"]).json();
    assert_eq!(as_json.as_array().unwrap().len(), list.lines().count());
    assert_eq!(folder.run(&["explain", "--json", "X0601"]).json()[0]["severity"], "error");
}

/// Whoever tries an example sees what the explanation shows.
#[test]
fn every_example_can_be_tried() {
    let folder = Folder::new();
    let list = folder.run(&["explain"]).printed();
    for code in list.lines().map(|line| &line[..5]) {
        let kind = xenconf::diagnostic::find(code).unwrap();
        let example = xenconf::examples::of(kind).unwrap();
        if example.goes_on {
            continue;
        }
        let mut words = if example.is_converted { vec!["convert", "--to", "toml"] } else { vec!["check"] };
        words.extend(match example.dialect {
            Some(xenconf::dialect::Dialect::Xm) => vec!["--for", "xm"],
            Some(_) => vec!["--for", "xl"],
            None => vec![],
        });
        for file in example.beside.iter().chain([&example.file]) {
            folder.write(file.name, file.text);
            words.push(file.name);
        }
        let ran = folder.run(&words);
        let said = folder.run(&["explain", code]).printed();
        let shown = said.split_once(" says:\n\n").unwrap().1;
        assert!((ran.stdout.clone() + &ran.stderr).contains(shown), "{code}: {ran:?}\n{shown}");
    }
}

#[test]
fn an_unknown_code_is_refused() {
    let ran = Folder::new().run(&["explain", "X9999"]);
    assert_eq!((ran.status, &ran.stdout[..]), (1, ""));
    assert_eq!(ran.stderr, "dom0net: there is no code X9999; dom0net explain lists all of them\n");
}
