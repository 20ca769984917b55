//! The values of variables, whichever language they were written in.

use crate::source::Span;
use crate::text::Text;

/// The value of a variable, or a part of one.
#[derive(Clone, Debug)]
pub struct Value {
    /// What it is.
    pub kind: ValueKind,
    /// Where it stands.
    pub span: Span,
}

/// What a value can be.
#[derive(Clone, Debug)]
pub enum ValueKind {
    /// A string.
    Text(Text),
    /// A number of xl, which is a string until something reads it.
    Number(Text),
    /// An integer of Python that fits 64 bits.
    Integer(i64),
    /// An integer of Python's type `long`, in decimal. xm ignores a variable of this type.
    Long(String),
    /// A floating point number.
    Float(f64),
    /// `True` or `False`. xm ignores a variable of this type.
    Boolean(bool),
    /// `None`. xm ignores a variable of this type.
    None,
    /// `[…]`
    List(Vec<Value>),
    /// `(…)`. xm ignores a variable of this type.
    Tuple(Vec<Value>),
    /// `{…}`. xm ignores a variable of this type.
    Dictionary(Vec<(Value, Value)>),
    /// Something that only running the file would tell; a diagnostic says so.
    Unknown(Reason),
}

/// Why a value is unknown: the reader's own reference to what it says about that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(pub(crate) usize);

/// Equal when they mean the same, wherever they stand.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl PartialEq for ValueKind {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) | (Self::Number(a), Self::Number(b)) => a == b,
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Long(a), Self::Long(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::None, Self::None) | (Self::Unknown(_), Self::Unknown(_)) => true,
            (Self::List(a), Self::List(b)) | (Self::Tuple(a), Self::Tuple(b)) => a == b,
            (Self::Dictionary(a), Self::Dictionary(b)) => a == b,
            _ => false,
        }
    }
}

impl Value {
    /// Puts a value and its place together.
    #[must_use]
    pub const fn new(kind: ValueKind, span: Span) -> Self {
        Self { kind, span }
    }

    /// The string, when it is one (a number of xl is one, too).
    #[must_use]
    pub const fn text(&self) -> Option<&Text> {
        match &self.kind {
            ValueKind::Text(text) | ValueKind::Number(text) => Some(text),
            _ => None,
        }
    }

    /// The string as a `str`.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.text().map(Text::as_str)
    }

    /// The number, also when it was written as a string, as people do (`memory = '64'`).
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match &self.kind {
            ValueKind::Integer(number) => Some(*number),
            ValueKind::Text(text) | ValueKind::Number(text) => integer(text.as_str()),
            ValueKind::Boolean(truth) => Some(i64::from(*truth)),
            _ => None,
        }
    }

    /// What a list or tuple holds.
    #[must_use]
    pub fn items(&self) -> Option<&[Self]> {
        match &self.kind {
            ValueKind::List(items) | ValueKind::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// True when it could not be told without running the file.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self.kind, ValueKind::Unknown(_))
    }

    /// The name of the type, as a reader would say it.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self.kind {
            ValueKind::Text(_) => "a string",
            ValueKind::Number(_) | ValueKind::Integer(_) => "a number",
            ValueKind::Long(_) => "a long number",
            ValueKind::Float(_) => "a number with a fraction",
            ValueKind::Boolean(_) => "True or False",
            ValueKind::None => "None",
            ValueKind::List(_) => "a list",
            ValueKind::Tuple(_) => "a tuple",
            ValueKind::Dictionary(_) => "a dictionary",
            ValueKind::Unknown(_) => "unknown",
        }
    }
}

/// Reads an integer the way of C's `strtol` with base 0, all of it: `0x` is hexadecimal, a leading `0` octal.
#[must_use]
pub fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let number = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        i64::from_str_radix(hex, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8)
    } else if digits.starts_with('+') {
        return None;
    } else {
        digits.parse()
    };
    number.ok().map(|number| if negative { -number } else { number })
}

/// A variable with its value.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The variable's name.
    pub name: String,
    /// Where the name stands in the assignment that counts.
    pub name_span: Span,
    /// The value.
    pub value: Value,
}

/// The variables of a file as they are at its end, in the order of their first assignment.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    list: Vec<Setting>,
}

impl Settings {
    /// Takes settings whose names are all different.
    pub(crate) const fn new(list: Vec<Setting>) -> Self {
        Self { list }
    }

    /// The variable with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.list.iter().find(|setting| setting.name == name)
    }

    /// The value of the variable with this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.get(name).map(|setting| &setting.value)
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Setting> {
        self.list.iter()
    }

    /// Replaces the value of a variable, or adds the variable.
    pub(crate) fn set(&mut self, setting: Setting) {
        match self.list.iter_mut().find(|old| old.name == setting.name) {
            Some(old) => *old = setting,
            None => self.list.push(setting),
        }
    }
}

impl<'a> IntoIterator for &'a Settings {
    type Item = &'a Setting;
    type IntoIter = std::slice::Iter<'a, Setting>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::integer;

    #[test]
    fn integers_are_read_as_strtol_reads_them() {
        assert_eq!(integer("64"), Some(64));
        assert_eq!(integer("0x10"), Some(16));
        assert_eq!(integer("010"), Some(8));
        assert_eq!(integer("-3"), Some(-3));
        for bad in ["", "-", "08", "1x", "0x", "+1", "1.5", "99999999999999999999"] {
            assert_eq!(integer(bad), None, "{bad}");
        }
    }
}
