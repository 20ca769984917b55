//! What can be asked, of a client or inside a transaction.

use super::batch::Batch;
use super::error::Error;
use super::listing;
use super::replies::Replies;
use super::tree::{Tree, TreeLimits};
use crate::permissions::Permissions;
use crate::wire::ErrorCode;

/// What reading one node gave: its value, or `None` when there is no such node.
pub type ReadResult = Result<Option<Vec<u8>>, Error>;

/// Requests about nodes. A [`Client`](super::Client) sends them by themselves, a
/// [`Transaction`](super::Transaction) as parts of it.
///
/// A function that takes `&mut impl Requests` works with both. Relative paths start from the
/// `/local/domain/<domid>` of the caller. Values are bytes that may come from a guest: check them before use.
pub trait Requests {
    /// Sends all requests of the batch and waits for their replies: one write, and as few reads as the
    /// replies need.
    ///
    /// Batches over 32 KiB are sent in several rounds, so that a daemon that answers while it is still being
    /// asked cannot come to wait for us while we wait for it. To the kernel's device the requests go one by
    /// one: its driver confuses requests that follow each other too soon.
    fn run(&mut self, batch: Batch) -> Result<Replies, Error>;

    /// A node's value; `None` when there is no such node.
    fn read(&mut self, path: &str) -> ReadResult {
        let mut batch = Batch::new();
        let ticket = batch.read(path)?;
        Ok(self.run(batch)?.get(ticket)?.map(<[u8]>::to_vec))
    }

    /// A node's value as text; [`Error::NotText`] when it is not UTF-8.
    fn read_text(&mut self, path: &str) -> Result<Option<String>, Error> {
        let mut batch = Batch::new();
        let ticket = batch.read_text(path)?;
        Ok(self.run(batch)?.get(ticket)?.map(str::to_owned))
    }

    /// The values of many nodes in one round trip, each as [`read`](Self::read) gives it.
    ///
    /// ```no_run
    /// # use xenstore::{Client, Requests};
    /// # let mut client = Client::open()?;
    /// let [bridge, mac] = client.read_many(["backend/vif/1/0/bridge", "backend/vif/1/0/mac"])?;
    /// if let Some(bridge) = bridge? {
    ///     println!("{}", bridge.escape_ascii());
    /// }
    /// # Ok::<(), xenstore::Error>(())
    /// ```
    fn read_many<P: AsRef<str>, const N: usize>(&mut self, paths: [P; N]) -> Result<[ReadResult; N], Error> {
        let mut values = self.read_each(paths)?.into_iter();
        Ok(std::array::from_fn(|_| values.next().unwrap_or(Err(Error::WrongTicket))))
    }

    /// The values of any number of nodes, each as [`read`](Self::read) gives it, in the order of the paths.
    fn read_each<P: AsRef<str>>(
        &mut self,
        paths: impl IntoIterator<Item = P>,
    ) -> Result<Vec<ReadResult>, Error> {
        let mut batch = Batch::new();
        let tickets =
            paths.into_iter().map(|path| batch.read(path.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let replies = self.run(batch)?;
        Ok(tickets
            .into_iter()
            .map(|ticket| replies.get(ticket).map(|value| value.map(<[u8]>::to_vec)))
            .collect())
    }

    /// Sets a node's value; makes the node, and what is missing above it.
    fn write(&mut self, path: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.write(path, value)?;
        self.run(batch)?.check()
    }

    /// Sets many nodes in one round trip. All are tried; the error is the first one's that failed.
    fn write_each<P: AsRef<str>, V: AsRef<[u8]>>(
        &mut self,
        nodes: impl IntoIterator<Item = (P, V)>,
    ) -> Result<(), Error> {
        let mut batch = Batch::new();
        for (path, value) in nodes {
            batch.write(path.as_ref(), value)?;
        }
        self.run(batch)?.check()
    }

    /// Makes a node, and what is missing above it, if there is none.
    fn mkdir(&mut self, path: &str) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.mkdir(path)?;
        self.run(batch)?.check()
    }

    /// Removes a node and all below it, if there is one.
    fn remove(&mut self, path: &str) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.remove(path)?;
        self.run(batch)?.check()
    }

    /// Whether there is such a node.
    fn exists(&mut self, path: &str) -> Result<bool, Error> {
        let mut batch = Batch::new();
        let ticket = batch.read(path)?;
        Ok(self.run(batch)?.get(ticket)?.is_some())
    }

    /// The names of a node's children; `None` when there is no such node.
    ///
    /// `xenstored` lists them in the order in which they were made, `oxenstored` sorted. A list that does not
    /// fit in one message is read in parts, from the start again whenever it changes meanwhile; `oxenstored`
    /// does not know parts: over its socket it sends the whole list, over the device it refuses (`ENOSYS` of
    /// `DIRECTORY_PART`).
    fn directory(&mut self, path: &str) -> Result<Option<Vec<String>>, Error> {
        let mut batch = Batch::new();
        let ticket = batch.directory(path)?;
        match self.run(batch)?.get(ticket) {
            Ok(names) => Ok(names.map(|names| names.into_iter().map(str::to_owned).collect())),
            Err(error) if error.code() == Some(ErrorCode::TooBig) => listing::directory_in_parts(self, path),
            Err(error) => Err(error),
        }
    }

    /// A node's permissions; `None` when there is no such node.
    fn permissions(&mut self, path: &str) -> Result<Option<Permissions>, Error> {
        let mut batch = Batch::new();
        let ticket = batch.permissions(path)?;
        self.run(batch)?.get(ticket)
    }

    /// Replaces a node's permissions. The path may be a special one too.
    fn set_permissions(&mut self, path: &str, permissions: &Permissions) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.set_permissions(path, permissions)?;
        self.run(batch)?.check()
    }

    /// A node and all below it; `None` when there is no such node.
    ///
    /// Reads level by level, many nodes in each round trip. Outside a transaction the tree may change
    /// meanwhile: what goes away while it is being read is left out.
    fn tree(&mut self, path: &str, limits: TreeLimits) -> Result<Option<Tree>, Error> {
        listing::tree(self, path, limits)
    }
}
