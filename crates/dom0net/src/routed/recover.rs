//! What a run that was killed left half done.

use super::error::Error;
use super::forwarding::put_back;
use super::keep::Lock;
use super::nat::{stands, take_down};
use super::record::{Kind, Record, Records};
use super::route::user;
use super::{forwarding, keep};
use crate::places::Places;
use crate::plan::Kernel;

/// Undoes the networks whose start or stop was cut short, and what is left of those whose bridge somebody has removed.
/// Returns what was undone.
pub fn recover(kernel: &mut Kernel, places: &Places) -> Result<Vec<Record>, Error> {
    let records = Records::of(places);
    let mut all = Vec::new();
    for kind in [Kind::Route, Kind::Nat, Kind::Private] {
        all.extend(records.all(kind)?);
    }
    if all.is_empty() {
        // A host without such networks needs no lock for them.
        return Ok(Vec::new());
    }
    let _lock = Lock::take(&places.runtime)?;
    let mut undone = Vec::new();
    for record in all {
        if record.is_complete && stands(kernel, &record)? {
            continue;
        }
        if record.kind == Kind::Route {
            put_back(&record.plan, kernel);
            forwarding::release(places, &user(&record), kernel)?;
            records.remove(&record)?;
        } else {
            // What was not made cannot be undone; that is right.
            take_down(kernel, places, &Record { is_complete: false, ..record.clone() })?;
        }
        undone.push(record);
    }
    keep::sweep(&records.folder())?;
    Ok(undone)
}
