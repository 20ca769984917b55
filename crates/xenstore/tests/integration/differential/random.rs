//! Requests chosen by chance.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{Client, Step, compare};
use crate::real::RealDaemon;

/// Few paths, so that requests meet.
const PATHS: [&str; 16] = [
    "/",
    "/a",
    "/a/b",
    "/a/b/c",
    "/a/b/c/d",
    "/d",
    "/d/e",
    "r",
    "r/s",
    "/local",
    "/local/domain/0/r",
    "/local/domain/5",
    "/local/domain/5/r",
    "/local/domain/6/r/s",
    "//",
    "bad path",
];

const PERMISSIONS: [&str; 10] =
    ["n0", "r0", "b0", "n5", "n0\0r5", "n0\0b5\0r6", "n6\0w5", "n7", "n0\0r7\0b5", "x0"];

const DOMAINS: [(u32, &str); 7] =
    [(8, "7\x001\x002\0"), (9, "7\0"), (9, "8\0"), (17, "7\0"), (19, "5\x006\0"), (20, ""), (21, "\0")];

fn path() -> impl Strategy<Value = String> {
    select(&PATHS[..]).prop_map(str::to_owned)
}

fn token() -> impl Strategy<Value = &'static str> {
    select(&["t", "u"][..])
}

/// A type and a payload that fits it.
fn request() -> impl Strategy<Value = (u32, Vec<u8>)> {
    let about_path = select(&[1, 2, 2, 2, 3, 12, 13][..]);
    let special = select(&["@introduceDomain", "@releaseDomain"][..]).prop_map(str::to_owned);
    prop_oneof![
        6 => (about_path, path()).prop_map(|(message_type, path)| (message_type, format!("{path}\0"))),
        4 => (path(), "[a-c]{0,3}").prop_map(|(path, value)| (11, format!("{path}\0{value}"))),
        3 => (path(), select(&PERMISSIONS[..])).prop_map(|(path, list)| (14, format!("{path}\0{list}\0"))),
        3 => (prop_oneof![4 => path(), 1 => special], token(), select(&[4, 4, 5][..]))
            .prop_map(|(path, token, message_type)| (message_type, format!("{path}\0{token}\0"))),
        2 => Just((6, "\0".to_owned())),
        3 => select(&["T\0", "T\0", "F\0"][..]).prop_map(|how| (7, how.to_owned())),
        1 => (path(), 0..9).prop_map(|(path, offset)| (22, format!("{path}\0{offset}\0"))),
        // Domain 7 comes and goes; it has no connection.
        1 => select(&DOMAINS[..])
            .prop_map(|(message_type, payload)| (message_type, payload.to_owned())),
    ]
    .prop_map(|(message_type, payload)| (message_type, payload.into_bytes()))
}

fn step() -> impl Strategy<Value = Step> {
    let tx_id = prop_oneof![3 => Just(0), 1 => Just(1), 1 => Just(2)];
    (select(&Client::ALL[..]), tx_id, request()).prop_map(|(client, tx_id, (message_type, payload))| {
        Step::Request { client, message_type, tx_id, payload }
    })
}

#[test]
fn random_requests_are_answered_alike() {
    if RealDaemon::start_or_skip().is_none() {
        return;
    }
    // The same requests in each run; `PROPTEST_CASES` asks for more of them.
    let config = Config { failure_persistence: None, ..Config::with_cases(cases()) };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let scripts = proptest::collection::vec(step(), 1..150);
    let result = runner.run(&scripts, |steps| {
        let real = RealDaemon::start_or_skip().unwrap();
        compare(real, &steps).map_err(TestCaseError::fail)
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48)
}
