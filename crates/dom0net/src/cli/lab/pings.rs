//! Who reaches whom.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread;

use lab::{Guest, Ping};

use super::scene::SceneError;

/// Somebody to be reached.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// What to call it.
    pub(super) name: String,
    /// Its addresses.
    pub(super) addresses: Vec<IpAddr>,
}

/// Whether each guest reaches each target, by family.
#[derive(Debug)]
pub(super) struct Matrix {
    targets: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    guest: String,
    family: &'static str,
    /// None: that is the guest itself.
    reached: Vec<Option<bool>>,
}

const FAMILIES: [&str; 2] = ["IPv4", "IPv6"];

fn is_of(address: IpAddr, family: &str) -> bool {
    address.is_ipv4() == (family == FAMILIES[0])
}

/// Pings every target from every guest, all at once.
pub(super) fn matrix(guests: &[Arc<Guest>], targets: &[Target]) -> Result<Matrix, SceneError> {
    let pairs = guests.iter().flat_map(|guest| FAMILIES.map(|family| (guest, family)));
    let rows = thread::scope(|scope| {
        let workers: Vec<_> =
            pairs.map(|(guest, family)| scope.spawn(move || row(guest, family, targets))).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Result<Vec<_>, _>>()
    })?;
    Ok(Matrix { targets: targets.iter().map(|target| target.name.clone()).collect(), rows })
}

fn row(guest: &Guest, family: &'static str, targets: &[Target]) -> Result<Row, SceneError> {
    let reached = targets
        .iter()
        .map(|target| {
            if target.name == guest.name() {
                return Ok(None);
            }
            let mut addresses = target.addresses.iter().filter(|address| is_of(**address, family));
            let all = addresses.try_fold(true, |all, address| {
                let answer = guest.station().ping(&Ping::to(*address))?;
                Ok::<_, SceneError>(all && answer.is_here())
            })?;
            Ok(Some(all))
        })
        .collect::<Result<Vec<_>, SceneError>>()?;
    Ok(Row { guest: guest.name().to_owned(), family, reached })
}

impl Matrix {
    /// Whether everybody reaches everybody.
    pub(super) fn is_full(&self) -> bool {
        self.rows.iter().all(|row| row.reached.iter().all(|reached| reached.unwrap_or(true)))
    }

    /// A table.
    pub(super) fn table(&self) -> String {
        // Writing to a string cannot fail.
        let mut text = format!("  {:10} {:5}", "from", "");
        for target in &self.targets {
            let _ = write!(text, " {target:>9}");
        }
        text.push('\n');
        for row in &self.rows {
            let _ = write!(text, "  {:10} {:5}", row.guest, row.family);
            for reached in &row.reached {
                let word = match reached {
                    None => "·",
                    Some(true) => "yes",
                    Some(false) => "NO",
                };
                let _ = write!(text, " {word:>9}");
            }
            text.push('\n');
        }
        text
    }
}
