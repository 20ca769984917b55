//! Requests chosen by hand: every rule and every error that a client can meet.

use super::Client::{Dom0, Guest5, Guest6, Other};
use super::{Client, Step, assert_same_answers};

const CONTROL: u32 = 0;
const DIRECTORY: u32 = 1;
const READ: u32 = 2;
const GET_PERMS: u32 = 3;
const WATCH: u32 = 4;
const UNWATCH: u32 = 5;
const START: u32 = 6;
const END: u32 = 7;
const INTRODUCE: u32 = 8;
const RELEASE: u32 = 9;
const GET_DOMAIN_PATH: u32 = 10;
const WRITE: u32 = 11;
const MKDIR: u32 = 12;
const RM: u32 = 13;
const SET_PERMS: u32 = 14;
const IS_DOMAIN_INTRODUCED: u32 = 17;
const RESUME: u32 = 18;
const SET_TARGET: u32 = 19;
const RESET_WATCHES: u32 = 21;
const DIRECTORY_PART: u32 = 22;

/// `|` in the payload stands for NUL, as in the protocol's documentation.
fn ask(client: Client, message_type: u32, payload: &str) -> Step {
    in_transaction(client, 0, message_type, payload)
}

fn in_transaction(client: Client, tx_id: u32, message_type: u32, payload: &str) -> Step {
    let payload = payload.replace('|', "\0").into_bytes();
    Step::Request { client, message_type, tx_id, payload }
}

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

#[test]
fn requests_for_dom0_only() {
    let requests = [
        (CONTROL, "check|"),
        (INTRODUCE, "7|1|2|"),
        (RELEASE, "7|"),
        (IS_DOMAIN_INTRODUCED, "5|"),
        (RESUME, "5|"),
        (SET_TARGET, "5|6|"),
        (GET_DOMAIN_PATH, "6|"),
        (RESET_WATCHES, "|"),
    ];
    // Refused before the transaction is looked up.
    let steps = requests.map(|(message_type, payload)| {
        [ask(Guest5, message_type, payload), in_transaction(Guest5, 9, message_type, payload)]
    });
    assert_same_answers(&steps.concat());
}

#[test]
fn domains() {
    let requests = [
        (GET_DOMAIN_PATH, "abc|"),
        (GET_DOMAIN_PATH, "-1|"),
        (GET_DOMAIN_PATH, "99999999999|"),
        (GET_DOMAIN_PATH, " 7x|"),
        (GET_DOMAIN_PATH, "7"),
        (GET_DOMAIN_PATH, "7|8|"),
        (GET_DOMAIN_PATH, ""),
        (IS_DOMAIN_INTRODUCED, "0|"),
        (IS_DOMAIN_INTRODUCED, "5|"),
        (IS_DOMAIN_INTRODUCED, "7|"),
        (IS_DOMAIN_INTRODUCED, "32752|"),
        (IS_DOMAIN_INTRODUCED, ""),
        (INTRODUCE, "7|1|2|"),
        (INTRODUCE, "7|1|2|"),
        (INTRODUCE, "8|1|0|"),
        (INTRODUCE, "8|1|"),
        (INTRODUCE, "8|-1|3|ignored|"),
        (IS_DOMAIN_INTRODUCED, "7|"),
        (RESUME, "7|"),
        (RESUME, "0|"),
        (RESUME, "9|"),
        (RESUME, "7"),
        (SET_TARGET, "7|5|"),
        (SET_TARGET, "7|9|"),
        (SET_TARGET, "9|7|"),
        (SET_TARGET, "7|"),
        (RELEASE, "0|"),
        (RELEASE, "9|"),
        (RELEASE, "8"),
        (RELEASE, "8|"),
        (RELEASE, "8|"),
        (IS_DOMAIN_INTRODUCED, "8|"),
        (CONTROL, "check|"),
        (CONTROL, "check|x|"),
        (CONTROL, "print|x|"),
        (CONTROL, "print|"),
        (CONTROL, "nonsense|"),
        (CONTROL, ""),
        (CONTROL, "quota|set|nodes|0|"),
        (CONTROL, "quota|set|nonsense|1|"),
        (CONTROL, "quota|set|nodes|"),
        (CONTROL, "quota|77|"),
        (CONTROL, "quota|set|nodes|2000|"),
    ];
    let mut steps = vec![
        ask(Other, WATCH, "@introduceDomain|i|"),
        ask(Other, WATCH, "@releaseDomain|r|"),
        ask(Guest5, WATCH, "@introduceDomain|i|"),
        ask(Dom0, SET_PERMS, "@releaseDomain|n0|r6|"),
        ask(Guest6, WATCH, "@releaseDomain|r|"),
    ];
    steps.extend(requests.map(|(message_type, payload)| ask(Dom0, message_type, payload)));
    assert_same_answers(&steps);
}

#[test]
fn a_domain_that_goes_takes_its_nodes_and_rights_along() {
    assert_same_answers(&[
        ask(Dom0, WRITE, "/granted|v"),
        ask(Dom0, SET_PERMS, "/granted|n0|b5|r6|"),
        ask(Guest5, WRITE, "mine/a|1"),
        ask(Guest5, WRITE, "mine/b/c|1"),
        ask(Dom0, WRITE, "/local/domain/5/mine/theirs|1"),
        ask(Dom0, SET_PERMS, "/local/domain/5/mine/theirs|n0|"),
        ask(Other, WATCH, "/local/domain/5/mine/b|w|"),
        ask(Other, WATCH, "/local|l|"),
        ask(Other, WATCH, "@releaseDomain|r|"),
        ask(Guest5, WATCH, "mine|gone with the domain|"),
        ask(Guest5, START, "|"),
        ask(Dom0, START, "|"),
        in_transaction(Dom0, 1, READ, "/granted|"),
        Step::Restart(Guest5),
        ask(Guest5, READ, "/granted|"),
        ask(Guest5, READ, "mine/a|"),
        ask(Guest6, READ, "/granted|"),
        ask(Dom0, GET_PERMS, "/granted|"),
        // Written anew, the old entry does not come back to life.
        ask(Dom0, WRITE, "/granted|w"),
        ask(Guest5, READ, "/granted|"),
        ask(Dom0, WRITE, "/granted/below|w"),
        ask(Guest5, READ, "/granted/below|"),
        in_transaction(Dom0, 1, WRITE, "/elsewhere|1"),
        in_transaction(Dom0, 1, END, "T|"),
        ask(Dom0, SET_PERMS, "/granted|n0|b5|"),
        ask(Guest5, READ, "/granted|"),
    ]);
}

#[test]
fn a_device_model_acts_for_its_target() {
    assert_same_answers(&[
        ask(Guest5, WRITE, "data|v"),
        ask(Guest6, READ, "/local/domain/5/data|"),
        ask(Dom0, SET_TARGET, "6|5|"),
        ask(Guest6, READ, "/local/domain/5/data|"),
        ask(Guest6, WRITE, "/local/domain/5/new|v"),
        ask(Dom0, GET_PERMS, "/local/domain/5/new|"),
        ask(Guest6, SET_PERMS, "/local/domain/5/data|n5|r7|"),
        ask(Guest6, SET_PERMS, "/local/domain/5/data|n6|"),
        ask(Guest5, READ, "/local/domain/6|"),
    ]);
}

#[test]
fn watches() {
    assert_same_answers(&[
        ask(Dom0, UNWATCH, "/a|t|"),
        ask(Dom0, WATCH, "/a|t|"),
        ask(Dom0, WATCH, "/a|t|"),
        ask(Dom0, WATCH, "/a|other|"),
        ask(Dom0, WATCH, "/a/b|t|"),
        ask(Dom0, WATCH, "relative|t|"),
        ask(Dom0, WATCH, "/local/domain/0/relative|t|"),
        ask(Dom0, WATCH, "/local/domain/0/relative|u|"),
        ask(Other, WATCH, "/|root|"),
        ask(Dom0, WATCH, "/a|t"),
        ask(Dom0, WATCH, "/a|"),
        ask(Dom0, WATCH, ""),
        ask(Dom0, WATCH, "/a|t|3|"),
        ask(Dom0, WATCH, "/b|t|rest"),
        ask(Dom0, WATCH, "//|t|"),
        ask(Dom0, WATCH, "|t|"),
        ask(Dom0, WATCH, "@anything|t|"),
        ask(Dom0, WATCH, &format!("@{}|t|", "x".repeat(2048))),
        ask(Dom0, WATCH, &format!("/long|{}|", "x".repeat(4085))),
        in_transaction(Dom0, 99, WATCH, "/ignored|tx|"),
        in_transaction(Dom0, 99, UNWATCH, "/ignored|tx|"),
        ask(Dom0, WRITE, "/a/b/c|1"),
        ask(Dom0, WRITE, "/a|1"),
        ask(Dom0, WRITE, "/ab|1"),
        ask(Dom0, WRITE, "relative/x|1"),
        ask(Other, WRITE, "/a/b|1"),
        ask(Dom0, MKDIR, "/a/b|"),
        ask(Dom0, MKDIR, "/a/new|"),
        ask(Dom0, SET_PERMS, "/a/new|n0|r5|"),
        ask(Dom0, RM, "/a/missing|"),
        ask(Dom0, RM, "/a|"),
        ask(Dom0, WRITE, "/long/y|1"),
        ask(Dom0, UNWATCH, "/a|t|"),
        ask(Dom0, UNWATCH, "/local/domain/0/relative|t|"),
        ask(Dom0, UNWATCH, "relative|u|"),
        ask(Dom0, UNWATCH, "/a|other|x|"),
        ask(Dom0, UNWATCH, "/a|other"),
        ask(Dom0, WRITE, "/a|2"),
        ask(Dom0, RESET_WATCHES, "|"),
        ask(Dom0, WRITE, "/a|3"),
        ask(Dom0, UNWATCH, "/a|other|"),
    ]);
}

#[test]
fn what_watches_tell_guests() {
    let mut steps = vec![
        ask(Guest5, WATCH, "/w|t|"),
        ask(Guest5, WATCH, "/w/node|t|"),
        ask(Guest6, WATCH, "/|t|"),
        ask(Guest5, WATCH, "own|t|"),
        ask(Guest5, WRITE, "own/x|1"),
    ];
    for (above, node) in [
        ("n0|", "n0|"),
        ("n0|r5|", "n0|"),
        ("n0|", "n0|r5|"),
        ("r0|", "n0|"),
        ("n5|", "n0|"),
        ("n0|r6|", "n0|w5|"),
    ] {
        steps.extend([
            ask(Dom0, WRITE, "/w/node/below|1"),
            ask(Dom0, SET_PERMS, &format!("/w|{above}")),
            ask(Dom0, SET_PERMS, &format!("/w/node|{node}")),
            ask(Dom0, WRITE, "/w/node|2"),
            ask(Dom0, WRITE, "/w/node/below|2"),
            ask(Dom0, SET_PERMS, "/w/node|n0|"),
            ask(Dom0, RM, "/w/node|"),
            ask(Dom0, START, "|"),
        ]);
    }
    for tx_id in 1..=6 {
        steps.extend([
            in_transaction(Dom0, tx_id, WRITE, "/w/node/below|3"),
            in_transaction(Dom0, tx_id, SET_PERMS, "/w/node|n0|r5|"),
            in_transaction(Dom0, tx_id, END, if tx_id % 2 == 0 { "F|" } else { "T|" }),
            ask(Dom0, RM, "/w|"),
        ]);
    }
    assert_same_answers(&steps);
}

#[test]
fn transactions() {
    assert_same_answers(&[
        ask(Dom0, END, "T|"),
        ask(Dom0, END, "X|"),
        ask(Dom0, END, ""),
        in_transaction(Dom0, 1, END, "T|"),
        in_transaction(Dom0, 1, READ, "/|"),
        ask(Dom0, START, "|"),
        ask(Dom0, START, ""),
        in_transaction(Dom0, 1, START, "|"),
        in_transaction(Dom0, 1, END, "X|"),
        in_transaction(Dom0, 1, END, "T"),
        in_transaction(Other, 1, READ, "/|"),
        in_transaction(Dom0, 1, WRITE, "/t/a|1"),
        ask(Dom0, READ, "/t/a|"),
        in_transaction(Dom0, 1, READ, "/t/a|"),
        in_transaction(Dom0, 1, DIRECTORY, "/|"),
        in_transaction(Dom0, 1, GET_PERMS, "/t|"),
        in_transaction(Dom0, 1, GET_DOMAIN_PATH, "3|"),
        in_transaction(Dom0, 1, END, "T|"),
        ask(Dom0, READ, "/t/a|"),
        in_transaction(Dom0, 1, END, "T|"),
        in_transaction(Dom0, 2, WRITE, "/t/b|1"),
        in_transaction(Dom0, 2, END, "F|"),
        ask(Dom0, READ, "/t/b|"),
        ask(Dom0, START, "|"),
        ask(Dom0, RESET_WATCHES, "|"),
        in_transaction(Dom0, 3, END, "T|"),
        ask(Dom0, START, "|"),
    ]);
}

#[test]
fn conflicts() {
    // What one transaction does, what somebody else does meanwhile.
    let done = [
        (READ, "/c/a|"),
        (READ, "/c/missing|"),
        (WRITE, "/c/a|mine"),
        (WRITE, "/c/new|mine"),
        (DIRECTORY, "/c|"),
        (GET_PERMS, "/c/a|"),
        (RM, "/c/a|"),
        (RM, "/c/missing|"),
        (MKDIR, "/c/a|"),
        (READ, "/elsewhere|"),
    ];
    let meanwhile = [
        (READ, "/c/a|"),
        (WRITE, "/c/a|theirs"),
        (WRITE, "/c/a|1"),
        (WRITE, "/c/other|theirs"),
        (WRITE, "/c/missing|theirs"),
        (RM, "/c/a|"),
        (RM, "/c|"),
        (SET_PERMS, "/c/a|n0|r5|"),
        (WRITE, "/c/a/below|theirs"),
    ];
    let mut steps = vec![ask(Other, WATCH, "/c|w|")];
    let mut tx_id = 0;
    for (first, first_payload) in done {
        for (second, second_payload) in meanwhile {
            tx_id += 1;
            steps.extend([
                ask(Dom0, RM, "/c|"),
                ask(Dom0, WRITE, "/c/a|1"),
                ask(Dom0, START, "|"),
                in_transaction(Dom0, tx_id, first, first_payload),
                ask(Other, second, second_payload),
                in_transaction(Dom0, tx_id, READ, "/c/a|"),
                in_transaction(Dom0, tx_id, WRITE, "/c/done|1"),
                in_transaction(Dom0, tx_id, END, "T|"),
                ask(Dom0, DIRECTORY, "/c|"),
            ]);
        }
    }
    assert_same_answers(&steps);
}

#[test]
fn events_of_transactions() {
    assert_same_answers(&[
        ask(Dom0, WRITE, "/e/old/deep|1"),
        ask(Dom0, WRITE, "/e/stay|1"),
        ask(Other, WATCH, "/e|w|"),
        ask(Other, WATCH, "/e/old/deep|w|"),
        ask(Dom0, START, "|"),
        in_transaction(Dom0, 1, WRITE, "/e/new/x|1"),
        in_transaction(Dom0, 1, WRITE, "/e/new/x|2"),
        in_transaction(Dom0, 1, WRITE, "/e/brief|1"),
        in_transaction(Dom0, 1, RM, "/e/brief|"),
        in_transaction(Dom0, 1, RM, "/e/old|"),
        in_transaction(Dom0, 1, WRITE, "/e/stay|2"),
        in_transaction(Dom0, 1, SET_PERMS, "/e/stay|n0|r5|"),
        in_transaction(Dom0, 1, MKDIR, "/e/stay|"),
        in_transaction(Dom0, 1, END, "T|"),
        ask(Dom0, START, "|"),
        in_transaction(Dom0, 2, RM, "/e/new|"),
        in_transaction(Dom0, 2, WRITE, "/e/new/x|again"),
        in_transaction(Dom0, 2, DIRECTORY, "/e|"),
        in_transaction(Dom0, 2, END, "T|"),
        ask(Dom0, DIRECTORY, "/e|"),
        ask(Dom0, READ, "/e/new/x|"),
        ask(Dom0, START, "|"),
        in_transaction(Dom0, 3, WRITE, "/e/new/x|written before it goes"),
        in_transaction(Dom0, 3, RM, "/e/new|"),
        in_transaction(Dom0, 3, END, "T|"),
    ]);
}

#[test]
fn quota_of_nodes() {
    let mut steps: Vec<Step> =
        (0..990).map(|number| ask(Guest5, MKDIR, &format!("n/{}/{number}|", number / 100))).collect();
    steps.extend((0..20).map(|number| ask(Guest5, MKDIR, &format!("more/{number}|"))));
    steps.extend([
        ask(Guest5, WRITE, "a/b/c/d|1"),
        ask(Dom0, CONTROL, "quota|5|"),
        ask(Guest5, RM, "more|"),
        ask(Guest5, START, "|"),
        in_transaction(Guest5, 1, WRITE, "a|1"),
        in_transaction(Guest5, 1, WRITE, "b|1"),
        in_transaction(Guest5, 1, END, "T|"),
        ask(Guest6, WRITE, "fine|1"),
    ]);
    // How much memory the daemon counts is its own affair.
    steps.retain(|step| !matches!(step, Step::Request { message_type: CONTROL, .. }));
    assert_same_answers(&steps);
}

#[test]
fn quota_of_nodes_in_a_transaction() {
    let mut steps = vec![ask(Guest5, START, "|")];
    for number in 0..1005 {
        steps.push(in_transaction(Guest5, 1, MKDIR, &format!("n/{}/{number}|", number / 100)));
    }
    steps.push(in_transaction(Guest5, 1, END, "T|"));
    steps.push(ask(Guest5, DIRECTORY, "n|"));
    assert_same_answers(&steps);
}

#[test]
fn quota_of_nodes_to_the_last_one_in_transactions() {
    // In several folders: the size of a node is limited too.
    let fill = |number| ask(Guest5, MKDIR, &format!("n/{}/{number}|", number / 100));
    let mut steps: Vec<Step> = (0..980).map(fill).collect();
    for tx_id in 1..15 {
        steps.extend([
            ask(Guest5, START, "|"),
            in_transaction(Guest5, tx_id, MKDIR, &format!("t/{tx_id}|")),
            in_transaction(Guest5, tx_id, END, "T|"),
        ]);
    }
    steps.push(ask(Guest5, DIRECTORY, "t|"));
    assert_same_answers(&steps);
}

#[test]
fn quota_of_nodes_that_a_transaction_touches() {
    let mut steps = vec![ask(Dom0, START, "|"), ask(Guest5, START, "|")];
    for number in 0..1030 {
        for client in [Guest5, Dom0] {
            steps.push(in_transaction(client, 1, READ, &format!("/local/domain/5/{number}|")));
        }
    }
    for client in [Guest5, Dom0] {
        steps.push(in_transaction(client, 1, READ, "/local/domain/5/1|"));
        steps.push(in_transaction(client, 1, END, "T|"));
    }
    assert_same_answers(&steps);
}

#[test]
fn quota_of_a_nodes_size() {
    let mut steps = Vec::new();
    for len in [2014, 2015, 2016, 2017, 4000] {
        let value = "v".repeat(len);
        steps.extend([
            ask(Guest5, WRITE, &format!("size|{value}")),
            ask(Guest5, WRITE, &format!("size{len}|{value}")),
            ask(Guest5, READ, &format!("size{len}|")),
        ]);
    }
    for number in 0..30 {
        steps.push(ask(Guest5, MKDIR, &format!("names/{}{number}|", "n".repeat(90))));
    }
    steps.extend([
        ask(Guest5, START, "|"),
        in_transaction(Guest5, 1, WRITE, &format!("big|{}", "v".repeat(3000))),
        in_transaction(Guest5, 1, WRITE, "small|1"),
        in_transaction(Guest5, 1, END, "T|"),
        ask(Guest5, READ, "small|"),
    ]);
    assert_same_answers(&steps);
}

#[test]
fn quotas_of_watches_and_transactions() {
    let mut steps = Vec::new();
    for number in 0..131 {
        steps.push(ask(Guest5, WATCH, &format!("w|{number}|")));
    }
    for _ in 0..13 {
        steps.push(ask(Guest5, START, "|"));
    }
    steps.extend([ask(Guest5, RESET_WATCHES, "|"), ask(Guest5, START, "|"), ask(Guest5, WATCH, "w|again|")]);
    // Dom0 has no quotas.
    steps.extend((0..140).map(|number| ask(Dom0, WATCH, &format!("w|{number}|"))));
    steps.extend((0..13).map(|_| ask(Dom0, START, "|")));
    assert_same_answers(&steps);
}
