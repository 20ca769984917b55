//! The little of YAML that is written here: maps, lists and plain values, by indentation.

use std::fmt::{Display, Write};

/// A text that grows line by line.
#[derive(Debug, Default)]
pub(super) struct Yaml {
    text: String,
    depth: usize,
}

impl Yaml {
    /// Begins with these lines.
    pub(super) fn new(head: &str) -> Self {
        Self { text: head.to_owned(), depth: 0 }
    }

    /// `key: value`. Values are numbers, truths, and what needs no quotes or is given with them.
    pub(super) fn value(&mut self, key: &str, value: impl Display) {
        self.line(format_args!("{key}: {value}"));
    }

    /// `- value`, in a list.
    pub(super) fn item(&mut self, value: impl Display) {
        self.line(format_args!("- {value}"));
    }

    /// `key:`, and below it what `inside` writes.
    pub(super) fn map(&mut self, key: impl Display, inside: impl FnOnce(&mut Self)) {
        self.line(format_args!("{key}:"));
        self.depth += 1;
        inside(self);
        self.depth -= 1;
    }

    /// An element of a list that is a map; `first` is its first entry.
    pub(super) fn element(&mut self, key: &str, first: impl Display, inside: impl FnOnce(&mut Self)) {
        self.line(format_args!("- {key}: {first}"));
        self.depth += 1;
        inside(self);
        self.depth -= 1;
    }

    /// The text.
    pub(super) fn finish(self) -> String {
        self.text
    }

    fn line(&mut self, content: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.text, "{:width$}{content}", "", width = self.depth * 2);
    }
}

/// A value in quotes: without, a colon could end it, and a word could be a number.
pub(super) fn quoted(value: impl Display) -> String {
    let text = value.to_string().replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_stands_further_to_the_right() {
        let mut yaml = Yaml::new("# head\n");
        yaml.map("routes", |routes| {
            routes.element("to", "default", |route| route.value("via", quoted("::1")));
            routes.item("x");
        });
        assert_eq!(yaml.finish(), "# head\nroutes:\n  - to: default\n    via: \"::1\"\n  - x\n");
    }
}
