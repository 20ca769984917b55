//! The records of networks behind the host: what stopping them undoes.

use std::fs;
use std::io;
use std::path::PathBuf;

use netkernel::link::LinkName;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::keep;
use crate::places::Places;
use crate::plan::{Change, Device, Plan};

/// What kind of network it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Guests have addresses of the outside, and the host passes their packets on (`network-route`).
    Route,
    /// Guests have addresses of their own, and go out as the host (`network-nat`).
    Nat,
    /// A bridge without a card, on which the host has no address (`network-bridge netdev=dummy0`).
    Private,
}

impl Kind {
    /// The word that begins the names of its records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Nat => "nat",
            Self::Private => "private",
        }
    }
}

/// A device that guests' packets leave the host by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gateway {
    /// The device.
    pub device: Device,
}

/// What we did to make a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What kind it is.
    pub kind: Kind,
    /// Its name: the gateway device's, or that of its bridge.
    pub name: LinkName,
    /// The device that guests' packets leave the host by; none: any, or none at all.
    pub gateway: Option<Gateway>,
    /// What was done for it.
    pub plan: Plan,
    /// False while it is being done.
    pub is_complete: bool,
}

impl Record {
    /// True when the host's address stands for all that leaves by the card, whoever sent it.
    #[must_use]
    pub fn translates_everybody(&self) -> bool {
        self.plan
            .changes
            .iter()
            .any(|change| matches!(change, Change::Translate(it) if it.translates_everybody()))
    }
}

/// The records of this host.
#[derive(Clone, Debug)]
pub struct Records {
    folder: PathBuf,
}

impl Records {
    /// The records in these places.
    #[must_use]
    pub fn of(places: &Places) -> Self {
        Self { folder: places.runtime.join("routed") }
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.folder.clone()
    }

    /// The record of a network.
    pub fn read(&self, kind: Kind, name: &LinkName) -> Result<Option<Record>, Error> {
        keep::read(&self.path(kind, name))
    }

    /// All records of this kind, by name.
    pub fn all(&self, kind: Kind) -> Result<Vec<Record>, Error> {
        let failed = |error| Error::File { verb: "read", path: self.folder.clone(), error };
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut records: Vec<Record> = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(kind.word()) && name.ends_with(".json") {
                records.extend(keep::read(&path)?);
            }
        }
        records.retain(|record| record.kind == kind);
        records.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(records)
    }

    /// Writes a record.
    pub(super) fn write(&self, record: &Record) -> Result<(), Error> {
        keep::write(&self.path(record.kind, &record.name), record)
    }

    /// Removes a record, if it is there.
    pub(super) fn remove(&self, record: &Record) -> Result<(), Error> {
        keep::remove(&self.path(record.kind, &record.name))
    }

    /// A device's name has no slash, so that it can be part of a file's.
    fn path(&self, kind: Kind, name: &LinkName) -> PathBuf {
        self.folder.join(format!("{}-{name}.json", kind.word()))
    }
}
