//! `dom0net explain`: what a code means.

mod page;

use std::io;

use clap::Args;
use serde_json::json;
use xenconf::diagnostic::{self, Kind};

use super::configuration::findings::style;
use super::fail;
use super::output::{json as print_json, out};

#[derive(Args)]
#[command(after_help = "\
Examples:
  dom0net explain X0601
  dom0net explain
  dom0net explain --json | jq -r '.[] | select(.severity == \"error\") | .code'")]
pub(crate) struct Explain {
    /// Codes, as they stand in brackets behind `error` and `warning`; without one, all codes are listed.
    #[arg(value_name = "CODE")]
    codes: Vec<String>,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
    /// Print all of them as a page of the manual.
    #[arg(long, hide = true, conflicts_with_all = ["codes", "json"])]
    markdown: bool,
}

impl Explain {
    /// Runs the command and returns the exit status.
    pub(crate) fn run(&self) -> u8 {
        if self.markdown {
            out(&page::markdown(diagnostic::all()));
            return 0;
        }
        let mut kinds: Vec<&'static Kind> = Vec::new();
        for code in &self.codes {
            match diagnostic::find(code) {
                Some(kind) => kinds.push(kind),
                None => return fail(&format!("there is no code {code}; dom0net explain lists all of them")),
            }
        }
        match (self.json, self.codes.is_empty()) {
            (true, true) => print_json(&diagnostic::all().map(object).collect::<Vec<_>>()),
            (true, false) => print_json(&kinds.into_iter().map(object).collect::<Vec<_>>()),
            (false, true) => out(&list()),
            (false, false) => {
                let pages: Vec<String> =
                    kinds.into_iter().map(|kind| page::text(kind, style(&io::stdout()))).collect();
                out(&pages.join("\n"));
            }
        }
        0
    }
}

fn object(kind: &Kind) -> serde_json::Value {
    json!({
        "code": kind.code,
        "severity": kind.severity.as_str(),
        "title": kind.title,
        "explanation": kind.explanation,
    })
}

fn list() -> String {
    let line = |kind: &Kind| format!("{}  {:<7}  {}\n", kind.code, kind.severity.as_str(), kind.title);
    diagnostic::all().map(line).collect::<Vec<_>>().concat()
}
