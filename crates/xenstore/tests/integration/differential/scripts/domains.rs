//! Domains that come and go, and what only dom0 may ask.

use super::super::Client::{Dom0, Guest5, Guest6, Other};
use super::super::{Step, assert_same_answers};
use super::{
    CONTROL, END, GET_DOMAIN_PATH, GET_PERMS, INTRODUCE, IS_DOMAIN_INTRODUCED, READ, RELEASE, RESET_WATCHES,
    RESUME, SET_PERMS, SET_TARGET, START, WATCH, WRITE, ask, in_transaction,
};

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
