//! The same requests to the real xenstored and to ours: the answers and events must be equal byte for byte.
//!
//! Every request waits for its reply, and for all events that it causes on any connection, before the next is
//! sent: so the order in which messages come is the daemon's doing and not chance.

mod differences;
mod random;
mod rig;
mod scripts;

use rig::Rig;

use crate::real::RealDaemon;
pub(crate) use rig::{Client, Step};

/// Runs the steps against both daemons and compares what was said.
fn assert_same_answers(steps: &[Step]) {
    let Some(real) = RealDaemon::start_or_skip() else { return };
    if let Err(difference) = compare(real, steps) {
        panic!("{difference}");
    }
}

/// The first step that the daemons do not answer alike, if there is one.
fn compare(real: RealDaemon, steps: &[Step]) -> Result<(), String> {
    let mut real = Rig::real(real);
    let mut ours = Rig::ours();
    for (number, step) in steps.iter().enumerate() {
        let (expected, answered) = (real.carry_out(step), ours.carry_out(step));
        if expected != answered {
            return Err(format!("step {number}: {step:?}\nxenstored: {expected}\nours:      {answered}"));
        }
    }
    Ok(())
}
