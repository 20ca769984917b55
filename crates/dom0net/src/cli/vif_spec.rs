//! `dom0net vif-spec`: what the specification of an interface means.

use std::io;

use clap::Args;
use xenconf::check::VifReport;
use xenconf::diagnostic::Diagnostics;
use xenconf::source::{Source, Span};
use xenconf::text::Text;
use xenconf::vif::{self, Context, Defaults, Toolstack, Vif};

use super::configuration::findings::{draw_all, style};
use super::configuration::rules::Program;
use super::output::{json, out};

#[derive(Args)]
#[command(after_help = "\
Exit status: 0 the program takes it, 1 it refuses it: xl as arguments of network-attach, xm in
a configuration.

Examples:
  dom0net vif-spec 'mac=00:16:3e:27:95:c0,bridge=xenbr1,rate=10MB/s@20ms'
  dom0net vif-spec --for xm 'ip=10.0.0.1, vifname=web'
  dom0net vif-spec --json 'rate=10Mb/s' | jq .effective.rate_bytes_per_interval
  dom0net vif-spec ''")]
pub(crate) struct VifSpec {
    /// The specification, as it stands between the quotes in `vif = [ '…' ]`. Several words are joined by commas.
    #[arg(value_name = "SPEC", required = true)]
    spec: Vec<String>,
    /// Hold it against the rules of this program; without it, those of xl.
    #[arg(long = "for", value_name = "PROGRAM", value_enum)]
    program: Option<Program>,
    /// Print it as JSON: the object that `dom0net check --json` has for the interface.
    #[arg(long)]
    json: bool,
}

impl VifSpec {
    /// Runs the command and returns the exit status.
    pub(crate) fn run(&self) -> u8 {
        let spec = self.spec.join(",");
        let toolstack = self.program.map_or(Toolstack::Xl, Program::toolstack);
        let source = Source::new("vif-spec", spec.as_bytes());
        let mut diagnostics = Diagnostics::new();
        let text = Text::verbatim(spec.clone(), 0, Span::new(0, spec.len()));
        let vif = vif::parse(&text, toolstack, &mut diagnostics);
        diagnostics.sort();
        let context = Context::new(toolstack);
        let findings = draw_all(&diagnostics, &source, style(&io::stderr()));
        if self.json {
            json(&VifReport::new(&vif, &context, &Defaults::default(), 0));
        } else {
            out(&self.explained(&vif, context));
        }
        // A person sees both; a program that reads the one is not disturbed by the other.
        eprint!("{findings}");
        u8::from(vif::is_refused(toolstack, &diagnostics))
    }

    fn explained(&self, vif: &Vif, context: Context) -> String {
        let effective = vif.effective(&context, &Defaults::default(), 0);
        let lines = vif::explain(vif, &effective, context.toolstack);
        let width = lines.iter().map(|line| line.value.chars().count()).max().unwrap_or(0).min(40);
        let whose = match self.program {
            Some(_) => "",
            None => "By the rules of xl; --for xm takes those of xm.\n\n",
        };
        let lines: Vec<String> = lines
            .iter()
            .map(|line| {
                let mark = if line.given { ' ' } else { '*' };
                format!("{:<10} {:<width$} {mark} {}\n", line.key, line.value, line.meaning)
            })
            .collect();
        format!("{whose}{}\n* not given: the default\n", lines.concat())
    }
}
