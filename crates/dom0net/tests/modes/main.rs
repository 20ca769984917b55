//! Each way of giving a guest a network, on hosts in a lab: what the scripts do is seen by packets.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "panicking is how a test fails")]

mod bridge;
mod declared;
mod documents;
mod hooks;
mod leftovers;
mod nat;
mod openvswitch;
mod route;
mod shield;
mod stage;
mod stock;
mod trouble;
