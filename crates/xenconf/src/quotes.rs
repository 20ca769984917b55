//! The quotes of word processors and web pages, which no reader of Xen's files knows.

/// A string between such quotes: how it was meant, on its line.
pub(crate) struct Typographic {
    /// Bytes of the quote that opens it.
    pub(crate) head: usize,
    /// Bytes between the quotes.
    pub(crate) inner: usize,
    /// Bytes of the quote that closes it; 0 when the line ends first.
    pub(crate) tail: usize,
    /// The plain quote that was meant.
    pub(crate) straight: char,
}

impl Typographic {
    /// The string at the beginning of `text`, if there is one.
    pub(crate) fn at_start(text: &str) -> Option<Self> {
        let open = text.chars().next().filter(|c| is_typographic(*c))?;
        let head = open.len_utf8();
        let line = text.get(head..)?;
        let ends = |c: char| is_typographic(c) || matches!(c, '\'' | '"' | '\n' | '\r');
        let inner = line.find(ends).unwrap_or(line.len());
        let close = line.get(inner..).and_then(|rest| rest.chars().next());
        let tail = close.filter(|c| !matches!(c, '\n' | '\r')).map_or(0, char::len_utf8);
        let straight = if matches!(open, '‘' | '’' | '‚' | '‛') { '\'' } else { '"' };
        Some(Self { head, inner, tail, straight })
    }

    /// Bytes of the whole.
    pub(crate) const fn len(&self) -> usize {
        self.head + self.inner + self.tail
    }

    /// What stands between the quotes; `text` begins with the string.
    pub(crate) fn inside<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.head..self.head + self.inner).unwrap_or("")
    }

    /// The string with plain quotes.
    pub(crate) fn meant(&self, text: &str) -> String {
        format!("{0}{1}{0}", self.straight, self.inside(text))
    }
}

const fn is_typographic(c: char) -> bool {
    matches!(c, '‘' | '’' | '‚' | '‛' | '“' | '”' | '„' | '‟')
}
