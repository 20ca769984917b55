//! Xen's configuration languages.
#![forbid(unsafe_code)]
