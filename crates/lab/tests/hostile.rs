//! Guests that misuse the store: nobody else is harmed, and they can be destroyed.
#![allow(clippy::unwrap_used, reason = "panicking is how a test fails")]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use lab::{DomainConfig, Guest, Lab, Ping};
use xenstore::{Client, Requests};

const STATE: &str = "device/vif/0/state";

/// A lab with two guests, and a connection as the first of them.
fn scene() -> Option<(Lab, Client, Arc<Guest>)> {
    let lab = common::lab()?;
    lab.create(&DomainConfig::xl("mallory", &["ip=10.0.0.2"]).unwrap()).unwrap();
    let other = lab.create(&DomainConfig::xl("other", &["ip=10.0.0.3"]).unwrap()).unwrap();
    let mallory = lab.store_as(1).unwrap();
    Some((lab, mallory, other))
}

/// The other guest works, a third can be created, and mallory can be destroyed.
fn all_is_well(lab: &Lab, other: &Guest) {
    let gateway = Ping::to([10, 0, 0, 254]);
    assert!(other.station().ping(&gateway).unwrap().is_here());
    let third = lab.create(&DomainConfig::xl("third", &["ip=10.0.0.4"]).unwrap()).unwrap();
    assert!(third.station().ping(&gateway).unwrap().is_here());
    lab.toolstack().destroy(1).unwrap();
    assert_eq!(lab.netback_failure(), None);
    assert!(lab.host().station().link("vif1.0").is_err());
}

fn wait_for(lab: &Lab, node: &str, wanted: &str) {
    let mut store = lab.store().unwrap();
    let begin = Instant::now();
    while store.read_text(node).unwrap().as_deref() != Some(wanted) {
        assert!(begin.elapsed() < Duration::from_secs(5), "{node} is not {wanted}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn nonsense_in_its_nodes_harms_nobody() {
    let Some((lab, mut mallory, other)) = scene() else { return };
    for nonsense in [&b""[..], b"\xff\xff", b"99999999999999999999", b"-1", b"four", &[b'4'; 1000]] {
        mallory.write(STATE, nonsense).unwrap();
    }
    mallory.write("device/vif/0/mac", b"\0\xff").unwrap();
    mallory.write("device/vif/0/backend", "/local/domain/2/backend/vif/1/0").unwrap();
    mallory.write("device/vif/77/state", "1").unwrap_err();
    all_is_well(&lab, &other);
}

#[test]
fn a_guest_that_removes_its_nodes_loses_its_interface() {
    let Some((lab, mut mallory, other)) = scene() else { return };
    mallory.remove(STATE).unwrap();
    wait_for(&lab, "/local/domain/0/backend/vif/1/0/state", "6");
    all_is_well(&lab, &other);
}

#[test]
fn a_guest_can_let_go_and_come_back() {
    let Some((lab, mut mallory, other)) = scene() else { return };
    mallory.write(STATE, "6").unwrap();
    wait_for(&lab, "/local/domain/0/backend/vif/1/0/state", "6");
    assert!(lab.host().station().link("vif1.0").is_ok(), "the toolstack wants to keep it");
    mallory.write(STATE, "1").unwrap();
    wait_for(&lab, "/local/domain/0/backend/vif/1/0/state", "4");
    all_is_well(&lab, &other);
}

#[test]
fn a_flood_of_events_and_a_connection_that_goes_harm_nobody() {
    let Some((lab, mut mallory, other)) = scene() else { return };
    for _ in 0..2000 {
        mallory.write(STATE, "4").unwrap();
    }
    let transaction = mallory.begin().unwrap();
    std::mem::forget(transaction);
    drop(mallory);
    all_is_well(&lab, &other);
}

#[test]
fn a_guest_cannot_say_for_the_script_that_all_is_ready() {
    let Some((lab, mut mallory, _)) = scene() else { return };
    for node in ["hotplug-status", "state", "online"] {
        let path = format!("/local/domain/0/backend/vif/1/0/{node}");
        let error = mallory.write(&path, "connected").unwrap_err();
        assert_eq!(error.code(), Some(xenstore::ErrorCode::NotPermitted), "{node}");
    }
    drop(lab);
}
