//! The virtual network of a Xen host.
#![forbid(unsafe_code)]
