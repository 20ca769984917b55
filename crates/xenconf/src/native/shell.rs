//! Cuts a shell script into commands and words, without running any of it.

use crate::source::Span;

/// The words of one command, quotes resolved, variables not yet.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) words: Vec<Vec<Part>>,
    pub(super) span: Span,
}

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Variable(String),
    /// `$(…)` and the like, which only running it would tell.
    Computed,
}

/// Cuts a script into commands.
pub(super) fn commands(text: &str) -> Vec<Command> {
    let mut cutter = Cutter { text, at: 0, start: 0, word: None, words: Vec::new(), commands: Vec::new() };
    cutter.run();
    cutter.commands
}

struct Cutter<'t> {
    text: &'t str,
    at: usize,
    /// Where the command began.
    start: usize,
    word: Option<Vec<Part>>,
    words: Vec<Vec<Part>>,
    commands: Vec<Command>,
}

impl Cutter<'_> {
    fn run(&mut self) {
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\r' => {
                    self.at += 1;
                    self.end_word();
                }
                '\n' | ';' | '&' | '|' => {
                    self.end_command();
                    self.at += 1;
                    self.start = self.at;
                }
                '#' if self.word.is_none() => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                '\\' => self.backslash(),
                '\'' => self.single_quoted(),
                '"' => self.double_quoted(),
                '$' | '`' => self.dollar(c),
                c => {
                    if self.word.is_none() && self.words.is_empty() {
                        self.start = self.at;
                    }
                    self.push(Part::Text(c.to_string()));
                    self.at += c.len_utf8();
                }
            }
        }
        self.end_command();
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn push(&mut self, part: Part) {
        let word = self.word.get_or_insert_with(Vec::new);
        match (word.last_mut(), part) {
            (Some(Part::Text(last)), Part::Text(more)) => last.push_str(&more),
            (_, part) => word.push(part),
        }
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    fn end_command(&mut self) {
        self.end_word();
        if !self.words.is_empty() {
            let words = std::mem::take(&mut self.words);
            self.commands.push(Command { words, span: Span::new(self.start, self.at) });
        }
    }

    fn backslash(&mut self) {
        self.at += 1;
        match self.peek() {
            Some('\n') => self.at += 1,
            Some(c) => {
                self.push(Part::Text(c.to_string()));
                self.at += c.len_utf8();
            }
            None => {}
        }
    }

    fn single_quoted(&mut self) {
        if self.word.is_none() && self.words.is_empty() {
            self.start = self.at;
        }
        self.at += 1;
        let inside = self.rest().split('\'').next().unwrap_or("").to_owned();
        self.at = (self.at + inside.len() + 1).min(self.text.len());
        self.push(Part::Text(inside));
    }

    fn double_quoted(&mut self) {
        if self.word.is_none() && self.words.is_empty() {
            self.start = self.at;
        }
        self.at += 1;
        self.push(Part::Text(String::new()));
        while let Some(c) = self.peek() {
            match c {
                '"' => {
                    self.at += 1;
                    return;
                }
                '\\' => self.backslash(),
                '$' | '`' => self.dollar(c),
                c => {
                    self.push(Part::Text(c.to_string()));
                    self.at += c.len_utf8();
                }
            }
        }
    }

    fn dollar(&mut self, c: char) {
        if self.word.is_none() && self.words.is_empty() {
            self.start = self.at;
        }
        self.at += 1;
        if c == '`' {
            let length = self.rest().find('`').map_or(self.rest().len(), |end| end + 1);
            self.at += length;
            return self.push(Part::Computed);
        }
        let rest = self.rest();
        if rest.starts_with('(') {
            let length = matching_parenthesis(rest);
            self.at += length;
            return self.push(Part::Computed);
        }
        if let Some(inside) = rest.strip_prefix('{') {
            let name = inside.split('}').next().unwrap_or("").to_owned();
            self.at = (self.at + name.len() + 2).min(self.text.len());
            let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            return self.push(if is_plain { Part::Variable(name) } else { Part::Computed });
        }
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let length = if length == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { length };
        let name = rest.get(..length).unwrap_or("").to_owned();
        self.at += length;
        self.push(Part::Variable(name));
    }
}

/// How long a `(…)` is, inner ones included.
fn matching_parenthesis(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}
