//! A report as Markdown.

use std::fmt::Write;

use crate::report::{Report, Table, Value};

/// All of it. Drawings are named by their files, which stand in `drawings`.
pub(crate) fn report(report: &Report) -> String {
    let mut text = format!("## {}\n", report.title);
    for (number, one) in report.tables.iter().enumerate() {
        let _ = write!(text, "\n{}", table(one));
        if one.drawing.is_some() {
            let _ = writeln!(text, "\n![{}]({})", one.title, drawing_file(report.part, number));
        }
    }
    text
}

/// The name of a table's drawing.
pub(crate) fn drawing_file(part: &str, number: usize) -> String {
    format!("{part}-{}.svg", number + 1)
}

fn table(table: &Table) -> String {
    let mut text = format!("| {}, {} | {} |\n|---", table.title, table.unit, table.columns.join(" | "));
    text.push_str(&"|---".repeat(table.columns.len()));
    text.push_str("|\n");
    for row in &table.rows {
        let _ = write!(text, "| {} |", row.title);
        for cell in &row.cells {
            let _ = write!(text, " {} |", cell.map_or_else(|| "–".to_owned(), value));
        }
        text.push('\n');
    }
    for note in &table.notes {
        let _ = write!(text, "\n{note}\n");
    }
    text
}

fn value(value: Value) -> String {
    let Value { median, least, most, ratio } = value;
    let mut text = number(median);
    // What was measured once, or never differs, has no spread.
    if least < most {
        let _ = write!(text, " ({}–{})", number(least), number(most));
    }
    if let Some(ratio) = ratio {
        let _ = write!(text, " {ratio:.2}×");
    }
    text
}

/// Three digits that count.
fn number(number: f64) -> String {
    match number.abs() {
        size if size >= 99.95 || number.fract() == 0.0 => format!("{number:.0}"),
        size if size >= 9.995 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_tells_spread_ratio_and_what_is_not_there() {
        let mut plain = Table::new("online", "ms", vec!["1".into(), "4000".into()]).note("So it is.");
        plain.row("us", vec![Value::of([2.5, 2.0, 3.0]), Value::of([250.0])]);
        plain.row("them", vec![Value::of([5.0]), None]);
        let text = table(&plain.beside_first_row());
        assert_eq!(
            text,
            "\
| online, ms | 1 | 4000 |
|---|---|---|
| us | 2.50 (2–3) 1.00× | 250 1.00× |
| them | 5 2.00× | – |

So it is.
"
        );
    }
}
