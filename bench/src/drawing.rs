//! Tables as drawings (SVG): bars on a logarithmic scale, or lines over the columns.

use std::fmt::Write;

use crate::report::{Drawing, Table, Value};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 270.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 44.0;
const BAR: f64 = 20.0;
const PLOT: f64 = 260.0;
/// Told apart by people who see no red or green as well (Okabe and Ito).
const COLOURS: [&str; 8] =
    ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#666666", "#f0e442"];

/// The drawing of a table that has one.
pub(crate) fn draw(table: &Table) -> Option<String> {
    match table.drawing? {
        Drawing::Bars => Some(bars(table)),
        Drawing::Lines => Some(lines(table)),
    }
}

fn bars(table: &Table) -> String {
    let scale = Scale::logarithmic(table);
    let across = |value: f64| LEFT + scale.part_of(value) * (WIDTH - LEFT - RIGHT);
    let rows = table.rows.len() * table.columns.len();
    let foot = TOP + BAR * count(rows);
    let mut svg = begin(table, foot + 56.0);
    for mark in &scale.marks {
        let x = across(*mark);
        let _ = writeln!(
            svg,
            r##"<path d="M{x:.1} {TOP}V{foot:.1}" stroke="#ddd"/><text x="{x:.1}" y="{:.1}" text-anchor="middle">{mark}</text>"##,
            foot + 16.0
        );
    }
    let mut y = TOP;
    for row in &table.rows {
        let _ = writeln!(svg, r#"<text x="8" y="{:.1}">{}</text>"#, y + 14.0, escaped(&row.title));
        for (cell, colour) in row.cells.iter().zip(COLOURS) {
            if let Some(Value { median, least, most, .. }) = cell {
                let middle = y + BAR / 2.0;
                let _ = writeln!(
                    svg,
                    r##"<rect x="{LEFT}" y="{:.1}" width="{:.1}" height="{:.1}" fill="{colour}"/><path d="M{:.1} {middle:.1}H{:.1}" stroke="#000"/>"##,
                    y + 3.0,
                    across(*median) - LEFT,
                    BAR - 6.0,
                    across(*least),
                    across(*most),
                );
            }
            y += BAR;
        }
    }
    legend(&mut svg, &table.columns, foot + 40.0);
    svg.push_str("</svg>\n");
    svg
}

fn lines(table: &Table) -> String {
    let scale = Scale::linear(table);
    let left = 70.0;
    let foot = TOP + PLOT;
    let up = |value: f64| foot - scale.part_of(value) * PLOT;
    let step = (WIDTH - left - 60.0) / count(table.columns.len().saturating_sub(1).max(1));
    let across = |column: usize| left + 20.0 + step * count(column);
    let mut svg = begin(table, foot + 40.0 + 20.0 * count(table.rows.len()));
    for mark in &scale.marks {
        let y = up(*mark);
        let _ = writeln!(
            svg,
            r##"<path d="M{left} {y:.1}H{:.1}" stroke="#ddd"/><text x="{:.1}" y="{:.1}" text-anchor="end">{mark}</text>"##,
            WIDTH - RIGHT,
            left - 6.0,
            y + 4.0,
        );
    }
    for (column, title) in table.columns.iter().enumerate() {
        let _ = writeln!(
            svg,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            across(column),
            foot + 16.0,
            escaped(title)
        );
    }
    for (row, colour) in table.rows.iter().zip(COLOURS.iter().cycle()) {
        let mut path = String::new();
        for (column, value) in row.cells.iter().enumerate().filter_map(|(at, cell)| Some((at, (*cell)?))) {
            let (x, y) = (across(column), up(value.median));
            let _ = write!(path, "{}{x:.1} {y:.1}", if path.is_empty() { 'M' } else { 'L' });
            let _ = writeln!(
                svg,
                r#"<path d="M{x:.1} {:.1}V{:.1}" stroke="{colour}"/><circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#,
                up(value.least),
                up(value.most),
            );
        }
        let _ = writeln!(svg, r#"<path d="{path}" stroke="{colour}" stroke-width="2" fill="none"/>"#);
    }
    for (number, (row, colour)) in table.rows.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let y = foot + 40.0 + 20.0 * count(number);
        let _ = writeln!(
            svg,
            r#"<rect x="{left}" y="{:.1}" width="14" height="10" fill="{colour}"/><text x="{:.1}" y="{y:.1}">{}</text>"#,
            y - 9.0,
            left + 20.0,
            escaped(&row.title)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Where values are, between 0 and 1, and which of them are marked.
struct Scale {
    begin: f64,
    end: f64,
    is_logarithmic: bool,
    marks: Vec<f64>,
}

impl Scale {
    fn logarithmic(table: &Table) -> Self {
        let (least, most) = range(table);
        let begin = 10_f64.powf(least.max(1e-3).log10().floor());
        let end = 10_f64.powf(most.max(1e-2).log10().ceil()).max(begin * 10.0);
        let marks = std::iter::successors(Some(begin), |mark| Some(mark * 10.0));
        let marks = marks.take_while(|mark| *mark <= end * 1.01).map(tidy).collect();
        Self { begin, end, is_logarithmic: true, marks }
    }

    fn linear(table: &Table) -> Self {
        let (_, most) = range(table);
        let size = 10_f64.powf(most.max(1e-3).log10().floor());
        let step = [0.2, 0.5, 1.0, 2.0].into_iter().map(|part| part * size).find(|step| most / step <= 6.0);
        let step = step.unwrap_or(size * 2.0);
        let end = (most / step).ceil() * step;
        let marks = std::iter::successors(Some(0.0), |mark| Some(mark + step));
        let marks = marks.take_while(|mark| *mark <= end + step / 2.0).map(tidy).collect();
        Self { begin: 0.0, end, is_logarithmic: false, marks }
    }

    fn part_of(&self, value: f64) -> f64 {
        if self.is_logarithmic {
            let value = value.max(self.begin);
            (value / self.begin).log10() / (self.end / self.begin).log10()
        } else {
            (value - self.begin) / (self.end - self.begin)
        }
    }
}

/// What floating point adds to a mark is not written.
fn tidy(mark: f64) -> f64 {
    (mark * 1e6).round() / 1e6
}

fn range(table: &Table) -> (f64, f64) {
    let values = table.rows.iter().flat_map(|row| row.cells.iter().flatten());
    values.fold((f64::INFINITY, 0.0), |(least, most), value| (value.least.min(least), value.most.max(most)))
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::from(u32::MAX), f64::from)
}

fn begin(table: &Table, height: f64) -> String {
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="8" y="22" font-size="15">{}, {}</text>
"##,
        escaped(&table.title),
        table.unit
    )
}

fn legend(svg: &mut String, titles: &[String], y: f64) {
    for ((number, title), colour) in titles.iter().enumerate().zip(COLOURS) {
        let x = LEFT + 150.0 * count(number);
        let _ = writeln!(
            svg,
            r#"<rect x="{x:.1}" y="{:.1}" width="14" height="10" fill="{colour}"/><text x="{:.1}" y="{y:.1}">{}</text>"#,
            y - 9.0,
            x + 20.0,
            escaped(title)
        );
    }
}

/// As XML has it, without the marks of Markdown.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(drawing: Drawing) -> Table {
        let mut table = Table::new("a < b", "ms", vec!["1".into(), "10".into()]).drawn(drawing);
        table.row("`us`", vec![Value::of([1.0]), Value::of([2.0, 3.0, 40.0])]);
        table.row("them", vec![None, Value::of([99.0])]);
        table
    }

    #[test]
    fn a_bar_is_drawn_for_each_value_within_the_picture() {
        let svg = draw(&table(Drawing::Bars)).unwrap();
        // Three values, two columns in the legend, and the background.
        assert_eq!(svg.matches("<rect").count(), 3 + 2 + 1);
        assert!(svg.contains("a &lt; b, ms") && !svg.contains('`'), "{svg}");
        // 3 ms of 1 to 100 is a little less than a quarter of the way.
        let width = (WIDTH - LEFT - RIGHT) * 3_f64.log10() / 2.0;
        assert!(svg.contains(&format!(r#"width="{width:.1}""#)), "{svg}");
    }

    #[test]
    fn a_line_leaves_out_what_is_not_there() {
        let svg = draw(&table(Drawing::Lines)).unwrap();
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(svg.contains(">100</text>"), "{svg}");
    }
}
