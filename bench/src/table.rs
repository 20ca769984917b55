//! What was measured, for people.

use std::fmt::Write;

use crate::plug::Measured;
use crate::statistics::Sample;

/// A table in Markdown; the first contender is what the others are compared with.
pub(crate) fn plugs(measured: &[Measured]) -> String {
    let mut text = String::from("| | online, ms | ratio | offline, ms | ratio |\n|---|---|---|---|---|\n");
    let Some(first) = measured.first() else { return text };
    for one in measured {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            one.title,
            times(&one.online),
            ratio(&one.online, &first.online),
            times(&one.offline),
            ratio(&one.offline, &first.offline),
        );
    }
    text
}

/// The median, with the shortest and the longest.
fn times(sample: &Sample) -> String {
    let millis = |duration: std::time::Duration| duration.as_secs_f64() * 1000.0;
    format!(
        "{:.2} ({:.2}–{:.2})",
        millis(sample.median()),
        millis(sample.shortest()),
        millis(sample.longest())
    )
}

fn ratio(sample: &Sample, to: &Sample) -> String {
    format!("{:.2}×", sample.median().as_secs_f64() / to.median().as_secs_f64())
}
