//! What the tests of the program share: hosts in namespaces.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod guests;
pub(crate) mod host;
