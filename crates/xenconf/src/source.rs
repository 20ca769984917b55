//! A configuration file as text: bytes decoded, places in it named by [`Span`] and shown as line and column.
//!
//! Old files come in old clothes: a byte order mark from a Windows editor, CR LF line ends, comments in
//! Latin-1. All of these are read. What the program that the file was written for would have made of them is
//! for the reader of each format to say; [`Source`] only tells that they are there.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// The largest file that is read, in bytes. A configuration is a few kilobytes; what is larger than this is
/// something else.
pub const MAX_SIZE: usize = 8 << 20;

/// A place in a [`Source`]: byte offsets into [`Source::text`], the end not included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
}

impl Span {
    /// The span from `start` up to `end`. Offsets beyond [`u32::MAX`] do not occur: see [`MAX_SIZE`].
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        let offset = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { start: offset(start), end: offset(end.max(start)) }
    }

    /// The empty span at `offset`.
    #[must_use]
    pub fn at(offset: usize) -> Self {
        Self::new(offset, offset)
    }

    /// The smallest span that holds both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The span as a range for slicing [`Source::text`].
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// True when it covers nothing.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// A value with the place it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Puts a value and its place together.
    pub const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// Line and column, both counted from 1; the column counts characters, not bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// How the bytes of a file became text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, of which ASCII is a part.
    Utf8,
    /// Not valid UTF-8: the bytes that are no part of it were taken as Latin-1.
    Latin1,
    /// UTF-16, told by its byte order mark. No Xen program reads it.
    Utf16,
}

/// The text of one file and what is needed to point into it.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    text: String,
    encoding: Encoding,
    has_bom: bool,
    truncated: bool,
    line_starts: Vec<u32>,
    /// How many characters there are before each block of [`BLOCK`] bytes, so that columns in endless lines are found
    /// fast. Empty when each byte is a character.
    characters_before: Vec<u32>,
}

/// Bytes in a block of [`Source::characters_before`].
const BLOCK: usize = 1024;

impl Source {
    /// Decodes `bytes`; `name` is what diagnostics call the file. A byte order mark is taken off. Bytes
    /// beyond [`MAX_SIZE`] are left out, see [`Source::is_truncated`].
    ///
    /// ```
    /// use xenconf::source::{Encoding, Source};
    ///
    /// let source = Source::new("old.cfg", b"# caf\xe9\nname = 'x'\n");
    /// assert_eq!(source.text(), "# café\nname = 'x'\n");
    /// assert_eq!(source.encoding(), Encoding::Latin1);
    /// ```
    #[must_use]
    pub fn new(name: impl Into<String>, bytes: &[u8]) -> Self {
        let truncated = bytes.len() > MAX_SIZE;
        let bytes = &bytes[..bytes.len().min(MAX_SIZE)];
        let (text, encoding, has_bom) = decode(bytes);
        let text = text.into_owned();
        let mut line_starts = Vec::with_capacity(text.len() / 32 + 1);
        line_starts.push(0);
        line_starts.extend(text.match_indices('\n').map(|(at, _)| Span::at(at + 1).start));
        let characters_before = count_characters(&text);
        Self { name: name.into(), text, encoding, has_bom, truncated, line_starts, characters_before }
    }

    /// The name that diagnostics give the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text, without a byte order mark.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How the bytes were read.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// True when the file began with a byte order mark.
    #[must_use]
    pub const fn has_bom(&self) -> bool {
        self.has_bom
    }

    /// True when the file was larger than [`MAX_SIZE`] and its end was not read.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// The text at `span`; empty when the span does not fit this text.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or("")
    }

    /// Line and column of a byte offset. An offset behind the end is that of the end.
    ///
    /// ```
    /// use xenconf::source::Source;
    ///
    /// let source = Source::new("x", "é = 1\nb".as_bytes());
    /// assert_eq!(source.position(3).to_string(), "1:3");
    /// assert_eq!(source.position(7).to_string(), "2:1");
    /// ```
    #[must_use]
    pub fn position(&self, offset: u32) -> Position {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line - 1).map_or(0, |start| *start as usize);
        let end = self.floor_char_boundary(offset as usize).max(start);
        let column = self.characters_up_to(end) - self.characters_up_to(start) + 1;
        Position { line, column }
    }

    /// How many characters begin before the byte offset `end`.
    fn characters_up_to(&self, end: usize) -> usize {
        let Some(before) = self.characters_before.get(end / BLOCK) else { return end };
        let rest = self.text.as_bytes().get(end / BLOCK * BLOCK..end).unwrap_or(&[]);
        *before as usize + beginnings(rest)
    }

    /// The largest character boundary that is not behind `offset`.
    fn floor_char_boundary(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

fn count_characters(text: &str) -> Vec<u32> {
    if text.is_ascii() {
        return Vec::new();
    }
    let mut before = vec![0];
    let mut count = 0;
    for block in text.as_bytes().chunks(BLOCK) {
        count += beginnings(block);
        before.push(u32::try_from(count).unwrap_or(u32::MAX));
    }
    before
}

/// How many bytes begin a character of UTF-8.
fn beginnings(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

/// The text up to the first line end of any kind.
pub(crate) fn first_line(text: &str) -> &str {
    // Searches for one character are fast; lines that end in CR alone are rare.
    let line = text.split('\n').next().unwrap_or("");
    line.split('\r').next().unwrap_or("")
}

fn decode(bytes: &[u8]) -> (Cow<'_, str>, Encoding, bool) {
    match bytes {
        [0xff, 0xfe, rest @ ..] => (decode_utf16(rest, u16::from_le_bytes).into(), Encoding::Utf16, true),
        [0xfe, 0xff, rest @ ..] => (decode_utf16(rest, u16::from_be_bytes).into(), Encoding::Utf16, true),
        _ => {
            let (bytes, has_bom) = match bytes {
                [0xef, 0xbb, 0xbf, rest @ ..] => (rest, true),
                _ => (bytes, false),
            };
            match std::str::from_utf8(bytes) {
                Ok(text) => (text.into(), Encoding::Utf8, has_bom),
                Err(_) => (decode_latin1(bytes).into(), Encoding::Latin1, has_bom),
            }
        }
    }
}

/// Keeps what is valid UTF-8 and takes each other byte for a Latin-1 character, so that a file pasted
/// together from both stays readable.
fn decode_latin1(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| char::from(*byte)));
    }
    text
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_taken_off_and_remembered() {
        let source = Source::new("x", b"\xef\xbb\xbfname = 'a'");
        assert_eq!(source.text(), "name = 'a'");
        assert!(source.has_bom());
        let source = Source::new("x", b"\xff\xfea\0b\0");
        assert_eq!((source.text(), source.encoding()), ("ab", Encoding::Utf16));
    }

    #[test]
    fn latin1_bytes_beside_utf8_are_both_read() {
        let source =
            Source::new("x", "é".as_bytes().iter().chain(b"\xe9").copied().collect::<Vec<_>>().as_slice());
        assert_eq!(source.text(), "éé");
    }

    #[test]
    fn positions_count_characters_and_never_panic() {
        let source = Source::new("x", "aé\n\nb".as_bytes());
        let shown = |offset| source.position(offset).to_string();
        assert_eq!(shown(0), "1:1");
        assert_eq!(shown(1), "1:2");
        assert_eq!(shown(2), "1:2", "inside a character: its start");
        assert_eq!(shown(3), "1:3");
        assert_eq!(shown(4), "2:1");
        assert_eq!(shown(5), "3:1");
        assert_eq!(shown(99), "3:2");
        assert_eq!(Source::new("x", b"").position(0).to_string(), "1:1");
    }

    #[test]
    fn columns_in_long_lines_are_those_of_short_ones() {
        let text = format!("{}\n{}x", "é".repeat(700), "aé".repeat(3000));
        let source = Source::new("x", text.as_bytes());
        for (offset, _) in text.char_indices() {
            let line = text[..offset].matches('\n').count() + 1;
            let column = text[..offset].rsplit('\n').next().unwrap_or("").chars().count() + 1;
            assert_eq!(source.position(Span::at(offset).start), Position { line, column });
        }
    }

    #[test]
    fn what_is_too_large_is_cut_and_said() {
        let bytes = vec![b'#'; MAX_SIZE + 1];
        let source = Source::new("x", &bytes);
        assert!(source.is_truncated());
        assert_eq!(source.text().len(), MAX_SIZE);
    }
}
