//! Each part of the bench runs to its end on small hosts, and keeps what it found. How long anything took is not asked.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "panicking is how a test fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The program; none, said out loud, where it cannot be run.
fn bench() -> Option<&'static Path> {
    let bench = Path::new(env!("CARGO_BIN_EXE_bench"));
    if !nix::unistd::Uid::effective().is_root() {
        testkit::skip!("needs root");
        return None;
    }
    if !bench.with_file_name("dom0net").is_file() {
        testkit::skip!("needs dom0net, built beside the bench");
        return None;
    }
    if testkit::program("nft").is_none() {
        testkit::skip!("needs nft");
        return None;
    }
    Some(bench)
}

/// Runs parts, and returns the report of each.
fn run(parts: &[&str]) -> Option<Vec<Value>> {
    let bench = bench()?;
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(bench)
        .args(parts)
        .args(["--small", "--into"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let machine = json(&folder.path().join("machine.json"));
    assert!(machine["cores"].as_u64().unwrap() > 0 && machine["kernel"].as_str().unwrap().contains('.'));
    let text = String::from_utf8(output.stdout).unwrap();
    let reports: Vec<Value> =
        parts.iter().map(|part| json(&folder.path().join(format!("{part}.json")))).collect();
    for report in &reports {
        check(report, folder.path());
        assert!(text.contains(report["title"].as_str().unwrap()), "{text}");
    }
    Some(reports)
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Every table has rows with values, and a drawing where it says so.
fn check(report: &Value, folder: &Path) {
    let part = report["part"].as_str().unwrap();
    for (number, table) in report["tables"].as_array().unwrap().iter().enumerate() {
        let columns = table["columns"].as_array().unwrap().len();
        for row in table["rows"].as_array().unwrap() {
            assert_eq!(row["cells"].as_array().unwrap().len(), columns, "{part}: {row}");
        }
        let value = &table["rows"][0]["cells"][0]["median"];
        assert!(value.as_f64().is_some(), "{part}: {table}");
        let svg = folder.join(format!("{part}-{}.svg", number + 1));
        assert_eq!(svg.is_file(), !table["drawing"].is_null(), "{part}: {}", svg.display());
    }
}

/// The rows of a table, by their titles.
fn row<'a>(table: &'a Value, title: &str) -> &'a Value {
    let rows = table["rows"].as_array().unwrap();
    rows.iter().find(|row| row["title"] == title).unwrap_or_else(|| panic!("no row {title:?} in {table}"))
}

#[test]
fn plugs_on_small_hosts_are_measured() {
    let Some(reports) = run(&["plug", "scale", "storm", "check"]) else { return };
    let plugs = &reports[0]["tables"][0];
    assert_eq!(row(plugs, "dom0net")["cells"][0]["ratio"], 1.0);
    let failures = reports[2]["tables"].as_array().unwrap().last().unwrap();
    for operation in ["online", "offline"] {
        let cells = &row(failures, &format!("{operation}, dom0net"))["cells"];
        assert!(cells.as_array().unwrap().iter().all(|cell| cell["most"] == 0.0), "{cells}");
    }
}

#[test]
fn packets_get_through_all_hosts() {
    let Some(reports) = run(&["packets"]) else { return };
    let tables = reports[0]["tables"].as_array().unwrap();
    // Three kinds of frames, a stream and two latencies bridged; routed and translated there is no ARP.
    assert_eq!(tables.len(), 6 + 5 + 5);
    for table in tables {
        assert!(row(table, "dom0net")["cells"][0]["ratio"].as_f64().unwrap() > 0.0, "{table}");
    }
}

#[test]
fn the_cards_move_is_measured() {
    let Some(reports) = run(&["handover"]) else { return };
    let clean = reports[0]["tables"].as_array().unwrap().last().unwrap();
    assert!(clean["rows"].as_array().unwrap().iter().all(|row| row["cells"][1]["median"] == 1.0), "{clean}");
}

#[test]
fn who_looks_on_may_leave() {
    let Some(bench) = bench() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(bench);
    command.args(["scale", "--small", "--into"]).arg(folder.path());
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert!(child.wait().unwrap().success());
    assert_eq!(json(&folder.path().join("scale.json"))["part"], "scale");
}
