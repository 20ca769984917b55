//! What came of attacks, as a table.

use std::fmt::Write;

/// What came of an attack on one victim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cell {
    /// It arrived nowhere, and changed nothing.
    Nothing,
    /// It arrived.
    Arrived,
    /// Somebody believes another to be where the attacker is, or a bridge has learned from it.
    Believed,
}

/// An attack, and what came of it at the other guest, the host, and the wire.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) cells: [Cell; 3],
}

impl Cell {
    fn word(self) -> &'static str {
        match self {
            Self::Nothing => "–",
            Self::Arrived => "arrives",
            Self::Believed => "**believed**",
        }
    }
}

/// The columns side by side, in Markdown.
pub(crate) fn print(columns: &[(&str, &[Row])]) -> String {
    // Writing to a string cannot fail.
    let mut text = String::from("| attack |");
    for (title, _) in columns {
        let _ = write!(text, " {title}: guest | host | wire |");
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(3 * columns.len()));
    text.push('\n');
    for (number, row) in columns[0].1.iter().enumerate() {
        let _ = write!(text, "| {} |", row.name);
        for (_, rows) in columns {
            for cell in rows[number].cells {
                let _ = write!(text, " {} |", cell.word());
            }
        }
        text.push('\n');
    }
    for (title, rows) in columns {
        let count = |cell| rows.iter().flat_map(|row| row.cells).filter(|it| *it >= cell).count();
        let _ = writeln!(
            text,
            "\n{title}: {} of {} arrive, {} are believed.",
            count(Cell::Arrived),
            rows.len() * 3,
            count(Cell::Believed)
        );
    }
    text
}
