//! What is known besides the files themselves.

use crate::dialect::Dialect;
use crate::python::Host;

/// How files are to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whose rules a file of assignments is held against: [`Dialect::Xm`] or [`Dialect::Xl`]. `None` tells by
    /// what is in it.
    pub dialect: Option<Dialect>,
    /// Variables as on the command line of `xm create` or `xl create`: name and value.
    pub variables: Vec<(String, String)>,
    /// The bridges that the host has, when that is known; else they are taken from the files, if these tell.
    pub bridges: Option<Vec<String>>,
    /// The host that the files are for, as far as they ask for it.
    pub host: Host,
    /// The file was found in a folder, which may hold anything. A file that somebody named is meant to be a
    /// configuration, and it is an error when it is none.
    pub found_in_folder: bool,
}
