//! What was made up for a guest, and must be the same when it comes again: kept by the domain's UUID and the number of its
//! interface, since the domain's own number changes with each start.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::places::Places;

/// The addresses that were made up for guests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Addresses(BTreeMap<String, Remembered>);

/// What is remembered of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// The address that was made up for it.
    pub address: Ipv4Addr,
    /// What its domain was called then.
    pub domain: String,
}

/// An interface, by what does not change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The domain's UUID.
    pub uuid: String,
    /// The interface's number in it.
    pub devid: u32,
}

impl Owner {
    fn key(&self) -> String {
        format!("{}/{}", self.uuid, self.devid)
    }
}

impl Addresses {
    /// All that are remembered, by UUID and interface.
    pub fn all(places: &Places) -> Result<Vec<(String, Remembered)>, MemoryError> {
        Ok(read(&path(places))?.0.into_iter().collect())
    }

    /// The address of `owner`: the one that is remembered, or else the first of `choices` that is remembered for nobody,
    /// which is remembered from now on.
    pub fn of(
        places: &Places,
        owner: &Owner,
        domain: &str,
        choices: impl IntoIterator<Item = Ipv4Addr>,
    ) -> Result<Option<Ipv4Addr>, MemoryError> {
        let path = path(places);
        let failed = |error| MemoryError { path: path.clone(), fault: Fault::Io(error) };
        fs::create_dir_all(&places.state).map_err(failed)?;
        // Several guests may come at once.
        let lock = path.with_extension("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(lock).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut known = read(&path)?;
        if let Some(remembered) = known.0.get(&owner.key()) {
            return Ok(Some(remembered.address));
        }
        let is_free = |address: &Ipv4Addr| known.0.values().all(|other| other.address != *address);
        let Some(address) = choices.into_iter().find(is_free) else { return Ok(None) };
        known.0.insert(owner.key(), Remembered { address, domain: domain.to_owned() });
        write(&path, &known)?;
        Ok(Some(address))
    }

    /// Forgets an interface, or with no number all of a domain's. Returns how many were forgotten.
    pub fn forget(places: &Places, uuid: &str, devid: Option<u32>) -> Result<usize, MemoryError> {
        let path = path(places);
        let mut known = read(&path)?;
        let before = known.0.len();
        known.0.retain(|key, _| match devid {
            Some(devid) => *key != Owner { uuid: uuid.to_owned(), devid }.key(),
            None => !key.starts_with(&format!("{uuid}/")),
        });
        if known.0.len() < before {
            write(&path, &known)?;
        }
        Ok(before - known.0.len())
    }
}

fn path(places: &Places) -> PathBuf {
    places.state.join("addresses.json")
}

fn read(path: &PathBuf) -> Result<Addresses, MemoryError> {
    let fail = |fault| MemoryError { path: path.clone(), fault };
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Addresses::default()),
        Err(error) => Err(fail(Fault::Io(error))),
        Ok(text) => serde_json::from_slice(&text).map_err(|error| fail(Fault::Content(error))),
    }
}

fn write(path: &PathBuf, known: &Addresses) -> Result<(), MemoryError> {
    let failed = |error| MemoryError { path: path.clone(), fault: Fault::Io(error) };
    let text = serde_json::to_vec_pretty(known).map_err(|error| failed(error.into()))?;
    let draft = path.with_extension("new");
    let mut file = File::create(&draft).map_err(failed)?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&draft, path).map_err(failed)
}

/// What is remembered could not be read or written.
#[derive(Debug)]
pub struct MemoryError {
    path: PathBuf,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    Io(io::Error),
    Content(serde_json::Error),
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.fault {
            Fault::Io(error) => write!(f, "cannot read or write {path}: {error}"),
            Fault::Content(error) => {
                write!(f, "{path} is not a file of this program ({error}); look at it, then remove it")
            }
        }
    }
}

impl std::error::Error for MemoryError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(uuid: &str, devid: u32) -> Owner {
        Owner { uuid: uuid.to_owned(), devid }
    }

    #[test]
    fn a_guest_that_comes_again_gets_the_address_that_it_had() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { state: folder.path().join("state"), ..Places::from_environment() };
        let address = |last: u8| Ipv4Addr::new(10, 0, 1, last);
        let of = |owner: &Owner, choices: &[u8]| {
            Addresses::of(&places, owner, "web", choices.iter().map(|&last| address(last))).unwrap()
        };
        let (web, db) = (owner("aaaa", 0), owner("bbbb", 0));
        assert_eq!(of(&web, &[1]), Some(address(1)));
        assert_eq!(of(&web, &[9]), Some(address(1)));
        // Nobody else gets it meanwhile.
        assert_eq!(of(&db, &[1, 2]), Some(address(2)));
        assert_eq!(of(&owner("bbbb", 1), &[1, 2]), None);
        assert_eq!(Addresses::all(&places).unwrap().len(), 2);
        assert_eq!(Addresses::forget(&places, "aaaa", None).unwrap(), 1);
        assert_eq!(of(&owner("cccc", 0), &[1]), Some(address(1)));
    }
}
