//! What netback does with a vif, decided from what it sees.

use crate::xenbus::XenbusState;

/// What the store says of a vif.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// The backend's state; none: its nodes are gone.
    pub(super) backend: Option<XenbusState>,
    /// The frontend's state; none: its nodes are gone.
    pub(super) frontend: Option<XenbusState>,
    /// The toolstack wants to keep it.
    pub(super) is_online: bool,
    /// The script says that it has done its part.
    pub(super) is_plugged: bool,
}

/// How far a vif is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The device is there, the guest is waited for.
    Waiting,
    /// The guest is connected, the script is waited for.
    Connected,
    /// All have been told that traffic can pass.
    Announced,
    /// The guest has let go, but may come back.
    Paused,
}

/// What netback does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Make the device, say what it can do, wait for the guest.
    Create,
    /// Wait for a guest that comes back.
    Reopen,
    /// Note that the guest is connected.
    Connect,
    /// Say that traffic can pass.
    Announce,
    /// Say that the guest has let go.
    Pause,
    /// Remove the device with all that is known of it, and say so. What is left of the nodes is the toolstack's
    /// to remove; it may as well write them anew for another device, before we look again.
    Close,
    /// Remove the device with all that is known of it.
    Forget,
}

/// Decides what comes next. `phase` is none for a vif that is new.
///
/// Follows what `drivers/net/xen-netback/xenbus.c` does when the states of the other end change.
pub(super) fn next(phase: Option<Phase>, seen: Seen) -> Option<Step> {
    use XenbusState::{Closed, Connected, Initialising};
    let Some(phase) = phase else {
        return (seen.backend == Some(Initialising)).then_some(Step::Create);
    };
    if seen.backend.is_none() {
        return Some(Step::Forget);
    }
    let guest_is_gone = seen.frontend.is_none_or(|state| matches!(state, Closed | XenbusState::Unknown));
    match phase {
        Phase::Waiting | Phase::Connected | Phase::Announced if guest_is_gone => {
            Some(if seen.is_online && seen.frontend.is_some() { Step::Pause } else { Step::Close })
        }
        Phase::Waiting => (seen.frontend == Some(Connected)).then_some(Step::Connect),
        // Never before the script is done: the guard may not be in force yet.
        Phase::Connected => seen.is_plugged.then_some(Step::Announce),
        Phase::Announced => None,
        Phase::Paused if !seen.is_online || seen.frontend.is_none() => Some(Step::Close),
        Phase::Paused => (seen.frontend == Some(Initialising)).then_some(Step::Reopen),
    }
}

#[cfg(test)]
mod tests {
    use super::XenbusState::{Closed, Closing, Connected, InitWait, Initialising};
    use super::*;

    fn seen(backend: XenbusState, frontend: XenbusState) -> Seen {
        Seen { backend: Some(backend), frontend: Some(frontend), is_online: true, is_plugged: false }
    }

    #[test]
    fn a_vif_is_announced_only_when_the_script_is_done() {
        assert_eq!(next(None, seen(Initialising, Initialising)), Some(Step::Create));
        assert_eq!(next(Some(Phase::Waiting), seen(InitWait, Initialising)), None);
        assert_eq!(next(Some(Phase::Waiting), seen(InitWait, Connected)), Some(Step::Connect));
        assert_eq!(next(Some(Phase::Connected), seen(InitWait, Connected)), None);
        let plugged = Seen { is_plugged: true, ..seen(InitWait, Connected) };
        assert_eq!(next(Some(Phase::Connected), plugged), Some(Step::Announce));
        assert_eq!(next(Some(Phase::Announced), Seen { backend: Some(Connected), ..plugged }), None);
    }

    #[test]
    fn a_vif_that_is_to_go_waits_for_its_guest_to_let_go() {
        let asked = Seen { is_online: false, ..seen(Closing, Connected) };
        assert_eq!(next(Some(Phase::Announced), asked), None);
        let closed = Seen { frontend: Some(Closed), ..asked };
        assert_eq!(next(Some(Phase::Announced), closed), Some(Step::Close));
        assert_eq!(next(None, Seen { backend: Some(Closed), ..closed }), None);
    }

    #[test]
    fn a_vif_goes_when_its_guest_is_destroyed() {
        for phase in [Phase::Waiting, Phase::Connected, Phase::Announced, Phase::Paused] {
            let destroyed = Seen { frontend: None, ..seen(Closing, Connected) };
            assert_eq!(next(Some(phase), destroyed), Some(Step::Close), "{phase:?}");
            let removed = Seen { backend: None, ..destroyed };
            assert_eq!(next(Some(phase), removed), Some(Step::Forget), "{phase:?}");
        }
    }

    #[test]
    fn a_guest_may_let_go_and_come_back() {
        let left = seen(Connected, Closed);
        assert_eq!(next(Some(Phase::Announced), left), Some(Step::Pause));
        assert_eq!(next(Some(Phase::Paused), seen(Closed, Closed)), None);
        assert_eq!(next(Some(Phase::Paused), seen(Closed, Initialising)), Some(Step::Reopen));
    }

    #[test]
    fn nodes_of_vifs_that_others_are_at_work_on_are_left_alone() {
        for state in [InitWait, Connected, Closing, Closed] {
            assert_eq!(next(None, seen(state, Initialising)), None);
        }
    }
}
