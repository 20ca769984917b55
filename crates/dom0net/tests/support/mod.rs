//! What the tests of the program share: a host in a namespace.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod host;
