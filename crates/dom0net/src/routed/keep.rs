//! Files of ours, written whole or not at all, and one lock for those who change them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::Error;

/// Held while networks are started and stopped: their parts have things in common.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until nobody else holds it. It is given back when this is dropped, or the program ends.
    pub(super) fn take(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("routed.lock");
        let failed = |error| Error::File { verb: "lock", path: path.clone(), error };
        fs::create_dir_all(folder).map_err(failed)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// What a file holds; none when there is none.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|error| Error::File { verb: "read", path: path.to_owned(), error })?,
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| Error::Content { path: path.to_owned(), error })
}

/// Writes a file, so that it is there whole, or as it was before, whatever happens meanwhile.
pub(super) fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    let text = serde_json::to_vec(value).map_err(|error| Error::Content { path: path.to_owned(), error })?;
    write_bytes(path, &text).map_err(|error| Error::File { verb: "write", path: path.to_owned(), error })
}

fn write_bytes(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    fs::create_dir_all(&folder)?;
    let draft = path.with_extension("new");
    let mut file = File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    // The name is on disk when its folder is.
    File::open(&folder)?.sync_all()
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::File { verb: "remove", path: path.to_owned(), error })
        }
        _ => Ok(()),
    }
}

/// Removes drafts that were never put in place.
pub(super) fn sweep(folder: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "new") {
            remove(&path)?;
        }
    }
    Ok(())
}
