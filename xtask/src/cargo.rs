//! Asking cargo: calls of it, and what it answers in JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::places::Places;
use crate::program::Program;

/// A call of cargo.
pub(crate) fn cargo(places: &Places, title: &str, arguments: &[&str]) -> Program {
    let mut program = Program::new(places, title, "cargo");
    program.args(arguments);
    program
}

/// A program with tests that cargo has built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TestProgram {
    /// Crate and target, for people: `netkernel: links`, or `netkernel` for the tests of the library itself.
    pub(crate) title: String,
    /// The crate.
    pub(crate) package: String,
    /// The file.
    pub(crate) file: PathBuf,
    /// The folder of the crate, in which cargo would run it.
    pub(crate) folder: PathBuf,
}

/// The test programs that `cargo test --no-run --message-format=json` tells of, in an order that does not change.
pub(crate) fn test_programs(messages: &str) -> Vec<TestProgram> {
    let mut programs: Vec<TestProgram> = messages.lines().filter_map(test_program).collect();
    programs.sort_by(|one, other| one.title.cmp(&other.title));
    programs
}

fn test_program(message: &str) -> Option<TestProgram> {
    let message: Value = serde_json::from_str(message).ok()?;
    if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
        return None;
    }
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_owned();
    let package = folder.file_name()?.to_str()?.to_owned();
    let target = message["target"]["name"].as_str()?;
    let kind = message["target"]["kind"].get(0)?.as_str()?;
    let title = match kind {
        "lib" => package.clone(),
        "test" => format!("{package}: {target}"),
        _ => format!("{package}: {kind} {target}"),
    };
    Some(TestProgram { title, package, file: message["executable"].as_str()?.into(), folder })
}

/// A crate, as `cargo metadata` knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Its licence expression.
    pub(crate) licence: Option<String>,
}

/// What `cargo metadata` answers.
#[derive(Debug)]
pub(crate) struct Metadata(Value);

impl Metadata {
    /// Reads the answer; none when it is not JSON.
    pub(crate) fn parse(answer: &str) -> Option<Self> {
        serde_json::from_str(answer).ok().map(Self)
    }

    /// The crates that a program of the workspace is made of: itself, and all that it and they depend on, but for what is
    /// needed for their tests or build scripts only. None: there is no such crate.
    pub(crate) fn parts_of(&self, name: &str) -> Option<Vec<Package>> {
        let packages: BTreeMap<&str, &Value> = list(&self.0["packages"])
            .filter_map(|package| Some((package["id"].as_str()?, package)))
            .collect();
        let nodes: BTreeMap<&str, &Value> =
            list(&self.0["resolve"]["nodes"]).filter_map(|node| Some((node["id"].as_str()?, node))).collect();
        let members = list(&self.0["workspace_members"]).filter_map(Value::as_str);
        let start =
            members.into_iter().find(|id| packages.get(id).is_some_and(|member| member["name"] == name))?;
        let mut found = BTreeSet::from([start]);
        let mut open = vec![start];
        while let Some(id) = open.pop() {
            for dependency in list(&nodes.get(id)?["deps"]).filter(|dependency| is_linked(dependency)) {
                let id = dependency["pkg"].as_str()?;
                if found.insert(id) {
                    open.push(id);
                }
            }
        }
        found.into_iter().map(|id| package(packages.get(id)?)).collect()
    }

    /// The names of the crates from elsewhere that crates of the workspace depend on, for whatever.
    pub(crate) fn third_party(&self) -> BTreeSet<String> {
        let members: BTreeSet<&str> = list(&self.0["workspace_members"]).filter_map(Value::as_str).collect();
        list(&self.0["packages"])
            .filter(|package| package["id"].as_str().is_some_and(|id| members.contains(id)))
            .flat_map(|package| list(&package["dependencies"]))
            .filter(|dependency| dependency["source"].is_string())
            .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
            .collect()
    }
}

fn package(value: &Value) -> Option<Package> {
    Some(Package {
        name: value["name"].as_str()?.to_owned(),
        version: value["version"].as_str()?.to_owned(),
        licence: value["license"].as_str().map(str::to_owned),
    })
}

/// An ordinary dependency has no kind; others are `dev` and `build`.
fn is_linked(dependency: &Value) -> bool {
    list(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_programs_are_told_from_what_else_is_built() {
        let messages = r#"
{"reason":"compiler-artifact","manifest_path":"/x/crates/netkernel/Cargo.toml","target":{"kind":["test"],"name":"links"},"profile":{"test":true},"executable":"/t/links-1"}
{"reason":"compiler-artifact","manifest_path":"/x/crates/netkernel/Cargo.toml","target":{"kind":["lib"],"name":"netkernel"},"profile":{"test":true},"executable":"/t/netkernel-2"}
{"reason":"compiler-artifact","manifest_path":"/x/crates/dom0net/Cargo.toml","target":{"kind":["bin"],"name":"dom0net"},"profile":{"test":false},"executable":"/t/dom0net"}
{"reason":"compiler-artifact","manifest_path":"/y/libc/Cargo.toml","target":{"kind":["lib"],"name":"libc"},"profile":{"test":false},"executable":null}
{"reason":"build-finished","success":true}
"#;
        let programs = test_programs(messages);
        let titles: Vec<&str> = programs.iter().map(|program| &program.title[..]).collect();
        assert_eq!(titles, ["netkernel", "netkernel: links"]);
        assert_eq!(programs[1].file, Path::new("/t/links-1"));
        assert_eq!(programs[1].folder, Path::new("/x/crates/netkernel"));
    }

    /// A program `app` with the library `a`, whose build script needs `b` and whose tests need `c`; and a tool `x`.
    const METADATA: &str = r#"{
        "workspace_members": ["app#1", "x#1"],
        "packages": [
            {"id":"app#1","name":"app","version":"1.0.0","license":"MIT","dependencies":[
                {"name":"a","source":"registry"},{"name":"x","source":null}]},
            {"id":"x#1","name":"x","version":"1.0.0","license":"MIT","dependencies":[{"name":"d","source":"registry"}]},
            {"id":"a#1","name":"a","version":"2.0.0","license":"ISC","dependencies":[{"name":"e","source":"registry"}]},
            {"id":"b#1","name":"b","version":"1.0.0","license":"GPL-2.0","dependencies":[]},
            {"id":"c#1","name":"c","version":"1.0.0","license":"GPL-2.0","dependencies":[]},
            {"id":"e#1","name":"e","version":"1.0.0","license":null,"dependencies":[]}],
        "resolve": {"nodes": [
            {"id":"app#1","deps":[{"pkg":"a#1","dep_kinds":[{"kind":null},{"kind":"dev"}]}]},
            {"id":"a#1","deps":[{"pkg":"b#1","dep_kinds":[{"kind":"build"}]},{"pkg":"c#1","dep_kinds":[{"kind":"dev"}]},
                {"pkg":"e#1","dep_kinds":[{"kind":null}]}]},
            {"id":"e#1","deps":[{"pkg":"a#1","dep_kinds":[{"kind":null}]}]}]}
    }"#;

    #[test]
    fn a_program_is_made_of_what_it_links() {
        let parts = Metadata::parse(METADATA).unwrap().parts_of("app").unwrap();
        let names: Vec<&str> = parts.iter().map(|part| &part.name[..]).collect();
        assert_eq!(names, ["a", "app", "e"]);
        assert_eq!(parts[0].licence.as_deref(), Some("ISC"));
        assert_eq!(parts[2].licence, None);
    }

    #[test]
    fn a_program_that_is_not_there_has_no_parts() {
        assert_eq!(Metadata::parse(METADATA).unwrap().parts_of("a"), None);
    }

    #[test]
    fn what_comes_from_elsewhere_is_known_for_all_of_the_workspace() {
        let third_party = Metadata::parse(METADATA).unwrap().third_party();
        assert_eq!(third_party.into_iter().collect::<Vec<_>>(), ["a", "d"]);
    }
}
