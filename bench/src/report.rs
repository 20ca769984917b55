//! What was measured, as values: tables, and which of them are drawn. Text, JSON and drawings are views of it.

use serde::Serialize;

/// All that one part of the bench found out.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The part's name: that of its files too.
    pub(crate) part: &'static str,
    /// What it is about.
    pub(crate) title: &'static str,
    /// Its tables.
    pub(crate) tables: Vec<Table>,
}

/// A table.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    /// What it shows.
    pub(crate) title: String,
    /// The unit of all values.
    pub(crate) unit: &'static str,
    /// What stands above the columns.
    pub(crate) columns: Vec<String>,
    /// The rows.
    pub(crate) rows: Vec<Row>,
    /// How it is drawn, if it is.
    pub(crate) drawing: Option<Drawing>,
    /// What one has to know to read it.
    pub(crate) notes: Vec<String>,
}

/// How a table is drawn.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Drawing {
    /// A bar for each row and column, on a logarithmic scale.
    Bars,
    /// A line for each row, over the columns.
    Lines,
}

/// A row.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// Who.
    pub(crate) title: String,
    /// One for each column; none where there is nothing to tell.
    pub(crate) cells: Vec<Option<Value>>,
}

/// A value that was measured several times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Value {
    /// The one in the middle.
    pub(crate) median: f64,
    /// The least.
    pub(crate) least: f64,
    /// The most.
    pub(crate) most: f64,
    /// How it stands to what it is compared with.
    pub(crate) ratio: Option<f64>,
}

impl Value {
    /// Of these; none when there are none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let median = *sorted.get(sorted.len() / 2)?;
        Some(Self { median, least: *sorted.first()?, most: *sorted.last()?, ratio: None })
    }

    /// The same, compared with another.
    pub(crate) fn beside(self, other: Option<Self>) -> Self {
        let ratio = other.filter(|other| other.median != 0.0).map(|other| self.median / other.median);
        Self { ratio, ..self }
    }
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(title: impl Into<String>, unit: &'static str, columns: Vec<String>) -> Self {
        Self { title: title.into(), unit, columns, rows: Vec::new(), drawing: None, notes: Vec::new() }
    }

    /// The same, drawn.
    pub(crate) fn drawn(self, drawing: Drawing) -> Self {
        Self { drawing: Some(drawing), ..self }
    }

    /// The same, with a sentence below it.
    pub(crate) fn note(mut self, sentence: impl Into<String>) -> Self {
        self.notes.push(sentence.into());
        self
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, title: impl Into<String>, cells: Vec<Option<Value>>) {
        self.rows.push(Row { title: title.into(), cells });
    }

    /// Compares each value with that of the first row in its column.
    pub(crate) fn beside_first_row(mut self) -> Self {
        let first: Vec<Option<Value>> = self.rows.first().map(|row| row.cells.clone()).unwrap_or_default();
        for row in &mut self.rows {
            for (cell, first) in row.cells.iter_mut().zip(&first) {
                *cell = cell.map(|value| value.beside(*first));
            }
        }
        self
    }

    /// Compares each value with the first of its row.
    pub(crate) fn beside_first_column(mut self) -> Self {
        for row in &mut self.rows {
            let first = row.cells.first().copied().flatten();
            for cell in &mut row.cells {
                *cell = cell.map(|value| value.beside(first));
            }
        }
        self
    }
}

/// Milliseconds.
pub(crate) fn millis(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_in_the_middle_is_found_in_any_order() {
        assert_eq!(Value::of([]), None);
        let value = Value::of([5.0, 1.0, 9.0, 3.0, 7.0]).unwrap();
        assert_eq!((value.median, value.least, value.most), (5.0, 1.0, 9.0));
    }

    #[test]
    fn what_is_compared_with_nothing_has_no_ratio() {
        let value = Value::of([6.0]).unwrap();
        assert_eq!(value.beside(Value::of([3.0])).ratio, Some(2.0));
        assert_eq!(value.beside(Value::of([0.0])).ratio, None);
        assert_eq!(value.beside(None).ratio, None);
    }
}
