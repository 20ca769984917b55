//! What was measured, for people.

use std::fmt::Write;

use crate::handover::Gone;
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

/// A table in Markdown: of each way and flow the median of what was lost, with the least and the most.
pub(crate) fn handovers(ways: &[Gone]) -> String {
    let titles: Vec<&str> = ways
        .first()
        .and_then(|gone| gone.rounds.first())
        .map(|flows| flows.iter().map(|flow| flow.title).collect())
        .unwrap_or_default();
    let mut text = format!(
        "| lost of 2,000 packets a second | {} | longest silence, ms | rounds without a loss |\n",
        titles.join(" | ")
    );
    text.push_str(&"|---".repeat(titles.len() + 3));
    text.push_str("|\n");
    for Gone { way, rounds } in ways {
        let _ = write!(text, "| {} |", way.title);
        for flow in 0..titles.len() {
            let lost = rounds.iter().filter_map(|flows| flows.get(flow)).map(|flow| flow.lost);
            let _ = write!(text, " {} |", middle(lost, ToString::to_string));
        }
        let silences = rounds.iter().filter_map(|flows| flows.iter().map(|flow| flow.silence).max());
        let silence = middle(silences, |silence| format!("{:.0}", silence.as_secs_f64() * 1000.0));
        let clean = rounds.iter().filter(|flows| flows.iter().all(|flow| flow.lost == 0)).count();
        let _ = writeln!(text, " {silence} | {clean} of {} |", rounds.len());
    }
    text
}

/// The one in the middle, with the least and the most.
fn middle<T: Ord>(values: impl Iterator<Item = T>, show: impl Fn(&T) -> String) -> String {
    let mut sorted: Vec<T> = values.collect();
    sorted.sort();
    match (sorted.get(sorted.len() / 2), sorted.first(), sorted.last()) {
        (Some(middle), Some(least), Some(most)) => {
            format!("{} ({}–{})", show(middle), show(least), show(most))
        }
        _ => "–".to_owned(),
    }
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
