//! Files in the shapes of twenty years, each with what is to be said of it beside it in a file `.expect`.
//!
//! The files of one folder are checked together, as those of `/etc/xen` are. A file `OPTIONS` in a folder says
//! how: `for xl`, `var vmid=5`. `UPDATE_EXPECT=1 cargo test -p xenconf --test corpus` writes the expectations
//! anew; read the difference before you keep it.

#![expect(clippy::unwrap_used, reason = "a panic is a test's way of failing")]
#![cfg(feature = "render")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use xenconf::check::{Checker, Reading, read_file};
use xenconf::diagnostic::render::{Style, render};
use xenconf::dialect::Dialect;
use xenconf::options::Options;

fn options(folder: &Path) -> Options {
    let mut options = Options::default();
    for line in fs::read_to_string(folder.join("OPTIONS")).unwrap_or_default().lines() {
        match line.split_once(' ') {
            Some(("for", "xl")) => options.dialect = Some(Dialect::Xl),
            Some(("for", "xm")) => options.dialect = Some(Dialect::Xm),
            Some(("var", pair)) => {
                let (name, value) = pair.split_once('=').unwrap();
                options.variables.push((name.to_owned(), value.to_owned()));
            }
            _ => panic!("{}: no option: {line}", folder.display()),
        }
    }
    options
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn is_case(path: &Path) -> bool {
    path.extension().is_none_or(|extension| extension != "expect") && path.file_name().unwrap() != "OPTIONS"
}

/// What is said of one file: the report as JSON, its problems as they are drawn.
fn described(checker: &Checker, reading: &Reading) -> String {
    let mut report = serde_json::to_value(checker.report(reading)).unwrap();
    let problems = report.as_object_mut().unwrap().remove("problems").unwrap();
    assert_eq!(problems.as_array().unwrap().len(), reading.diagnostics.as_slice().len());
    let mut text = format!("{}\n\n", reading.detection.reason);
    writeln!(text, "{}", serde_json::to_string_pretty(&report).unwrap()).unwrap();
    for diagnostic in &reading.diagnostics {
        write!(text, "\n{}\n", render(diagnostic, &reading.source, Style::default())).unwrap();
    }
    // What the drawing leaves at the ends of lines is of no interest.
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

#[test]
fn every_file_is_read_as_expected() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut wrong = Vec::new();
    let mut count = 0;
    for folder in entries(&corpus).iter().filter(|path| path.is_dir()) {
        let options = options(folder);
        let paths: Vec<PathBuf> = entries(folder).into_iter().filter(|path| is_case(path)).collect();
        let read = |path: &PathBuf| {
            let name = path.strip_prefix(&corpus).unwrap().to_str().unwrap();
            read_file(name, &fs::read(path).unwrap(), &options)
        };
        let mut readings: Vec<Reading> = paths.iter().map(read).collect();
        let mut checker = Checker::new(&options);
        for reading in &readings {
            checker.learn(reading);
        }
        for reading in &mut readings {
            checker.check(reading);
        }
        for (path, reading) in paths.iter().zip(&readings) {
            let found = described(&checker, reading);
            let expected_path = PathBuf::from(format!("{}.expect", path.display()));
            if update {
                fs::write(&expected_path, found).unwrap();
            } else if fs::read_to_string(&expected_path).unwrap_or_default() != found {
                wrong.push(format!("{}:\n{found}", path.display()));
            }
            count += 1;
        }
    }
    assert!(count > 0, "the corpus is empty");
    assert!(wrong.is_empty(), "{} of {count} files are read otherwise:\n\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_expectation_is_left_without_its_file() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    for folder in entries(&corpus).iter().filter(|path| path.is_dir()) {
        for path in entries(folder).iter().filter(|path| path.extension().is_some_and(|e| e == "expect")) {
            assert!(path.with_extension("").exists(), "{} belongs to nothing", path.display());
        }
    }
}
