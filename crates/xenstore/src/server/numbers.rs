//! Numbers as the C library reads them: a daemon takes what `atoi` and `strtol` take, and tools rely on it.

/// `atoi`: blanks, a sign, digits; the rest is ignored, and nothing at all is 0. Too large a number loses its
/// upper bits.
pub(super) fn atoi(text: &[u8]) -> i32 {
    let (negative, digits) = sign(text.trim_ascii_start());
    let (magnitude, _) = magnitude(digits, 10);
    truncate(negative, magnitude)
}

/// `strtol` with base 0, of a text that must be a number as a whole: decimal, `0x` hexadecimal or `0` octal.
pub(super) fn strtol(text: &[u8]) -> Option<i32> {
    let (negative, rest) = sign(text.trim_ascii_start());
    let (digits, base) = match rest {
        [b'0', b'x' | b'X', hex @ ..] => (hex, 16),
        [b'0', ..] => (rest, 8),
        _ => (rest, 10),
    };
    let (magnitude, len) = magnitude(digits, base);
    (len > 0 && len == digits.len()).then(|| truncate(negative, magnitude))
}

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// The number in front, and of how many digits it is made.
fn magnitude(text: &[u8], base: u32) -> (i64, usize) {
    let digits = text.iter().map_while(|byte| char::from(*byte).to_digit(base));
    digits.fold((0_i64, 0), |(number, len), digit| {
        (number.saturating_mul(base.into()).saturating_add(digit.into()), len + 1)
    })
}

#[expect(clippy::cast_possible_truncation, reason = "C assigns the long to an int")]
const fn truncate(negative: bool, magnitude: i64) -> i32 {
    (if negative { -magnitude } else { magnitude }) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atoi_takes_what_it_can() {
        for (text, number) in [
            (&b""[..], 0),
            (b"abc", 0),
            (b"7", 7),
            (b" \t7x", 7),
            (b"-1", -1),
            (b"+3", 3),
            (b"99999999999", 1_215_752_191),
            (b"--1", 0),
        ] {
            assert_eq!(atoi(text), number, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn strtol_wants_a_number_and_nothing_else() {
        for (text, number) in [
            (&b"10"[..], Some(10)),
            (b"0x10", Some(16)),
            (b"010", Some(8)),
            (b"0", Some(0)),
            (b" 5", Some(5)),
            (b"-1", Some(-1)),
            (b"99999999999", Some(1_215_752_191)),
            (b"", None),
            (b" ", None),
            (b"5 ", None),
            (b"08", None),
            (b"0x", None),
            (b"1x", None),
        ] {
            assert_eq!(strtol(text), number, "{}", text.escape_ascii());
        }
    }
}
