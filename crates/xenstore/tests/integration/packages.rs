//! Finds what Debian's Xen packages hold.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root that the packages are under: `/`, or where they were unpacked.
pub(crate) fn root() -> PathBuf {
    std::env::var_os("XEN_PACKAGES").map_or("/".into(), PathBuf::from)
}

/// A file of the packages; `None` when it is not there.
pub(crate) fn file(path: &str) -> Option<PathBuf> {
    Some(root().join(path)).filter(|file| file.is_file())
}

/// A program in the folder of a Xen version, such as `xenstored`; the newest if there are several.
pub(crate) fn xen_program(name: &str) -> Option<PathBuf> {
    folders("usr/lib", "xen-").map(|folder| folder.join("bin").join(name)).filter(|file| file.is_file()).max()
}

/// One of the commands of `xenstore-utils`.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    ["usr/bin", "usr/sbin"].iter().find_map(|folder| file(&format!("{folder}/{name}")))
}

/// A command that finds the packages' libraries.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    if root() != Path::new("/") {
        let libraries: Vec<PathBuf> = folders("usr/lib", "").collect();
        command.env("LD_LIBRARY_PATH", std::env::join_paths(libraries).unwrap());
    }
    command
}

fn folders(parent: &str, prefix: &'static str) -> impl Iterator<Item = PathBuf> {
    let entries = root().join(parent).read_dir().into_iter().flatten().flatten();
    entries
        .filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
}
