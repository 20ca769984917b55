//! Which events come, to whom and when.

use super::super::Client::{Dom0, Guest5, Guest6, Other};
use super::super::assert_same_answers;
use super::{END, MKDIR, RESET_WATCHES, RM, SET_PERMS, START, UNWATCH, WATCH, WRITE, ask, in_transaction};

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
