//! Findings as SARIF 2.1.0, which editors and code hosts show at their places.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::check::{Problem, Reading};
use crate::diagnostic::{Diagnostic, Kind, Severity, all};
use crate::source::{Source, Span};

/// Collects the findings of many files into one log.
///
/// ```
/// use xenconf::check::read_file;
/// use xenconf::options::Options;
/// use xenconf::sarif::Log;
///
/// let reading = read_file("xend-config.sxp", b"(network-script network-bridge x=1)\n", &Options::default());
/// let mut log = Log::default();
/// log.add(&reading);
/// let sarif = log.finish("dom0net", "0.1.0");
/// assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "X0111");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Log {
    results: Vec<Json>,
    codes: BTreeSet<&'static str>,
}

impl Log {
    /// Adds what was found in a file.
    pub fn add(&mut self, reading: &Reading) {
        for diagnostic in &reading.diagnostics {
            self.codes.insert(diagnostic.kind.code);
            self.results.push(result(diagnostic, &reading.source));
        }
    }

    /// The log, in the name of the program that made it.
    #[must_use]
    pub fn finish(self, program: &str, version: &str) -> Json {
        let rules: Vec<Json> = all().filter(|kind| self.codes.contains(kind.code)).map(rule).collect();
        json!({
            "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": { "name": program, "version": version, "rules": rules } },
                "columnKind": "unicodeCodePoints",
                "results": self.results,
            }],
        })
    }
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn rule(kind: &'static Kind) -> Json {
    json!({
        "id": kind.code,
        "shortDescription": { "text": kind.title },
        "fullDescription": { "text": kind.explanation },
        "defaultConfiguration": { "level": level(kind.severity) },
    })
}

fn result(diagnostic: &Diagnostic, source: &Source) -> Json {
    let mut text = diagnostic.message.clone();
    for more in diagnostic.notes.iter().chain(&diagnostic.help) {
        text.push_str(". ");
        text.push_str(more);
    }
    let problem = Problem::new(diagnostic, source);
    let region = json!({
        "startLine": problem.line,
        "startColumn": problem.column,
        "endColumn": problem.end_column,
    });
    let location = |region: &Json| json!({ "physicalLocation": { "artifactLocation": { "uri": uri(source.name()) }, "region": region } });
    let related: Vec<Json> = diagnostic
        .related
        .iter()
        .map(|label| {
            let mut place = location(&whole_region(label.span, source));
            place["message"] = json!({ "text": label.text });
            place
        })
        .collect();
    let mut result = json!({
        "ruleId": diagnostic.kind.code,
        "level": level(diagnostic.severity),
        "message": { "text": text },
        "locations": [location(&region)],
    });
    if !related.is_empty() {
        result["relatedLocations"] = Json::Array(related);
    }
    if let Some(suggestion) = &diagnostic.suggestion {
        let help = diagnostic.help.as_deref().unwrap_or("replace it");
        result["fixes"] = json!([{
            "description": { "text": help },
            "artifactChanges": [{
                "artifactLocation": { "uri": uri(source.name()) },
                "replacements": [{
                    "deletedRegion": whole_region(suggestion.span, source),
                    "insertedContent": { "text": suggestion.replacement },
                }],
            }],
        }]);
    }
    result
}

/// A place that may run over several lines.
fn whole_region(span: Span, source: &Source) -> Json {
    let (start, end) = (source.position(span.start), source.position(span.end));
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    })
}

/// A path as a URI reference: what is not plain is written in percent signs.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                out.push('%');
                out.extend(
                    [byte >> 4, byte & 0xf]
                        .iter()
                        .filter_map(|digit| char::from_digit(u32::from(*digit), 16)),
                );
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::read_file;
    use crate::options::Options;

    #[test]
    fn a_finding_has_its_place_its_rule_and_its_repair() {
        let text = "# é\nname = 'é'\nvif = [ 'brigde=x' ]\n";
        let options = Options { dialect: Some(crate::dialect::Dialect::Xl), ..Options::default() };
        let reading = read_file("a b.cfg", text.as_bytes(), &options);
        let mut log = Log::default();
        log.add(&reading);
        let sarif = log.finish("test", "1");
        let run = &sarif["runs"][0];
        let result = &run["results"][0];
        assert_eq!((result["ruleId"].as_str(), result["level"].as_str()), (Some("X0601"), Some("error")));
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b.cfg");
        assert_eq!(place["region"], json!({ "startLine": 3, "startColumn": 10, "endColumn": 16 }));
        let repair = &result["fixes"][0]["artifactChanges"][0]["replacements"][0];
        assert_eq!(repair["insertedContent"]["text"], "bridge");
        assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "X0601");
    }
}
