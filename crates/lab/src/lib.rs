//! A Xen host out of network namespaces.
#![forbid(unsafe_code)]

pub mod frame;
