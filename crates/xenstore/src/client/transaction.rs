//! Several requests that take effect together or not at all.

use super::Client;
use super::batch::Batch;
use super::error::Error;
use super::replies::Replies;
use super::requests::Requests;
use crate::wire::ErrorCode;

/// How often [`Client::transaction`] tries before it gives up.
///
/// Each conflict means that somebody else got through, so a hundred in a row are no bad luck any more.
pub const TRANSACTION_ATTEMPTS: u32 = 100;

/// Requests that see the store as it was and are seen by others only after [`commit`](Self::commit).
///
/// Dropped without a commit, all it did is discarded.
#[derive(Debug)]
pub struct Transaction<'a> {
    client: &'a mut Client,
    tx_id: u32,
    open: bool,
}

impl Client {
    /// Carries out `work` in a transaction and commits it; tries again when others changed what it had read,
    /// up to [`TRANSACTION_ATTEMPTS`] times.
    ///
    /// When `work` fails, nothing of it takes effect.
    ///
    /// ```no_run
    /// # use xenstore::{Client, Error, Requests};
    /// # let mut client = Client::open()?;
    /// let count = client.transaction(|transaction| {
    ///     let count = transaction.read_text("data/count")?;
    ///     let count = count.and_then(|count| count.parse().ok()).unwrap_or(0u32) + 1;
    ///     transaction.write("data/count", count.to_string())?;
    ///     Ok::<_, Error>(count)
    /// })?;
    /// # let _ = count;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn transaction<T, E: From<Error>>(
        &mut self,
        mut work: impl FnMut(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        for _ in 0..TRANSACTION_ATTEMPTS {
            let mut transaction = self.begin()?;
            let result = work(&mut transaction)?;
            if transaction.commit()? {
                return Ok(result);
            }
        }
        Err(Error::Conflict { attempts: TRANSACTION_ATTEMPTS }.into())
    }

    /// Starts a transaction.
    pub fn begin(&mut self) -> Result<Transaction<'_>, Error> {
        let mut batch = Batch::new();
        let ticket = batch.transaction_start()?;
        let tx_id = self.exchange(batch, 0)?.get(ticket)?;
        Ok(Transaction { client: self, tx_id, open: true })
    }
}

impl Transaction<'_> {
    /// Makes all of it take effect. `false`: others changed what it had read, nothing took effect, begin
    /// again.
    pub fn commit(mut self) -> Result<bool, Error> {
        match self.end(true) {
            Ok(()) => Ok(true),
            Err(error) if error.code() == Some(ErrorCode::Again) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Discards all of it.
    pub fn abort(mut self) -> Result<(), Error> {
        self.end(false)
    }

    fn end(&mut self, commit: bool) -> Result<(), Error> {
        // Whatever the daemon answers, it knows the transaction no more.
        self.open = false;
        let mut batch = Batch::new();
        batch.transaction_end(commit)?;
        self.run(batch)?.check()
    }
}

impl Requests for Transaction<'_> {
    fn run(&mut self, batch: Batch) -> Result<Replies, Error> {
        self.client.exchange(batch, self.tx_id)
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.open {
            // The daemon discards it with the connection at the latest; there is nobody to tell of a failure
            // here.
            let _ = self.end(false);
        }
    }
}
