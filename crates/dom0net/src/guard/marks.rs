//! The marks by which a packet that nothing has accepted yet says what is wrong with it.
//!
//! A mark has a reason in it, for which the packet is counted if it is dropped, and perhaps a form: what may still make it
//! right, of which only the vif's own rules know. A packet that is accepted after all is freed of its mark.

use netkernel::nftables::{Field, Match, Statement, Test};

use super::reason::Reason;

/// What all marks have in common: a number that nobody else uses.
const BASE: u32 = 0x6d30_6e00;
const OF_BASE: u32 = 0xffff_ff00;
const OF_FORM: u32 = 0xffff_fff0;

/// What may make a packet right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// It may be what a DHCP client says for itself, from a source that may do so.
    DhcpRequest = 0x10,
    /// Neighbour solicitation whose option must have an address of the vif's.
    NeighbourSolicitation = 0x20,
    /// Router solicitation of the same kind.
    RouterSolicitation = 0x30,
    /// Neighbour advertisement of the same kind, whose target must be the vif's too.
    NeighbourAdvertisement = 0x40,
    /// Neighbour discovery whose target must be the vif's.
    Target = 0x50,
}

/// The mark of a packet that drops for this reason.
pub(super) fn of(reason: Reason) -> u32 {
    BASE | reason.number()
}

/// The mark of a packet that drops for this reason, unless it is right in this form.
pub(super) fn of_form(form: Form, reason: Reason) -> u32 {
    of(reason) | form as u32
}

/// The reason in a mark.
pub(super) fn reason(mark: u32) -> Option<Reason> {
    Reason::ALL.into_iter().find(|reason| mark & !(OF_FORM & !OF_BASE) == of(*reason))
}

/// Gives the packet this mark.
pub(super) fn set(mark: u32) -> Statement {
    Statement::SetMark(mark)
}

/// The packet has just this mark.
pub(super) fn is(mark: u32) -> Match {
    Match::is(Field::Mark, mark.to_ne_bytes())
}

/// The packet may be right in this form.
pub(super) fn has_form(form: Form) -> Match {
    masked(OF_FORM, Test::Is((BASE | form as u32).to_ne_bytes().to_vec()))
}

/// The packet has none of our marks.
pub(super) fn is_none() -> Match {
    masked(OF_BASE, Test::IsNot(BASE.to_ne_bytes().to_vec()))
}

fn masked(mask: u32, test: Test) -> Match {
    Match { field: Field::Mark, mask: Some(mask.to_ne_bytes().to_vec()), test }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_tells_its_reason_whatever_its_form() {
        for wanted in Reason::ALL {
            assert_eq!(reason(of(wanted)), Some(wanted));
            assert_eq!(reason(of_form(Form::Target, wanted)), Some(wanted));
        }
        assert_eq!(reason(0), None);
        assert_eq!(reason(BASE), None);
        assert_eq!(reason(of(Reason::Arp) ^ 0x100), None);
    }
}
