//! What guests may use.

use super::super::Client::{Dom0, Guest5, Guest6};
use super::super::{Step, assert_same_answers};
use super::{
    CONTROL, DIRECTORY, END, MKDIR, READ, RESET_WATCHES, RM, START, WATCH, WRITE, ask, in_transaction,
};

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
