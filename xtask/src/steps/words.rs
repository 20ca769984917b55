//! Words that have no place in the source: where somebody's machine keeps things, and where packages come from.

use std::fs;

use crate::outcome::Outcome;
use crate::places::Places;
use crate::program::Program;
use crate::report::Report;

/// What must not be in any file, but for the one that cargo writes. In two parts, as this is a file too.
const FORBIDDEN: &[(&str, &str)] = &[
    ("/work", "/"),
    ("/root", "/"),
    ("/home", "/"),
    ("/Users", "/"),
    ("index.", "crates.io"),
    ("static.", "crates.io"),
    ("deb.", "debian.org"),
    ("security.", "debian.org"),
    ("archive.", "ubuntu.com"),
];

const WRITTEN_BY_CARGO: &str = "Cargo.lock";

pub(super) fn run(places: &Places, report: &mut Report) {
    report.check("words", || check(places));
}

fn check(places: &Places) -> Outcome {
    let listed = Program::new(places, "words", "git").args(["ls-files", "-z"]).run();
    let files = match listed {
        Ok(listed) if listed.succeeded() => listed.stdout,
        Ok(listed) => return Outcome::skipped(format!("git cannot list the files: {}", listed.last_words())),
        Err(error) => return Outcome::skipped(format!("git cannot list the files: {error}")),
    };
    let mut complaints = Vec::new();
    for name in files.split_terminator('\0').filter(|name| *name != WRITTEN_BY_CARGO) {
        // What is not there any more says nothing; what is not text has no words.
        let Ok(text) = fs::read_to_string(places.root.join(name)) else { continue };
        complaints.extend(complaints_about(name, &text));
    }
    if complaints.is_empty() { Outcome::passed() } else { Outcome::failed(complaints.join("\n")) }
}

fn complaints_about(name: &str, text: &str) -> Vec<String> {
    let words: Vec<String> = FORBIDDEN.iter().map(|(one, other)| format!("{one}{other}")).collect();
    let mut complaints = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for word in words.iter().filter(|word| has_word(line, word)) {
            complaints.push(format!("{name}:{}: {word} in: {}", number + 1, line.trim()));
        }
    }
    complaints
}

/// True when the word begins something in the line: a folder at the root is another than one below `example`.
fn has_word(line: &str, word: &str) -> bool {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '}' | ')' | '*');
    line.match_indices(word).any(|(start, _)| !line[..start].ends_with(goes_on))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_machine_are_found_with_their_line() {
        let path = FORBIDDEN.iter().map(|(one, other)| format!("cd {one}{other}me")).collect::<Vec<_>>();
        let text = format!("fine\n{}\n", path.join("\n"));
        let complaints = complaints_about("file", &text);
        assert_eq!(complaints.len(), FORBIDDEN.len());
        assert!(complaints[0].starts_with("file:2: "), "{complaints:?}");
    }

    #[test]
    fn parts_of_other_words_are_not() {
        let word = format!("{}{}", FORBIDDEN[1].0, FORBIDDEN[1].1);
        for line in [format!("cp x \"$lab{word}etc\""), format!("${{lab}}{word}etc")] {
            assert!(complaints_about("file", &line).is_empty(), "{line}");
        }
    }
}
