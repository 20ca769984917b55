//! A string value that knows where each part of it stands in the file.
//!
//! A vif spec is read out of a string that may hold escapes, be glued together from several literals, or come
//! out of a `%` format. A diagnostic about its third key must still underline the third key.

use std::ops::Range;

use crate::source::Span;

/// A string with the places that its parts came from.
#[derive(Clone, Debug)]
pub struct Text {
    value: String,
    span: Span,
    origin: Origin,
}

/// Two texts are equal when they read the same, wherever they stand.
impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Text {}

#[derive(Clone, Debug)]
enum Origin {
    /// The value stands in the file as it is, from this offset on.
    Verbatim(u32),
    /// Nothing finer than the whole span is known.
    Whole,
    Pieces(Vec<Piece>),
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Where the piece begins in the value.
    at: u32,
    source: Span,
    /// True when the piece stands in the file as it is; else the span as a whole made it.
    verbatim: bool,
}

impl Text {
    /// A value that stands in the file as it is, from `start` on, while `span` covers it with its quotes.
    #[must_use]
    pub fn verbatim(value: String, start: usize, span: Span) -> Self {
        Self { value, span, origin: Origin::Verbatim(Span::at(start).start) }
    }

    /// A value that `span` as a whole stands for.
    #[must_use]
    pub const fn whole(value: String, span: Span) -> Self {
        Self { value, span, origin: Origin::Whole }
    }

    /// The string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.value
    }

    /// The string, without its places.
    #[must_use]
    pub fn into_string(self) -> String {
        self.value
    }

    /// The place of the whole, quotes included.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// The place of a part of the value, given as byte offsets into it.
    ///
    /// ```
    /// use xenconf::source::Span;
    /// use xenconf::text::Text;
    ///
    /// // vif = 'mac=x'
    /// let text = Text::verbatim("mac=x".into(), 7, Span::new(6, 13));
    /// assert_eq!(text.place(4..5), Span::new(11, 12));
    /// ```
    #[must_use]
    pub fn place(&self, part: Range<usize>) -> Span {
        match &self.origin {
            Origin::Whole => self.span,
            Origin::Verbatim(start) => Span::new(*start as usize + part.start, *start as usize + part.end),
            Origin::Pieces(pieces) => {
                let first = Self::place_in(pieces, part.start, false);
                let last =
                    if part.end > part.start { Self::place_in(pieces, part.end - 1, true) } else { first };
                match (first, last) {
                    (Some(first), Some(last)) if part.end > part.start => first.to(last),
                    (Some(first), _) => Span { end: first.start, ..first },
                    _ => self.span,
                }
            }
        }
    }

    /// True when another string begins at `offset`, which stood beside the one before.
    #[must_use]
    pub fn is_joint(&self, offset: usize) -> bool {
        let Origin::Pieces(pieces) = &self.origin else { return false };
        let index = pieces.partition_point(|piece| (piece.at as usize) < offset);
        let (Some(before), Some(piece)) =
            (index.checked_sub(1).and_then(|index| pieces.get(index)), pieces.get(index))
        else {
            return false;
        };
        piece.at as usize == offset && piece.verbatim && piece.source.start > before.source.end
    }

    /// The place of the one byte at `offset`; `whole_end` asks for a span that ends behind it.
    fn place_in(pieces: &[Piece], offset: usize, whole_end: bool) -> Option<Span> {
        let index = pieces.partition_point(|piece| piece.at as usize <= offset).checked_sub(1)?;
        let piece = pieces.get(index)?;
        if !piece.verbatim {
            return Some(piece.source);
        }
        let start = piece.source.start as usize + (offset - piece.at as usize);
        let end = (piece.source.end as usize).min(start + 1);
        Some(Span::new(start.min(end), if whole_end { end } else { start + 1 }))
    }

    /// The part of the value in `part`, with its places.
    #[must_use]
    pub fn part(&self, part: Range<usize>) -> Self {
        let value = self.value.get(part.clone()).unwrap_or("").to_owned();
        let span = self.place(part.clone());
        let origin = match &self.origin {
            Origin::Whole => Origin::Whole,
            Origin::Verbatim(_) => Origin::Verbatim(span.start),
            Origin::Pieces(_) => {
                let mut builder = Builder::new(span);
                builder.append_part(self, part);
                return builder.finish();
            }
        };
        Self { value, span, origin }
    }
}

/// Puts a [`Text`] together from pieces.
#[derive(Clone, Debug)]
pub struct Builder {
    value: String,
    span: Span,
    pieces: Vec<Piece>,
}

impl Builder {
    /// Begins an empty text at `span`.
    #[must_use]
    pub const fn new(span: Span) -> Self {
        Self { value: String::new(), span, pieces: Vec::new() }
    }

    /// Appends what stands in the file as it is, from offset `start` on.
    pub fn verbatim(&mut self, text: &str, start: usize) {
        self.push(text, Span::new(start, start + text.len()), true);
    }

    /// Appends what `span` as a whole stands for, such as an escape.
    pub fn whole(&mut self, text: &str, span: Span) {
        self.push(text, span, false);
    }

    /// Appends another text and widens the span to cover it.
    pub fn append(&mut self, other: &Text) {
        self.append_part(other, 0..other.value.len());
        self.span = self.span.to(other.span);
    }

    fn append_part(&mut self, other: &Text, part: Range<usize>) {
        let Some(value) = other.value.get(part.clone()) else { return };
        match &other.origin {
            Origin::Whole => self.whole(value, other.span),
            Origin::Verbatim(start) => self.verbatim(value, *start as usize + part.start),
            Origin::Pieces(pieces) => {
                let base = self.value.len();
                let first = pieces.partition_point(|piece| piece.at as usize <= part.start).saturating_sub(1);
                let within = pieces.iter().skip(first).take_while(|piece| (piece.at as usize) < part.end);
                for piece in within {
                    let cut = part.start.saturating_sub(piece.at as usize);
                    let mut source = piece.source;
                    if piece.verbatim {
                        source = Span::new(source.start as usize + cut, source.end as usize);
                    }
                    let at = base + (piece.at as usize).saturating_sub(part.start);
                    self.pieces.push(Piece { at: Span::at(at).start, source, verbatim: piece.verbatim });
                }
                self.value.push_str(value);
            }
        }
    }

    fn push(&mut self, text: &str, source: Span, verbatim: bool) {
        if text.is_empty() {
            return;
        }
        self.pieces.push(Piece { at: Span::at(self.value.len()).start, source, verbatim });
        self.value.push_str(text);
    }

    /// How many bytes have been appended.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.value.len()
    }

    /// True when nothing has been appended.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// Sets the place of the whole.
    pub const fn set_span(&mut self, span: Span) {
        self.span = span;
    }

    /// The text.
    #[must_use]
    pub fn finish(self) -> Text {
        let origin = match self.pieces.as_slice() {
            [Piece { at: 0, source, verbatim: true }] => Origin::Verbatim(source.start),
            _ => Origin::Pieces(self.pieces),
        };
        Text { value: self.value, span: self.span, origin }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `'a\x41b' 'cd'` at offset 10.
    fn glued() -> Text {
        let mut builder = Builder::new(Span::new(10, 23));
        builder.verbatim("a", 11);
        builder.whole("A", Span::new(12, 16));
        builder.verbatim("b", 16);
        builder.verbatim("cd", 20);
        builder.finish()
    }

    #[test]
    fn each_part_of_a_glued_string_has_its_own_place() {
        let text = glued();
        assert_eq!(text.as_str(), "aAbcd");
        assert_eq!(text.place(0..1), Span::new(11, 12));
        assert_eq!(text.place(1..2), Span::new(12, 16));
        assert_eq!(text.place(2..4), Span::new(16, 21));
        assert_eq!(text.place(3..5), Span::new(20, 22));
        assert_eq!(text.place(0..5), Span::new(11, 22));
        assert_eq!(text.place(4..4), Span::new(21, 21));
    }

    #[test]
    fn where_one_string_ends_and_another_begins_is_known() {
        let text = glued();
        let joints: Vec<usize> = (0..=5).filter(|offset| text.is_joint(*offset)).collect();
        assert_eq!(joints, [3]);
    }

    #[test]
    fn a_part_keeps_its_places() {
        let part = glued().part(1..4);
        assert_eq!(part.as_str(), "Abc");
        assert_eq!(part.place(0..1), Span::new(12, 16));
        assert_eq!(part.place(2..3), Span::new(20, 21));
        let tail = glued().part(4..5);
        assert_eq!((tail.as_str(), tail.span()), ("d", Span::new(21, 22)));
    }

    #[test]
    fn an_empty_text_has_the_place_of_the_whole() {
        let text = Builder::new(Span::new(3, 5)).finish();
        assert_eq!(text.place(0..0), Span::new(3, 5));
    }
}
