//! What transactions see, when they conflict, and the events of their commits.

use super::super::Client::{Dom0, Other};
use super::super::assert_same_answers;
use super::{
    DIRECTORY, END, GET_DOMAIN_PATH, GET_PERMS, MKDIR, READ, RESET_WATCHES, RM, SET_PERMS, START, WATCH,
    WRITE, ask, in_transaction,
};

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
