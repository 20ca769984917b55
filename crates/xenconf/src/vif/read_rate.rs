//! The rate of an interface, by the rules of the one program or the other.

use super::Toolstack;
use super::read::Reader;
use crate::diagnostic::{Diagnostic, Severity, kinds};
use crate::rate::{self, Rate, RateError};
use crate::source::Spanned;
use crate::text::Text;

impl Reader<'_> {
    pub(super) fn rate(&mut self, value: &Text) {
        let text = value.as_str();
        match self.toolstack {
            Toolstack::Xl => match rate::parse_xl(text) {
                Ok(rate) => {
                    self.question_xl_rate(rate, value);
                    self.vif.rate = Some(Spanned::new(rate, value.span()));
                }
                Err(error) => {
                    let diagnostic = self.rate_diagnostic(&error, value);
                    self.diagnostics.push(diagnostic.note("xl ends with this error and creates nothing"));
                }
            },
            Toolstack::Xm => match rate::parse_xend(text) {
                Ok(rate) => self.vif.rate = Some(Spanned::new(rate, value.span())),
                Err(error) => {
                    let diagnostic = self.rate_diagnostic(&error, value);
                    self.diagnostics.push(
                        diagnostic
                            .severity(Severity::Warning)
                            .note("xend says nothing, and the guest may send without limit"),
                    );
                    self.vif.rate = Some(Spanned::new(Rate::UNLIMITED, value.span()));
                }
            },
        }
    }

    fn rate_diagnostic(&self, error: &RateError, value: &Text) -> Diagnostic {
        let place = match error {
            RateError::Speed(range)
            | RateError::Interval(range)
            | RateError::SpeedRange(range)
            | RateError::IntervalRange(range)
                if !range.is_empty() =>
            {
                value.place(range.clone())
            }
            _ => value.span(),
        };
        let kind = match error {
            RateError::Empty | RateError::Speed(_) | RateError::Interval(_) => &kinds::RATE_SYNTAX,
            _ => &kinds::RATE_RANGE,
        };
        let mut diagnostic =
            Diagnostic::new(kind, place, format!("`{}` is no rate: {error}", value.as_str()));
        diagnostic = match (error, self.toolstack) {
            (RateError::Interval(_), Toolstack::Xm) => {
                diagnostic.help("end the interval with `s`, `ms` or `us`")
            }
            (RateError::SpeedRange(_) | RateError::IntervalRange(_), Toolstack::Xl)
                if rate::has_octal(value.as_str()) =>
            {
                diagnostic.help("delete the leading zero: it makes xl read an octal number")
            }
            (RateError::Credit, _) => diagnostic.help("write a larger rate, or a longer interval"),
            _ => match meant(value.as_str()) {
                Some(meant) => diagnostic.help(format!("write `{meant}`")).replace(value.span(), meant),
                None => diagnostic.help("write a rate like `10MB/s`, `250Kb/s` or `1MB/s@20ms`"),
            },
        };
        diagnostic
    }

    fn question_xl_rate(&mut self, rate: Rate, value: &Text) {
        let text = value.as_str();
        if rate.bytes_per_interval == 0 {
            self.diagnostics.push(
                Diagnostic::new(&kinds::RATE_NOTHING, value.span(), format!("`{text}` rounds to nothing"))
                    .note(format!(
                        "less than one byte in each interval of {} microseconds: the guest can send nothing",
                        rate.interval_usecs
                    ))
                    .help("write a larger rate, or a longer interval"),
            );
        } else if rate::has_octal(text) {
            self.diagnostics.push(
                Diagnostic::new(
                    &kinds::RATE_OCTAL,
                    value.span(),
                    "xl reads a number with a leading zero as octal",
                )
                .note(format!(
                    "it allows {} bytes in each {} microseconds",
                    rate.bytes_per_interval, rate.interval_usecs
                ))
                .help("delete the leading zero"),
            );
        } else if let Some((_, interval)) =
            text.split_once('@').filter(|(_, unit)| unit.bytes().all(|b| b.is_ascii_digit()))
        {
            let place = value.place(text.len() - interval.len()..text.len());
            self.diagnostics.push(
                Diagnostic::new(
                    &kinds::RATE_BARE_INTERVAL,
                    place,
                    format!("xl reads this interval as {interval} seconds"),
                )
                .note("the manual says microseconds")
                .help("write the unit: `s`, `ms` or `us`"),
            );
        }
    }
}

/// The rate as xl and xend write it, of what other programs write: `10mbit`, `10 Mbps`, `10Mbit/s`, `10 KB/s`.
fn meant(text: &str) -> Option<String> {
    let text = text.trim();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = text.get(..text.len() - unit.len()).filter(|number| !number.is_empty())?;
    let unit = unit.trim();
    let (multiplier, rest) = match unit.chars().next()?.to_ascii_uppercase() {
        multiplier @ ('G' | 'M' | 'K') => (multiplier.to_string(), unit.get(1..)?),
        _ => (String::new(), unit),
    };
    // A small `b` is a bit for all of them, a capital one a byte.
    let unit = match rest {
        "bit" | "bits" | "bps" | "bit/s" | "bits/s" | "b/s" | "bitps" => 'b',
        "B/s" | "Bps" | "Byte/s" | "Bytes/s" => 'B',
        _ => return None,
    };
    Some(format!("{number}{multiplier}{unit}/s"))
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn rates_of_other_programs_are_understood() {
        for (written, rate) in [
            ("10mbit", Some("10Mb/s")),
            ("10 Mbps", Some("10Mb/s")),
            ("10Mbit/s", Some("10Mb/s")),
            ("250kB/s", Some("250KB/s")),
            ("800bps", Some("800b/s")),
            ("10", None),
            ("10MB", None),
            ("1.5MB/s", None),
            ("fast", None),
        ] {
            assert_eq!(meant(written).as_deref(), rate, "{written}");
        }
    }
}
