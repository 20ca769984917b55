//! What [`plug`](crate::plug) and [`handover`](crate::handover) measured, as reports.

use crate::handover::Gone;
use crate::plug::Measured;
use crate::report::{Drawing, Report, Table, Value, millis};
use crate::statistics::Sample;

/// The first contender is what the others are compared with.
pub(crate) fn plugs(measured: &[Measured]) -> Report {
    let columns = vec!["online".to_owned(), "offline".to_owned()];
    let mut table = Table::new("one interface plugged and unplugged", "ms", columns)
        .drawn(Drawing::Bars)
        .note("From the moment that the toolstack starts the script to its end. What CNI's `bridge` and `netavark` do is not all that a plug is: they make a pair of devices and give the guest's end its address; they know no guard for each address, no xenstore, and are wrapped in a shell for this.");
    for one in measured {
        table.row(one.title, vec![Some(value(&one.online)), Some(value(&one.offline))]);
    }
    Report {
        part: "plug",
        title: "One interface plugged and unplugged",
        tables: vec![table.beside_first_row()],
    }
}

fn value(sample: &Sample) -> Value {
    let [median, least, most] = [sample.median(), sample.shortest(), sample.longest()].map(millis);
    Value { median, least, most, ratio: None }
}

/// Of each way and flow what was lost, and the longest silence.
pub(crate) fn handovers(ways: &[Gone]) -> Report {
    let flows = ways.first().and_then(|gone| gone.rounds.first());
    let titles =
        flows.map(|flows| flows.iter().map(|flow| flow.title.to_owned()).collect()).unwrap_or_default();
    let titles: Vec<String> = titles;
    let count = |number: usize| u32::try_from(number).map_or(f64::NAN, f64::from);
    let mut lost = Table::new("lost of 2,000 packets a second", "packets", titles.clone());
    let columns = vec!["longest silence".to_owned()];
    let mut silence = Table::new("the longest time between two answers", "ms", columns).drawn(Drawing::Bars);
    let mut clean = Table::new("rounds without a loss", "rounds", vec!["clean".to_owned(), "of".to_owned()]);
    for Gone { way, rounds } in ways {
        let cells = (0..titles.len()).map(|flow| {
            Value::of(rounds.iter().filter_map(|flows| flows.get(flow)).map(|flow| count(flow.lost)))
        });
        lost.row(way.title, cells.collect());
        let silences = rounds.iter().filter_map(|flows| flows.iter().map(|flow| flow.silence).max());
        silence.row(way.title, vec![Value::of(silences.map(millis))]);
        let without = rounds.iter().filter(|flows| flows.iter().all(|flow| flow.lost == 0)).count();
        clean.row(way.title, vec![Value::of([count(without)]), Value::of([count(rounds.len())])]);
    }
    Report { part: "handover", title: "The card moved onto a bridge", tables: vec![lost, silence, clean] }
}
