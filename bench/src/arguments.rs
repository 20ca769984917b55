//! What is to be measured.

use std::path::PathBuf;

/// How it is called.
pub(crate) const USAGE: &str = "\
Usage: bench [PART]... [--rounds N] [--into FOLDER] [--small]

Measures all parts, or those that are named: plug, handover, scale, storm, packets, check.

  --sizes N,N    hosts with so many vifs, and not with as many as the part is used to
  --rounds N     so many rounds, and not as many as the part is used to
  --into FOLDER  keep the results there: JSON, Markdown, drawings
  --small        small hosts and one round: to see that it works, not to measure";

/// A part of the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// One interface plugged and unplugged.
    Plug,
    /// The card moved onto a bridge.
    Handover,
    /// Many vifs on one host.
    Scale,
    /// Many plugs at once.
    Storm,
    /// Packets through the guard.
    Packets,
    /// Configuration files checked.
    Check,
}

impl Part {
    const ALL: [(&'static str, Self); 6] = [
        ("plug", Self::Plug),
        ("handover", Self::Handover),
        ("scale", Self::Scale),
        ("storm", Self::Storm),
        ("packets", Self::Packets),
        ("check", Self::Check),
    ];
}

/// What the command line says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// The parts, in the order in which they are measured.
    pub(crate) parts: Vec<Part>,
    /// How many vifs the hosts have; none: as many as the part is used to.
    pub(crate) sizes: Option<Vec<u32>>,
    /// How many rounds; none: as many as the part is used to.
    pub(crate) rounds: Option<usize>,
    /// Where the results are kept.
    pub(crate) into: Option<PathBuf>,
    /// To see that it works, not to measure.
    pub(crate) small: bool,
}

impl Arguments {
    /// Understands the words behind the program's name. An error is a sentence.
    pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut all = Self { parts: Vec::new(), sizes: None, rounds: None, into: None, small: false };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--rounds" => {
                    let text = value()?;
                    let rounds = text.parse().ok().filter(|rounds| *rounds > 0);
                    all.rounds = Some(rounds.ok_or(format!("{text:?} is no number of rounds"))?);
                }
                "--sizes" => {
                    let text = value()?;
                    let sizes = text.split(',').map(|size| size.parse().ok().filter(|size| *size > 0));
                    let sizes = sizes.collect::<Option<Vec<u32>>>();
                    all.sizes = Some(sizes.ok_or(format!("{text:?} is no list of sizes"))?);
                }
                "--into" => all.into = Some(value()?.into()),
                "--small" => all.small = true,
                name => {
                    let part = Part::ALL.iter().find(|(this, _)| *this == name);
                    all.parts.push(part.ok_or(format!("{name:?} is no part of the bench"))?.1);
                }
            }
        }
        if all.parts.is_empty() {
            all.parts = Part::ALL.map(|(_, part)| part).into();
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_ascii_whitespace().map(str::to_owned))
    }

    #[test]
    fn all_is_measured_unless_parts_are_named() {
        assert_eq!(parse("").unwrap().parts.len(), Part::ALL.len());
        let named = parse("scale --rounds 3 plug --small --into /tmp/x --sizes 5,70").unwrap();
        let parts = vec![Part::Scale, Part::Plug];
        let expected = Arguments {
            parts,
            sizes: Some(vec![5, 70]),
            rounds: Some(3),
            into: Some("/tmp/x".into()),
            small: true,
        };
        assert_eq!(named, expected);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in
            ["skale", "--rounds", "--rounds 0", "--rounds many", "--into", "--sizes 1,0", "--sizes 1,"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
