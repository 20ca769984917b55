//! Waiting for nodes to change.

use std::time::{Duration, Instant};

use xenstore::{Client, Error as StoreError, Requests};

use super::ToolstackError;
use crate::xenbus::{VifId, XenbusState};

/// The token of the watch that is waited on.
const TOKEN: &str = "wait";

/// Looks at `node` each time that it changes, until `look` finds in its value what it looks for. None: it has not
/// within `limit`.
fn wait_for<T>(
    store: &mut Client,
    node: &str,
    limit: Duration,
    mut look: impl FnMut(Option<&[u8]>) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    let deadline = Instant::now() + limit;
    store.watch(node, TOKEN)?;
    let found = loop {
        if let Some(found) = look(store.read(node)?.as_deref()) {
            break Some(found);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || store.next_event(Some(left))?.is_none() {
            break None;
        }
    };
    store.unwatch(node, TOKEN)?;
    // Those of this watch that are still there would be taken for another's.
    while store.next_event(Some(Duration::ZERO))?.is_some() {}
    Ok(found)
}

/// Waits until the backend is in state `wanted`; not longer than its nodes are there.
pub(super) fn for_backend(
    store: &mut Client,
    vif: VifId,
    wanted: XenbusState,
    limit: Duration,
) -> Result<(), ToolstackError> {
    let begin = Instant::now();
    let node = format!("{}/state", vif.backend_path());
    let mut found = None;
    let reached = wait_for(store, &node, limit, |value| {
        found = value.map(XenbusState::read);
        (found.is_none() || found == Some(wanted)).then_some(())
    })?;
    if reached.is_some() && found == Some(wanted) {
        return Ok(());
    }
    let said = store.read(&vif.error_path())?.map(|text| String::from_utf8_lossy(&text).into_owned());
    Err(ToolstackError::Backend { vif, wanted, found, waited: begin.elapsed(), said })
}

/// Waits until a node has a value that is not empty.
pub(super) fn for_value(
    store: &mut Client,
    node: &str,
    limit: Duration,
) -> Result<Option<Vec<u8>>, StoreError> {
    wait_for(store, node, limit, |value| value.filter(|value| !value.is_empty()).map(<[u8]>::to_vec))
}
