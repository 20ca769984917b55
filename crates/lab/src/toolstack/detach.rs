//! Detaching an interface (`libxl__initiate_device_generic_remove` and what follows it in `libxl_device.c`).

use xenstore::{Client, Requests};

use super::attach::read_text;
use super::nodes::clean_up;
use super::script::{ScriptAction, ScriptCall, ScriptRun};
use super::{Manner, Toolstack, ToolstackError, wait};
use crate::xenbus::{VifId, XenbusState};

/// An interface that has been detached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detached {
    /// The calls of scripts, in order. What becomes of them changes nothing.
    pub runs: Vec<ScriptRun>,
}

/// What the nodes say of an interface that is to go.
#[derive(Debug)]
pub(super) struct Present {
    script: Option<String>,
    gatewaydev: Option<String>,
    has_tap: bool,
    state: Option<XenbusState>,
}

impl Toolstack {
    /// Detaches an interface, as `xl network-detach` does.
    ///
    /// A backend that does not close within the time is forced: its nodes are removed, no script is called, and
    /// the result is [`ToolstackError::Backend`].
    pub fn detach(&self, domid: u32, devid: u32) -> Result<Detached, ToolstackError> {
        self.guest(domid)?;
        let mut store = self.client()?;
        let vif = find(&mut store, domid, devid)?;
        let present = look(&mut store, vif)?;
        if present.state.is_none() {
            remove_nodes(&mut store, vif)?;
            return Ok(Detached { runs: Vec::new() });
        }
        ask_to_close(&mut store, vif)?;
        let limit = self.options.timeouts.backend;
        let closed = wait::for_backend(&mut store, vif, XenbusState::Closed, limit);
        let result = match closed {
            Ok(()) => Ok(Detached { runs: self.call_down(vif, &present)? }),
            Err(_) => self.force(&mut store, vif).map(|()| Detached { runs: Vec::new() }),
        };
        remove_nodes(&mut store, vif)?;
        result
    }

    /// The second round: the frontend's nodes are removed first, so that the backend must see that nobody is there.
    fn force(&self, store: &mut Client, vif: VifId) -> Result<(), ToolstackError> {
        store.remove(&vif.frontend_path())?;
        let limit = self.options.timeouts.backend;
        let closed = wait::for_backend(store, vif, XenbusState::Closed, limit);
        // Even when it has closed now: the operation as a whole has failed.
        Err(closed.err().unwrap_or(ToolstackError::Backend {
            vif,
            wanted: XenbusState::Closed,
            found: Some(XenbusState::Closed),
            waited: limit,
            said: Some("only after its frontend had been removed".to_owned()),
        }))
    }

    /// Takes an interface away from a domain that is being destroyed: by force from the start, and whatever
    /// happens. Returns the calls of scripts.
    pub(super) fn take_away(&self, store: &mut Client, vif: VifId) -> Result<Vec<ScriptRun>, ToolstackError> {
        let present = look(store, vif)?;
        let mut runs = Vec::new();
        if present.state.is_some() {
            store.remove(&vif.frontend_path())?;
            ask_to_close(store, vif)?;
            let limit = self.options.timeouts.backend;
            if wait::for_backend(store, vif, XenbusState::Closed, limit).is_ok() {
                runs = self.call_down(vif, &present)?;
            }
        }
        remove_nodes(store, vif)?;
        Ok(runs)
    }

    /// Calls the script for an interface that has gone.
    fn call_down(&self, vif: VifId, present: &Present) -> Result<Vec<ScriptRun>, ToolstackError> {
        let Some(script) = present.script.as_deref().filter(|_| vif.backend == 0) else {
            return Ok(Vec::new());
        };
        if self.options.manner == Manner::Xend {
            return Ok(vec![self.call(ScriptCall::about_event(vif, script, ScriptAction::Offline))?]);
        }
        if present.has_tap {
            self.remove_tap(vif)?;
        }
        let mut runs = Vec::new();
        let actions = [ScriptAction::Offline, ScriptAction::Remove];
        for action in actions.into_iter().filter(|action| present.has_tap || !action.is_tap()) {
            let call = ScriptCall::about(vif, script, present.gatewaydev.as_deref(), action);
            runs.push(self.call(call)?);
        }
        Ok(runs)
    }
}

/// The interface, with the domain that serves it.
pub(super) fn find(store: &mut Client, domid: u32, devid: u32) -> Result<VifId, ToolstackError> {
    let vif = VifId { domid, devid, backend: 0 };
    let backend = match read_text(store, &format!("{}/backend", vif.libxl_path()))? {
        Some(path) => path.split('/').nth(3).and_then(|domid| domid.parse().ok()),
        // xend has no notes of its own, and believes what the guest may have written.
        None => read_text(store, &format!("{}/backend-id", vif.frontend_path()))?
            .and_then(|domid| domid.parse().ok()),
    };
    backend.map(|backend| VifId { backend, ..vif }).ok_or(ToolstackError::NoVif { vif })
}

fn look(store: &mut Client, vif: VifId) -> Result<Present, ToolstackError> {
    let backend = vif.backend_path();
    let mut text = |node: &str| read_text(store, &format!("{backend}/{node}"));
    Ok(Present {
        script: text("script")?,
        gatewaydev: text("gatewaydev")?,
        has_tap: matches!(text("type")?.as_deref(), Some("vif_ioemu")),
        state: text("state")?.map(|state| XenbusState::read(state.as_bytes())),
    })
}

/// Tells both ends that the interface shall go, unless it has closed by itself.
fn ask_to_close(store: &mut Client, vif: VifId) -> Result<(), ToolstackError> {
    let backend = vif.backend_path();
    let state = format!("{backend}/state");
    store.transaction(|transaction| {
        transaction.write(&format!("{backend}/online"), "0")?;
        let now = transaction.read(&state)?;
        if now.as_deref().map(XenbusState::read) != Some(XenbusState::Closed) {
            transaction.write(&state, XenbusState::Closing.value())?;
        }
        Ok::<_, ToolstackError>(())
    })
}

fn remove_nodes(store: &mut Client, vif: VifId) -> Result<(), ToolstackError> {
    store.transaction(|transaction| {
        for path in [vif.frontend_path(), vif.libxl_path(), vif.backend_path()] {
            clean_up(transaction, &path)?;
        }
        Ok::<_, ToolstackError>(())
    })
}
