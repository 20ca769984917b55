//! `rate=`: how much a guest may send. xl and xend read it by different rules, and both have traps.
//!
//! What netback gets is a credit of bytes and an interval in microseconds: the node `rate` holds
//! `bytes,microseconds`. An interval of 0 means unlimited.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

/// The interval when none is given, in microseconds.
const DEFAULT_INTERVAL: u32 = 50_000;

/// A limit as netback takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rate {
    /// How many bytes may be sent in each interval.
    #[serde(rename = "rate_bytes_per_interval")]
    pub bytes_per_interval: u64,
    /// The length of the interval in microseconds; 0 is unlimited.
    #[serde(rename = "rate_interval_usecs")]
    pub interval_usecs: u32,
}

impl Rate {
    /// What xend writes when it cannot make sense of a rate: no limit at all.
    pub const UNLIMITED: Self = Self { bytes_per_interval: 0xffff_ffff, interval_usecs: 0 };

    /// True when nothing is held back.
    #[must_use]
    pub const fn is_unlimited(self) -> bool {
        self.interval_usecs == 0
    }

    /// The average in bytes per second that the limit comes to, rounded down; `None` when unlimited.
    #[must_use]
    pub fn bytes_per_second(self) -> Option<u64> {
        let interval = u128::from(self.interval_usecs);
        let bytes = (u128::from(self.bytes_per_interval) * 1_000_000).checked_div(interval)?;
        u64::try_from(bytes).ok()
    }
}

/// The value of the node `rate`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.bytes_per_interval, self.interval_usecs)
    }
}

/// Why a rate is refused, or not what it seems. Ranges are byte offsets into the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RateError {
    /// There is nothing before the `@`, or nothing at all.
    Empty,
    /// The speed is not a number with `B/s` or `b/s` behind it.
    Speed(Range<usize>),
    /// The interval is not a number with `s`, `ms` or `us` behind it.
    Interval(Range<usize>),
    /// The number of the speed is zero or over 4294967295; a leading 0 makes it octal for xl.
    SpeedRange(Range<usize>),
    /// The interval is zero or over 4294967295 microseconds.
    IntervalRange(Range<usize>),
    /// Speed times interval is more than the computation holds.
    Overflow,
    /// xend: the credit of one interval is 0 or over 4294967295.
    Credit,
}

impl fmt::Display for RateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "there is no rate",
            Self::Speed(_) => "a rate is a whole number with `B/s` or `b/s` behind it, after G, M or K as you like: `10MB/s`",
            Self::Interval(_) => "an interval is a whole number with `s`, `ms` or `us` behind it: `@20ms`",
            Self::SpeedRange(_) => "the number of the rate must be from 1 to 4294967295",
            Self::IntervalRange(_) => "the interval must be from 1 to 4294967295 microseconds",
            Self::Overflow => "rate and interval together are too large",
            Self::Credit => "the bytes of one interval must be from 1 to 4294967295",
        })
    }
}

impl std::error::Error for RateError {}

/// The letters behind a number, taken apart.
struct Speed<'t> {
    digits: &'t str,
    multiplier: u64,
    bits: bool,
}

/// Reads `[0-9]+[GMK]?[Bb]/s`.
fn speed(text: &str) -> Option<Speed<'_>> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(digits_end);
    let (multiplier, unit) = match unit.as_bytes().first()? {
        b'G' => (1_000_000_000, unit.get(1..)?),
        b'M' => (1_000_000, unit.get(1..)?),
        b'K' => (1_000, unit.get(1..)?),
        _ => (1, unit),
    };
    let bits = match unit {
        "B/s" => false,
        "b/s" => true,
        _ => return None,
    };
    (!digits.is_empty()).then_some(Speed { digits, multiplier, bits })
}

/// Reads `rate` by the rules of xl (`libxlu_vif.c`). Numbers with a leading 0 are octal.
///
/// ```
/// use xenconf::rate::parse_xl;
///
/// assert_eq!(parse_xl("10MB/s").unwrap().to_string(), "500000,50000");
/// assert_eq!(parse_xl("10MB/s@20ms").unwrap().to_string(), "200000,20000");
/// // Octal, and a bare interval is in seconds.
/// assert_eq!(parse_xl("010MB/s@1").unwrap().to_string(), "8000000,1000000");
/// ```
pub fn parse_xl(text: &str) -> Result<Rate, RateError> {
    let (speed_text, interval_text) = match text.split_once('@') {
        Some((speed, interval)) => (speed, Some(interval)),
        None => (text, None),
    };
    if speed_text.is_empty() {
        return Err(RateError::Empty);
    }
    let speed_range = 0..speed_text.len();
    let speed = speed(speed_text).ok_or(RateError::Speed(speed_range.clone()))?;
    let number = in_range(speed.digits).ok_or(RateError::SpeedRange(speed_range))?;
    // At most 2^32 * 10^9: this fits.
    let mut bytes_per_second = u64::from(number) * speed.multiplier;
    if speed.bits {
        bytes_per_second /= 8;
    }
    let interval_usecs = match interval_text {
        Some(interval) => interval_xl(interval, text.len() - interval.len()..text.len())?,
        None => DEFAULT_INTERVAL,
    };
    let product = bytes_per_second.checked_mul(u64::from(interval_usecs)).ok_or(RateError::Overflow)?;
    Ok(Rate { bytes_per_interval: product / 1_000_000, interval_usecs })
}

/// Reads `[0-9]+[mu]?s?`, where nothing and `s` are seconds.
fn interval_xl(text: &str, range: Range<usize>) -> Result<u32, RateError> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text.get(digits.len()..).unwrap_or("");
    let multiplier = match unit {
        "" | "s" => 1_000_000,
        "m" | "ms" => 1_000,
        "u" | "us" => 1,
        _ => return Err(RateError::Interval(range)),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RateError::Interval(range));
    }
    in_range(digits)
        .and_then(|number| u32::try_from(u64::from(number) * multiplier).ok())
        .ok_or(RateError::IntervalRange(range))
}

/// A number as `strtoull` with base 0 reads it: octal after a leading 0, up to the first digit that is none.
fn in_range(digits: &str) -> Option<u32> {
    let number = if digits.len() > 1 && digits.starts_with('0') {
        let octal = digits.find(['8', '9']).map_or(digits, |end| digits.get(..end).unwrap_or(""));
        // `08` is 0 with junk behind it, which the regular expression has let through.
        u64::from_str_radix(octal, 8).ok()?
    } else {
        digits.parse().ok()?
    };
    u32::try_from(number).ok().filter(|number| *number > 0)
}

/// True when xl reads a number of this rate as octal, other than its writer is likely to have meant.
#[must_use]
pub fn has_octal(text: &str) -> bool {
    text.split('@').any(|part| part.len() > 1 && part.starts_with('0') && part.as_bytes()[1].is_ascii_digit())
}

/// Reads `rate` by the rules of xend (`netif.py`). There is no refusal: an error means that xend sets no limit
/// ([`Rate::UNLIMITED`]).
///
/// ```
/// use xenconf::rate::{RateError, parse_xend};
///
/// assert_eq!(parse_xend("010MB/s@20ms").unwrap().to_string(), "200000,20000");
/// assert!(parse_xend("10MB/s@20").is_err(), "the `s` is needed");
/// assert_eq!(parse_xend("1B/s"), Err(RateError::Credit));
/// ```
pub fn parse_xend(text: &str) -> Result<Rate, RateError> {
    let (speed_text, interval_text) = match text.split_once('@') {
        Some((speed, interval)) => (speed, Some(interval)),
        None => (text, None),
    };
    if speed_text.is_empty() {
        return Err(RateError::Empty);
    }
    let speed_range = 0..speed_text.len();
    let speed = speed(speed_text).ok_or(RateError::Speed(speed_range.clone()))?;
    // Python's integers have no end; these numbers exceed the limit in any case.
    let number: u64 = speed.digits.parse().map_err(|_| RateError::SpeedRange(speed_range))?;
    let mut bytes_per_second = u128::from(number) * u128::from(speed.multiplier);
    if speed.bits {
        bytes_per_second /= 8;
    }
    let interval = match interval_text {
        Some(interval) => interval_xend(interval, text.len() - interval.len()..text.len())?,
        None => u64::from(DEFAULT_INTERVAL),
    };
    let interval_usecs = u32::try_from(interval)
        .ok()
        .filter(|interval| *interval > 0)
        .ok_or_else(|| RateError::IntervalRange(text.find('@').map_or(0..0, |at| at + 1..text.len())))?;
    let bytes = bytes_per_second * u128::from(interval_usecs) / 1_000_000;
    let bytes = u32::try_from(bytes).ok().filter(|bytes| *bytes > 0).ok_or(RateError::Credit)?;
    Ok(Rate { bytes_per_interval: u64::from(bytes), interval_usecs })
}

/// Reads `[0-9]+[mu]?s`, in microseconds.
fn interval_xend(text: &str, range: Range<usize>) -> Result<u64, RateError> {
    let error = || RateError::Interval(range.clone());
    let number = text.strip_suffix('s').ok_or_else(error)?;
    let (digits, multiplier) = match number.as_bytes().last() {
        Some(b'm') => (number.get(..number.len() - 1), 1_000),
        Some(b'u') => (number.get(..number.len() - 1), 1),
        _ => (Some(number), 1_000_000),
    };
    let digits =
        digits.filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let number: u64 =
        digits.ok_or_else(error)?.parse().map_err(|_| RateError::IntervalRange(range.clone()))?;
    number.checked_mul(multiplier).ok_or(RateError::IntervalRange(range))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xl(text: &str) -> String {
        parse_xl(text).map_or_else(|error| format!("{error:?}"), |rate| rate.to_string())
    }

    fn xend(text: &str) -> String {
        parse_xend(text).map_or_else(|error| format!("{error:?}"), |rate| rate.to_string())
    }

    #[test]
    fn xl_reads_speed_and_interval() {
        for (text, node) in [
            ("10Mb/s", "62500,50000"),
            ("250KB/s", "12500,50000"),
            ("1MB/s@20ms", "20000,20000"),
            ("10MB/s@10s", "100000000,10000000"),
            ("10MB/s@10", "100000000,10000000"),
            ("10MB/s@10m", "100000,10000"),
            ("10MB/s@10u", "100,10"),
            ("1B/s@1us", "0,1"),
            ("4294967295GB/s@1us", "4294967295000,1"),
            ("08B/s", "SpeedRange(0..5)"),
            ("010B/s@0x", "Interval(7..9)"),
            ("0B/s", "SpeedRange(0..4)"),
            ("4294967296B/s", "SpeedRange(0..13)"),
            ("10kB/s", "Speed(0..6)"),
            ("10MB", "Speed(0..4)"),
            ("10 MB/s", "Speed(0..7)"),
            ("B/s", "Speed(0..3)"),
            ("", "Empty"),
            ("@10ms", "Empty"),
            ("10MB/s@", "Interval(7..7)"),
            ("10MB/s@4295s", "IntervalRange(7..12)"),
            ("10MB/s@0s", "IntervalRange(7..9)"),
            ("4294967295GB/s@4294967295us", "Overflow"),
            ("é", "Speed(0..2)"),
        ] {
            assert_eq!(xl(text), node, "{text}");
        }
    }

    #[test]
    fn xend_reads_decimal_numbers_and_needs_the_s() {
        for (text, node) in [
            ("010MB/s", "500000,50000"),
            ("10Mb/s@2s", "2500000,2000000"),
            ("10MB/s@10m", "Interval(7..10)"),
            ("10MB/s@10", "Interval(7..9)"),
            ("100GB/s@10s", "Credit"),
            ("1B/s", "Credit"),
            ("10MB/s@4295s", "IntervalRange(7..12)"),
            ("10", "Speed(0..2)"),
            ("99999999999999999999B/s", "SpeedRange(0..23)"),
        ] {
            assert_eq!(xend(text), node, "{text}");
        }
    }

    #[test]
    fn an_octal_number_is_told() {
        assert!(has_octal("010MB/s"));
        assert!(has_octal("10MB/s@020ms"));
        assert!(!has_octal("10MB/s@20ms"));
        assert!(!has_octal("0B/s"));
    }
}
