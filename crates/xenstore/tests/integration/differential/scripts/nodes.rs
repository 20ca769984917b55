//! Paths, values, lists and permissions.

use super::super::Client::{Dom0, Guest5, Guest6};
use super::super::{Step, assert_same_answers};
use super::{DIRECTORY, DIRECTORY_PART, GET_PERMS, MKDIR, READ, RM, SET_PERMS, WRITE, ask, in_transaction};

#[test]
fn types_that_nobody_knows() {
    let numbers = [15, 16, 20, 23, 26, 99, 65535, u32::MAX];
    let steps: Vec<Step> = numbers
        .into_iter()
        .flat_map(|number| [Dom0, Guest5].map(|client| in_transaction(client, 7, number, "/|")))
        .collect();
    assert_same_answers(&steps);
}

#[test]
fn paths() {
    let long = |prefix: &str, len: usize| format!("{prefix}{}|", "a".repeat(len));
    let paths = [
        "/|".to_owned(),
        "/tool|".to_owned(),
        "tool|".to_owned(),
        "|".to_owned(),
        "//|".to_owned(),
        "/tool/|".to_owned(),
        "/tool//xenstored|".to_owned(),
        "/to ol|".to_owned(),
        "/tööl|".to_owned(),
        "/Az09-_@|".to_owned(),
        "@tool|".to_owned(),
        "@introduceDomain|".to_owned(),
        "/local/domain/|".to_owned(),
        long("/", 2047),
        long("/", 2048),
        long("/local/domain/7/", 2048),
        long("/local/domain/7/", 2049),
        long("/local/domain/12345/", 2048),
        long("/local/domain/123456/", 2048),
        long("/local/domain/x/", 2048),
        long("", 2048),
        long("", 2049),
    ];
    let types = [READ, DIRECTORY, GET_PERMS, MKDIR, WRITE, READ, RM];
    let steps: Vec<Step> = paths
        .iter()
        .flat_map(|path| {
            let clients = [Dom0, Guest5];
            clients.map(|client| types.map(|message_type| ask(client, message_type, path)))
        })
        .flatten()
        .collect();
    assert_same_answers(&steps);
}

#[test]
fn values_and_folders() {
    assert_same_answers(&[
        ask(Dom0, WRITE, "/a/b/c|value"),
        ask(Dom0, READ, "/a/b/c|"),
        ask(Dom0, READ, "/a/b|"),
        ask(Dom0, WRITE, "/a/b/c|with|nul|"),
        ask(Dom0, READ, "/a/b/c|"),
        ask(Dom0, WRITE, "/a/b/c|"),
        ask(Dom0, READ, "/a/b/c|"),
        ask(Dom0, WRITE, "/a/b/c"),
        ask(Dom0, WRITE, ""),
        ask(Dom0, MKDIR, "/a/b|"),
        ask(Dom0, MKDIR, "/a/d/e|"),
        ask(Dom0, WRITE, "/a/z|1"),
        ask(Dom0, WRITE, "/a/m|1"),
        ask(Dom0, DIRECTORY, "/a|"),
        ask(Dom0, DIRECTORY, "/a/z|"),
        ask(Dom0, RM, "/a/d|"),
        ask(Dom0, DIRECTORY, "/a|"),
        ask(Dom0, RM, "/a/d|"),
        ask(Dom0, RM, "/a/d/e|"),
        ask(Dom0, RM, "/|"),
        ask(Dom0, READ, "/missing|"),
        ask(Dom0, DIRECTORY, "/missing|"),
        ask(Dom0, GET_PERMS, "/missing|"),
        ask(Dom0, WRITE, "relative/x|1"),
        ask(Dom0, READ, "/local/domain/0/relative/x|"),
        ask(Dom0, WRITE, &format!("/big|{}", "v".repeat(4091))),
        ask(Dom0, READ, "/big|"),
    ]);
}

#[test]
fn lists_in_parts() {
    let mut steps: Vec<Step> = (0..60).map(|number| ask(Dom0, MKDIR, &format!("/list/{number}|"))).collect();
    for arguments in
        ["/list|0|", "/list|5|", "/list|-1|", "/list|x|", "/list|9999|", "/list|0", "/list|", "/list|0|0|"]
    {
        steps.push(ask(Dom0, DIRECTORY_PART, arguments));
    }
    steps.extend([
        ask(Dom0, DIRECTORY_PART, "/missing|0|"),
        ask(Dom0, DIRECTORY_PART, "/list/1|0|"),
        ask(Dom0, DIRECTORY_PART, "//|0|"),
        ask(Guest5, DIRECTORY_PART, "/list|0|"),
    ]);
    for number in 0..45 {
        steps.push(ask(Dom0, MKDIR, &format!("/long/{}{number}|", "n".repeat(90))));
    }
    steps.push(ask(Dom0, DIRECTORY, "/long|"));
    assert_same_answers(&steps);
}

#[test]
fn permissions() {
    let lists = [
        "n0|",
        "r0|r5|",
        "n0|r0x10|",
        "n0|r010|",
        "n0|r 5|",
        "n0|r-1|",
        "n0|b99999999999|",
        "n0|r5",
        "n0||",
        "n0|q1|",
        "n0|r1x|",
        "n0|r|",
        "|",
        "",
        "w3|b5|r5|n6|",
        "n0|r1|r2|r3|r4|",
        "n0|r1|r2|r3|r4|r5|",
    ];
    let mut steps = vec![ask(Dom0, WRITE, "/p|v"), ask(Guest5, WRITE, "p|v")];
    for list in lists {
        for (client, path) in [(Dom0, "/p"), (Guest5, "p"), (Guest5, "/p"), (Dom0, "/missing"), (Dom0, "//")]
        {
            steps.push(ask(client, SET_PERMS, &format!("{path}|{list}")));
        }
        steps.push(ask(Dom0, GET_PERMS, "/p|"));
        steps.push(ask(Guest5, GET_PERMS, "p|"));
    }
    steps.extend([
        ask(Guest5, SET_PERMS, "p|n6|"),
        ask(Dom0, SET_PERMS, "@introduceDomain|n0|r5|"),
        ask(Dom0, GET_PERMS, "@introduceDomain|"),
    ]);
    assert_same_answers(&steps);
}

#[test]
fn what_guests_may_read_and_write() {
    let mut steps = Vec::new();
    for list in ["n0|", "r0|", "w0|", "b0|", "n0|r5|", "n0|w5|", "b0|n5|", "n5|", "n6|r5|"] {
        steps.extend([
            ask(Dom0, WRITE, "/g/node|v"),
            ask(Dom0, SET_PERMS, &format!("/g|{list}")),
            ask(Dom0, SET_PERMS, &format!("/g/node|{list}")),
            ask(Guest5, READ, "/g/node|"),
            ask(Guest5, DIRECTORY, "/g|"),
            ask(Guest5, GET_PERMS, "/g/node|"),
            ask(Guest5, READ, "/g/missing|"),
            ask(Guest5, RM, "/g/missing|"),
            ask(Guest5, WRITE, "/g/node|w"),
            ask(Guest5, MKDIR, "/g/node|"),
            ask(Guest5, WRITE, "/g/new/below|w"),
            ask(Dom0, GET_PERMS, "/g/new|"),
            ask(Dom0, GET_PERMS, "/g/new/below|"),
            ask(Guest5, SET_PERMS, "/g/node|n5|"),
            ask(Guest5, SET_PERMS, "/g/node|n0|r5|"),
            ask(Guest6, READ, "/g/new|"),
            ask(Guest5, RM, "/g/node|"),
            ask(Guest5, RM, "/g|"),
            ask(Dom0, RM, "/g|"),
        ]);
    }
    assert_same_answers(&steps);
}
