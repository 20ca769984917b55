//! A folder of files, and the program run in it.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value as Json;
use tempfile::TempDir;

/// Where in the folder a xenstore is, if there is one.
pub(crate) const XENSTORED: &str = "xenstored";

pub(crate) struct Folder {
    folder: TempDir,
}

/// What a call of the program came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder with these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self::new();
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        self.run_with(words, b"")
    }

    /// Runs the program with this on its standard input.
    pub(crate) fn run_with(&self, words: &[&str], input: &[u8]) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dom0net"))
            .args(words)
            .current_dir(self.folder.path())
            .env("XENSTORED_PATH", self.path(XENSTORED))
            .env("DOM0NET_RUNTIME_DIR", self.path("run"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that does not read its input closes it.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        Ran {
            status: output.status.code().expect("it was ended by a signal"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The codes of all findings, file by file, from `check --json`.
    pub(crate) fn codes(&self) -> Vec<String> {
        let files = self.json();
        let problems = files.as_array().unwrap().iter().flat_map(|file| file["problems"].as_array().unwrap());
        problems.map(|problem| problem["code"].as_str().unwrap().to_owned()).collect()
    }

    /// What was printed, when the program succeeded and had nothing to complain of.
    #[track_caller]
    pub(crate) fn printed(self) -> String {
        assert_eq!((self.status, &self.stderr[..]), (0, ""), "{}", self.stdout);
        self.stdout
    }
}
