//! The connection to the database server: JSON-RPC over a socket.

use std::env;
use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The database of switches.
const DATABASE: &str = "Open_vSwitch";
/// How long the server may take to answer, and the switch to do what it was told. Xen's script waits 30 seconds; the
/// toolstack kills the whole script after 40.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(5);
/// The longest answer that is read.
const LONGEST: usize = 16 * 1024 * 1024;

/// A connection to the database server.
#[derive(Debug)]
pub struct Database {
    stream: UnixStream,
    path: PathBuf,
    received: Vec<u8>,
    last_id: u64,
}

/// Open vSwitch could not be asked or told.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The server cannot be reached.
    Connect(PathBuf, io::Error),
    /// The connection broke.
    Talk(io::Error),
    /// The server's answer is not what RFC 7047 says.
    Malformed(&'static str),
    /// The server refused.
    Refused(String),
    /// There is no such bridge.
    NoBridge {
        /// Its name.
        name: String,
        /// Those that there are.
        present: Vec<String>,
    },
    /// The switch could not take the device.
    Port {
        /// The device.
        device: String,
        /// What the switch says.
        sentence: String,
    },
    /// The switch did not do what the database says, in time.
    Patience,
}

impl Database {
    /// Connects to the server of this host: `OVS_RUNDIR` says where its socket is, else it is `/run/openvswitch`.
    pub fn open() -> Result<Self, Error> {
        let folder = env::var_os("OVS_RUNDIR").filter(|value| !value.is_empty());
        let path = folder.map_or_else(|| PathBuf::from("/run/openvswitch"), PathBuf::from).join("db.sock");
        let connected = UnixStream::connect(&path).and_then(|stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(stream)
        });
        match connected {
            Ok(stream) => Ok(Self { stream, path, received: Vec::new(), last_id: 0 }),
            Err(error) => Err(Error::Connect(path, error)),
        }
    }

    /// Where the server's socket is.
    #[must_use]
    pub fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Carries out operations together or not at all, and returns their results.
    pub(super) fn transact(&mut self, operations: Vec<Value>) -> Result<Vec<Value>, Error> {
        let count = operations.len();
        let mut parameters = vec![json!(DATABASE)];
        parameters.extend(operations);
        let answer = self.call("transact", &Value::Array(parameters))?;
        let Value::Array(mut results) = answer else {
            return Err(Error::Malformed("results that are no list"));
        };
        for result in &results {
            if let Some(error) = result.get("error").filter(|error| !error.is_null()) {
                let details = result.get("details").and_then(Value::as_str).unwrap_or_default();
                return Err(Error::Refused(format!("{}: {details}", error.as_str().unwrap_or("error"))));
            }
        }
        if results.len() < count {
            return Err(Error::Malformed("fewer results than operations"));
        }
        results.truncate(count);
        Ok(results)
    }

    /// Rows of a table that a condition holds for, with these columns.
    pub(super) fn select(
        &mut self,
        table: &str,
        condition: &Value,
        columns: &[&str],
    ) -> Result<Vec<Value>, Error> {
        let operation = json!({ "op": "select", "table": table, "where": [condition], "columns": columns });
        let mut results = self.transact(vec![operation])?;
        match results.pop().map(|mut result| result["rows"].take()) {
            Some(Value::Array(rows)) => Ok(rows),
            _ => Err(Error::Malformed("a selection without rows")),
        }
    }

    /// Waits until the switch has done all that the database says by now. `number` is its `next_cfg`.
    pub(super) fn await_switch(&mut self, number: i64) -> Result<(), Error> {
        let end = Instant::now() + PATIENCE;
        loop {
            let rows = self.select("Open_vSwitch", &json!(["next_cfg", ">=", number]), &["cur_cfg"])?;
            if rows.iter().any(|row| row["cur_cfg"].as_i64().is_some_and(|done| done >= number)) {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(Error::Patience);
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn call(&mut self, method: &str, parameters: &Value) -> Result<Value, Error> {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&json!({ "method": method, "params": parameters, "id": id }))?;
        loop {
            let mut message = self.receive()?;
            // The server asks from time to time whether anybody is there.
            if message["method"] == "echo" {
                let answer = json!({ "result": message["params"], "error": null, "id": message["id"] });
                self.send(&answer)?;
                continue;
            }
            if message["id"] != id {
                continue;
            }
            if !message["error"].is_null() {
                return Err(Error::Refused(message["error"].to_string()));
            }
            return Ok(message["result"].take());
        }
    }

    fn send(&mut self, message: &Value) -> Result<(), Error> {
        self.stream.write_all(message.to_string().as_bytes()).map_err(Error::Talk)
    }

    /// The next message. They follow each other without anything between them.
    fn receive(&mut self) -> Result<Value, Error> {
        loop {
            let mut messages = serde_json::Deserializer::from_slice(&self.received).into_iter();
            match messages.next() {
                Some(Ok(message)) => {
                    let used = messages.byte_offset();
                    self.received.drain(..used);
                    return Ok(message);
                }
                Some(Err(error)) if !error.is_eof() => {
                    return Err(Error::Malformed("an answer that is no JSON"));
                }
                _ => {}
            }
            if self.received.len() > LONGEST {
                return Err(Error::Malformed("an answer without end"));
            }
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(Error::Talk(io::ErrorKind::UnexpectedEof.into())),
                Ok(length) => self.received.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::Talk(error)),
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(path, error) => write!(
                f,
                "Open vSwitch cannot be reached at {}: {error}; is ovsdb-server running?",
                path.display()
            ),
            Self::Talk(error) => write!(f, "the connection to Open vSwitch broke: {error}"),
            Self::Malformed(what) => write!(f, "Open vSwitch gave {what}"),
            Self::Refused(sentence) => write!(f, "Open vSwitch refused: {sentence}"),
            Self::NoBridge { name, present } if present.is_empty() => {
                write!(
                    f,
                    "Open vSwitch has no bridge {name}, and no other; make it with: ovs-vsctl add-br {name}"
                )
            }
            Self::NoBridge { name, present } => write!(
                f,
                "Open vSwitch has no bridge {name}; name one that exists with bridge= ({})",
                present.join(", ")
            ),
            Self::Port { device, sentence } => write!(f, "Open vSwitch cannot take {device}: {sentence}"),
            Self::Patience => write!(
                f,
                "Open vSwitch did not do it within {} seconds; is ovs-vswitchd running?",
                PATIENCE.as_secs()
            ),
        }
    }
}

impl std::error::Error for Error {}
