//! Debian's own commands against our server: they cannot tell it from xenstored.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use xenstore::{Client, Requests, Server, ServerHandle};

use crate::packages;

struct Tools {
    server: ServerHandle,
    _folder: TempDir,
}

impl Tools {
    /// A server, if the commands are there.
    fn or_skip() -> Option<Self> {
        let commands = ["ls", "read", "write", "rm", "chmod", "list", "exists", "watch"];
        for command in commands {
            if packages::tool(&format!("xenstore-{command}")).is_none() {
                testkit::skip!("no xenstore-{command}: xenstore-utils is missing");
                return None;
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let server = Server::bind(folder.path().join("socket")).unwrap().spawn().unwrap();
        Some(Self { server, _folder: folder })
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = packages::command(program);
        command.env("XENSTORED_PATH", self.server.path());
        command
    }

    fn tool(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = self.command(&packages::tool(&format!("xenstore-{name}")).unwrap());
        command.args(arguments);
        command
    }

    /// Runs a command and gives its output and whether it succeeded.
    fn run(&self, name: &str, arguments: &[&str]) -> (String, bool) {
        let output = self.tool(name, arguments).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.success())
    }

    fn done(&self, name: &str, arguments: &[&str]) -> String {
        let (output, succeeded) = self.run(name, arguments);
        assert!(succeeded, "xenstore-{name} {arguments:?}");
        output
    }

    fn client(&self) -> Client {
        Client::connect(self.server.path()).unwrap()
    }
}

#[test]
fn nodes_are_written_read_listed_and_removed() {
    let Some(tools) = Tools::or_skip() else { return };
    tools.done("write", &["/a/b", "one", "/a/c", "two words"]);
    assert_eq!(tools.done("read", &["/a/b", "/a/c"]), "one\ntwo words\n");
    assert_eq!(tools.done("list", &["/a"]), "b\nc\n");
    assert_eq!(tools.done("ls", &["/a"]), "b = \"one\"\nc = \"two words\"\n");
    assert_eq!(tools.run("exists", &["/a/b"]), (String::new(), true));
    tools.done("rm", &["/a/b"]);
    assert_eq!(tools.run("exists", &["/a/b"]), (String::new(), false));
    assert_eq!(tools.run("read", &["/a/b"]), (String::new(), false));
    assert_eq!(tools.done("list", &["/"]), "tool\na\n");
}

#[test]
fn removing_with_empty_parents_works() {
    let Some(tools) = Tools::or_skip() else { return };
    tools.done("write", &["/x/y/z", "1"]);
    tools.done("rm", &["-t", "/x/y/z"]);
    assert!(!tools.client().exists("/x").unwrap());
}

#[test]
fn permissions_are_changed_and_shown() {
    let Some(tools) = Tools::or_skip() else { return };
    tools.done("write", &["/p/q", "1"]);
    tools.done("chmod", &["-r", "/p", "n0", "r5", "b6"]);
    assert_eq!(tools.client().permissions("/p/q").unwrap().unwrap().to_string(), "n0,r5,b6");
    let shown = tools.done("ls", &["-fp", "/p"]);
    assert_eq!(shown, "/p/q = \"1\"   (n0,r5,b6)\n");
}

#[test]
fn a_list_longer_than_a_message_is_shown() {
    let Some(tools) = Tools::or_skip() else { return };
    tools.client().write_each((0..2000).map(|number| (format!("/many/{number}"), "1"))).unwrap();
    assert_eq!(tools.done("ls", &["/many"]).lines().count(), 2000);
    assert_eq!(tools.done("list", &["/many"]).lines().count(), 2000);
}

/// Kills a command that waits for ever.
struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn changes_are_watched() {
    let Some(tools) = Tools::or_skip() else { return };
    let mut watching =
        Waiting(tools.tool("watch", &["-n", "4", "/w", "relative"]).stdout(Stdio::piped()).spawn().unwrap());
    let output = watching.0.stdout.take().unwrap();
    let mut lines = BufReader::new(output).lines().map(Result::unwrap);
    assert_eq!(lines.next().as_deref(), Some("/w"));
    assert_eq!(lines.next().as_deref(), Some("relative"));
    tools.client().write("/w/x", "1").unwrap();
    assert_eq!(lines.next().as_deref(), Some("/w/x"));
    tools.client().write("/local/domain/0/relative/y", "1").unwrap();
    assert_eq!(lines.next().as_deref(), Some("relative/y"));
    assert!(watching.0.wait().unwrap().success());
}

#[test]
fn xens_own_test_program_passes() {
    let Some(tools) = Tools::or_skip() else { return };
    let Some(program) = packages::xen_program("test-xenstore") else {
        return testkit::skip!("no test-xenstore: xen-utils-4.17 is missing");
    };
    let output = tools.command(&program).args(["-i", "20"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !text.contains("failed"), "{text}");
    assert!(text.lines().count() >= 10, "{text}");
    // Transactions against each other, for a second.
    let output = tools.command(&program).args(["-r", "1"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_control_program_asks_for_quotas() {
    let Some(tools) = Tools::or_skip() else { return };
    let Some(program) = packages::xen_program("xenstore-control") else {
        return testkit::skip!("no xenstore-control: xen-utils-4.17 is missing");
    };
    let output = tools.command(&program).args(["quota", "set", "nodes", "7"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(tools.client().control(&["quota"]).unwrap().contains("nodes            :        7"));
}
