//! The record of a network that was started, on disk before the first change is made: what `stop` undoes, and what is
//! left when the program is killed.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use netkernel::link::LinkName;
use serde::{Deserialize, Serialize};

use super::handover::CardBefore;
use super::layout::Shape;
use crate::dhcp::Client;
use crate::places::Places;
use crate::plan::{Device, Plan};

/// What we did to make a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The bridge.
    pub bridge: Device,
    /// The device that it leads out through, with the name that it has meanwhile.
    pub uplink: Device,
    /// Who is called what.
    pub shape: Shape,
    /// Whether the bridge speaks the spanning tree protocol.
    pub stp: bool,
    /// What that device must be given back, apart from what moves.
    pub before: CardBefore,
    /// What was said of `antispoof=`.
    pub antispoof: Option<bool>,
    /// Set while someone must confirm that the host can still be reached: who goes back by itself otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed: Option<Ticket>,
    /// The DHCP clients that went with the card's addresses, as they ran on the card.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<Client>,
    /// What was done to make it, while it stands: what its card had is found there, should its bridge be removed by another
    /// hand.
    #[serde(default)]
    pub made: Plan,
    /// How far it has come.
    pub state: State,
}

/// What tells the start of a network that must be confirmed from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticket(u64);

impl Ticket {
    /// One that no other start has.
    #[must_use]
    pub fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(since.as_secs().wrapping_mul(1_000_000_000).wrapping_add(u64::from(since.subsec_nanos())))
    }
}

impl Default for Ticket {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Ticket {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Record {
    /// The device that has the host's addresses.
    #[must_use]
    pub fn front(&self) -> &Device {
        self.shape.front(&self.bridge)
    }
}

/// How far a network has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// This plan is being carried out; each of its changes may have been made or not.
    Starting(Plan),
    /// It stands.
    Started,
    /// This plan is being carried out.
    Stopping(Plan),
}

/// While it lives, nobody else starts or stops a network of this host. The kernel ends it with the process.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// The records of this host.
#[derive(Clone, Debug)]
pub struct Records {
    folder: PathBuf,
    /// Where DHCP clients that we start have their files.
    pub(super) clients: PathBuf,
}

impl Records {
    /// The records in these places.
    #[must_use]
    pub fn of(places: &Places) -> Self {
        Self { folder: places.networks(), clients: places.clients() }
    }

    /// Keeps all others from starting and stopping networks of this host, for as long as the result lives. Waits for one
    /// who does.
    pub fn lock(&self) -> Result<Lock, RecordError> {
        let path = self.folder.join("lock");
        let failed = |source| RecordError { path: path.clone(), fault: Fault::Io("lock", source) };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let file = File::create(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(Lock { _file: file })
    }

    /// The record of the network whose bridge has this name.
    pub fn read(&self, bridge: &LinkName) -> Result<Option<Record>, RecordError> {
        read(&self.path(bridge))
    }

    /// All records, by the names of their bridges.
    pub fn all(&self) -> Result<Vec<Record>, RecordError> {
        let mut records = Vec::new();
        for path in self.paths()? {
            records.extend(read(&path)?);
        }
        records.sort_by(|one, other| one.bridge.name.cmp(&other.bridge.name));
        Ok(records)
    }

    /// The files that should be records.
    fn paths(&self) -> Result<Vec<PathBuf>, RecordError> {
        let failed = |source| RecordError { path: self.folder.clone(), fault: Fault::Io("read", source) };
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                paths.push(path);
            }
        }
        Ok(paths)
    }

    /// Renames what cannot be read as a record, so that it is in nobody's way, and returns the new names.
    pub fn set_unreadable_aside(&self) -> Result<Vec<PathBuf>, RecordError> {
        let mut aside = Vec::new();
        for path in self.paths()? {
            if matches!(read(&path), Err(RecordError { fault: Fault::Content(_), .. })) {
                let to = path.with_added_extension("unreadable");
                let failed = |source| RecordError { path: path.clone(), fault: Fault::Io("rename", source) };
                fs::rename(&path, &to).map_err(failed)?;
                aside.push(to);
            }
        }
        Ok(aside)
    }

    /// Writes a record, so that it is there whole, or as it was before, whatever happens meanwhile.
    pub fn write(&self, record: &Record) -> Result<(), RecordError> {
        let path = self.path(&record.bridge.name);
        let failed = |source| RecordError { path: path.clone(), fault: Fault::Io("write", source) };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let text = serde_json::to_vec(record).map_err(|error| failed(error.into()))?;
        let draft = path.with_extension("new");
        let written = File::create(&draft)
            .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&draft, &path));
        if let Err(error) = written {
            // Where there is no room, half a file takes what others need.
            let _ = fs::remove_file(&draft);
            return Err(failed(error));
        }
        // The name is on disk when its folder is.
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }

    /// Removes a record, if it is there.
    pub fn remove(&self, bridge: &LinkName) -> Result<(), RecordError> {
        let path = self.path(bridge);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(RecordError { path, fault: Fault::Io("remove", error) })
            }
            _ => Ok(()),
        }
    }

    /// A device's name has no slash and is not `..`, so that it can be a file's.
    fn path(&self, bridge: &LinkName) -> PathBuf {
        self.folder.join(format!("{bridge}.json"))
    }
}

fn read(path: &Path) -> Result<Option<Record>, RecordError> {
    let fail = |fault| RecordError { path: path.to_owned(), fault };
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|error| fail(Fault::Io("read", error)))?,
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| fail(Fault::Content(error)))
}

/// A record could not be read or written.
#[derive(Debug)]
pub struct RecordError {
    path: PathBuf,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    Io(&'static str, io::Error),
    Content(serde_json::Error),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.fault {
            Fault::Io(verb, error) => write!(f, "cannot {verb} {path}: {error}"),
            Fault::Content(error) => {
                write!(f, "{path} is not a record of this program ({error}); dom0net recover sets it aside")
            }
        }
    }
}

impl std::error::Error for RecordError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(bridge: &str) -> Record {
        let device = |index, name: &str| Device { index, name: LinkName::new(name).unwrap() };
        Record {
            bridge: device(7, bridge),
            uplink: device(2, "eth0"),
            shape: Shape::Today,
            stp: false,
            before: CardBefore {
                name: LinkName::new("eth0").unwrap(),
                up: true,
                mac: None,
                address_generation: None,
                reverse_path_filter: None,
            },
            antispoof: Some(true),
            unconfirmed: None,
            clients: Vec::new(),
            made: Plan::new(),
            state: State::Starting(Plan::new()),
        }
    }

    fn records() -> (tempfile::TempDir, Records) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let records = Records { folder: path("networks"), clients: path("dhcp") };
        (folder, records)
    }

    #[test]
    fn a_record_reads_back_as_written_until_it_is_removed() {
        let (_folder, records) = records();
        let name = LinkName::new("xenbr0").unwrap();
        assert_eq!(records.all().unwrap(), []);
        records.write(&record("xenbr0")).unwrap();
        records.write(&Record { state: State::Started, ..record("xenbr0") }).unwrap();
        records.write(&record("xenbr1")).unwrap();
        assert_eq!(records.read(&name).unwrap().unwrap().state, State::Started);
        assert_eq!(records.all().unwrap().len(), 2);
        records.remove(&name).unwrap();
        records.remove(&name).unwrap();
        assert_eq!(records.read(&name).unwrap(), None);
    }

    #[test]
    fn a_torn_record_is_an_error_that_names_the_file() {
        let (_folder, records) = records();
        records.write(&record("xenbr0")).unwrap();
        let name = LinkName::new("xenbr0").unwrap();
        fs::write(records.path(&name), "{\"bridge\":").unwrap();
        let text = records.read(&name).unwrap_err().to_string();
        assert!(text.contains("xenbr0.json"), "{text}");
    }
}
