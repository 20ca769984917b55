//! A start that goes back by itself unless someone confirms that the host can still be reached.

use std::thread;
use std::time::{Duration, Instant};

use netkernel::link::LinkName;

use super::error::Error;
use super::record::{Record, Records, Ticket};
use super::stop::stop_alone;
use crate::plan::Kernel;

/// How often a record is looked at.
const PAUSE: Duration = Duration::from_millis(100);

/// What became of a start that had to be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// Someone has confirmed it, or stopped the network.
    Settled,
    /// Nobody has, and all is as it was before.
    WentBack,
}

/// Confirms that all is well: of this bridge, or of all. Returns the records that were waiting for that.
pub fn confirm(records: &Records, bridge: Option<&LinkName>) -> Result<Vec<Record>, Error> {
    let _lock = records.lock()?;
    let mut confirmed = Vec::new();
    for record in records.all()? {
        let is_meant = bridge.is_none_or(|bridge| record.bridge.name == *bridge);
        if is_meant && record.unconfirmed.is_some() {
            let record = Record { unconfirmed: None, ..record };
            records.write(&record)?;
            confirmed.push(record);
        }
    }
    Ok(confirmed)
}

/// Waits until the start with this ticket is confirmed, and takes it back if it is not.
pub fn watch(
    records: &Records,
    bridge: &LinkName,
    ticket: Ticket,
    patience: Duration,
) -> Result<Watched, Error> {
    let end = Instant::now() + patience;
    let mut seen = false;
    while Instant::now() < end {
        match records.read(bridge)?.map(|record| record.unconfirmed == Some(ticket)) {
            Some(true) => seen = true,
            Some(false) | None if seen => return Ok(Watched::Settled),
            // It has not begun yet.
            _ => {}
        }
        thread::sleep(PAUSE);
    }
    // The start may be under way still, or may have been killed: stopping deals with either, one after the other.
    let _lock = records.lock()?;
    if records.read(bridge)?.is_none_or(|record| record.unconfirmed != Some(ticket)) {
        return Ok(Watched::Settled);
    }
    stop_alone(&mut Kernel::open()?, records, bridge, true)?;
    Ok(Watched::WentBack)
}
