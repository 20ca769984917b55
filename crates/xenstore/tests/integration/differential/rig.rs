//! Connections of dom0 and of guests to a daemon, and what is said on them.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use tempfile::TempDir;
use xenstore::wire::{Header, MessageType};
use xenstore::{Server, ServerHandle};

use crate::raw::{RawClient, Received};
use crate::real::RealDaemon;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Client {
    /// The toolstack.
    Dom0,
    /// A second connection of dom0.
    Other,
    /// Domain 5, which owns `/local/domain/5`.
    Guest5,
    /// Domain 6, which owns `/local/domain/6`.
    Guest6,
}

impl Client {
    pub(crate) const ALL: [Self; 4] = [Self::Dom0, Self::Other, Self::Guest5, Self::Guest6];

    const fn domid(self) -> u32 {
        match self {
            Self::Dom0 | Self::Other => 0,
            Self::Guest5 => 5,
            Self::Guest6 => 6,
        }
    }
}

/// One thing to do.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Sends a request.
    Request { client: Client, message_type: u32, tx_id: u32, payload: Vec<u8> },
    /// Dom0 releases a guest's domain and introduces it again; the guest connects anew.
    Restart(Client),
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { client, message_type, tx_id, payload } => {
                let name = MessageType::from_number(*message_type).map_or("?", MessageType::name);
                let shown = payload.get(..60).unwrap_or(payload).escape_ascii();
                write!(
                    f,
                    "{client:?} {name}({message_type}) tx {tx_id} \"{shown}\" ({} bytes)",
                    payload.len()
                )
            }
            Self::Restart(client) => write!(f, "restart {client:?}"),
        }
    }
}

enum Daemon {
    Real(RealDaemon),
    Ours(ServerHandle, #[expect(dead_code, reason = "holds the folder of the socket")] TempDir),
}

pub(crate) struct Rig {
    daemon: Daemon,
    clients: BTreeMap<Client, RawClient>,
}

impl Rig {
    pub(crate) fn real(daemon: RealDaemon) -> Self {
        Self::new(Daemon::Real(daemon))
    }

    pub(crate) fn ours() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::bind(folder.path().join("socket")).unwrap().spawn().unwrap();
        Self::new(Daemon::Ours(server, folder))
    }

    fn new(daemon: Daemon) -> Self {
        let mut rig = Self { daemon, clients: BTreeMap::new() };
        for client in Client::ALL {
            rig.connect(client);
        }
        rig
    }

    /// Connects a client; does for a guest's domain what a toolstack does when it makes one. Tells all that
    /// is said.
    fn connect(&mut self, client: Client) -> String {
        let mut said = String::new();
        let domid = client.domid();
        if domid != 0 {
            for (message_type, payload) in [
                (8, format!("{domid}\x001\x002\0")),
                (12, format!("/local/domain/{domid}\0")),
                (14, format!("/local/domain/{domid}\0n{domid}\0")),
            ] {
                said += &self.request(Client::Dom0, message_type, 0, payload.as_bytes());
            }
        }
        let connected = match &self.daemon {
            Daemon::Real(daemon) if domid == 0 => RawClient::connect(&daemon.socket()),
            Daemon::Real(daemon) => RawClient::new(daemon.ring(domid)),
            Daemon::Ours(server, _) => RawClient::from_stream(server.connect(domid).unwrap()),
        };
        self.clients.insert(client, connected);
        said
    }

    /// Does one thing and tells all that is said because of it, on every connection.
    pub(crate) fn carry_out(&mut self, step: &Step) -> String {
        match step {
            Step::Request { client, message_type, tx_id, payload } => {
                self.request(*client, *message_type, *tx_id, payload)
            }
            Step::Restart(client) => {
                self.clients.remove(client);
                let released = format!("{}\0", client.domid());
                self.request(Client::Dom0, 9, 0, released.as_bytes()) + &self.connect(*client)
            }
        }
    }

    fn request(&mut self, client: Client, message_type: u32, tx_id: u32, payload: &[u8]) -> String {
        let mut said = String::new();
        for received in self.clients.get_mut(&client).unwrap().request(message_type, tx_id, payload) {
            show(&mut said, &received);
        }
        for (client, connection) in &mut self.clients {
            for event in connection.pending_events() {
                write!(said, " | {client:?}:").unwrap();
                show(&mut said, &event);
            }
        }
        said
    }

    /// Sends a request and gives the payload of its reply.
    pub(crate) fn ask(&mut self, client: Client, message_type: u32, payload: &[u8]) -> Vec<u8> {
        let received = self.clients.get_mut(&client).unwrap().request(message_type, 0, payload);
        received.last().unwrap().payload.clone()
    }
}

fn show(said: &mut String, received: &Received) {
    let Header { message_type, req_id, tx_id, len } = received.header;
    let mut payload = &received.payload[..];
    if message_type == MessageType::DirectoryPart.number() {
        // How a daemon counts the changes is its own affair.
        let end = payload.iter().position(|byte| *byte == 0).unwrap();
        payload = &payload[end..];
    } else {
        write!(said, " len {len}").unwrap();
    }
    write!(said, " type {message_type} request {req_id} tx {tx_id} \"{}\";", payload.escape_ascii()).unwrap();
}
