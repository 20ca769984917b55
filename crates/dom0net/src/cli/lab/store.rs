//! What the store holds, as `xenstore-ls` shows it.

use std::fmt::Write;

use lab::{Lab, VifId};
use xenstore::{Requests, TreeLimits};

use super::scene::SceneError;

/// The nodes of one interface's two ends.
pub(super) fn of_vif(lab: &Lab, vif: VifId) -> Result<String, SceneError> {
    let mut store = lab.store()?;
    let failed = |error: xenstore::Error| SceneError(error.to_string());
    let mut text = String::new();
    for folder in [vif.backend_path(), vif.frontend_path()] {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {folder}");
        let Some(tree) = store.tree(&folder, TreeLimits::default()).map_err(failed)? else { continue };
        for (depth, node) in tree.walk().filter(|(depth, _)| *depth > 0) {
            let value = node.value().unwrap_or_default().escape_ascii();
            let _ = writeln!(text, "  {:1$}{2} = \"{value}\"", "", depth, node.name());
        }
    }
    Ok(text)
}
