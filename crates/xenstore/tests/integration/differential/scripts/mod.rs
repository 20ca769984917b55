//! Requests chosen by hand: every rule and every error that a client can meet.

mod domains;
mod nodes;
mod quotas;
mod transactions;
mod watches;

use super::{Client, Step};

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
