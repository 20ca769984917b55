//! `dom0net convert`: a configuration in another language.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use xenconf::check::{Content, Reading, read_file};
use xenconf::convert;
use xenconf::diagnostic::Diagnostics;
use xenconf::dialect::FileKind;
use xenconf::native::Networks;
use xenconf::script::Script;
use xenconf::source::Source;
use xenconf::xend::XendConfig;

use super::configuration::files::{self, Unreadable};
use super::configuration::findings::{draw_all, style, visible};
use super::configuration::rules::Rules;
use super::fail;
use super::output::{is_terminal, out};

#[derive(Args)]
#[command(after_help = "\
xl and sxp take a domain in any language. What cannot be carried over stands in the result as
comments, with the reason. toml takes xend-config.sxp, or a script that calls network-bridge
several times, and writes the networks of the host in one file; the script that
xend-config.sxp names is looked for beside it and in /etc/xen/scripts.

Exit status: 0 done, 1 the file has errors (what could be read is written all the same) or is
of a kind that cannot be converted so, 2 it cannot be read.

Examples:
  dom0net convert /etc/xen/rhel4 --to xl > rhel4.cfg
  dom0net convert --var vmid=5 /etc/xen/xmexample2 --to xl
  dom0net convert /etc/xen/xend-config.sxp --to toml > dom0net.toml")]
pub(crate) struct Convert {
    /// A configuration file, or - for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The language to write.
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    to: Language,
    /// The script that `network-script` names, when it is not where xend looks for it.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    #[command(flatten)]
    rules: Rules,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    /// A domain for xl.
    Xl,
    /// A domain for xend, as `xm create -F` takes it.
    Sxp,
    /// The networks of a host for this program.
    Toml,
}

impl Convert {
    /// Runs the command and returns the exit status.
    pub(crate) fn run(&self) -> u8 {
        match self.convert() {
            Ok(status) => status,
            Err(Unreadable(sentence)) => {
                fail(&sentence);
                2
            }
        }
    }

    fn convert(&self) -> Result<u8, Unreadable> {
        let bytes = files::bytes(&self.file)?;
        let name = self.file.to_string_lossy();
        let mut reading = read_file(name, &bytes, &self.rules.options());
        let mut found = std::mem::take(&mut reading.diagnostics);
        let written = match (self.to, &reading.content) {
            (Language::Xl, Content::Domain(domain)) => Some(convert::to_xl(domain)),
            (Language::Sxp, Content::Domain(domain)) => Some(convert::to_sxp(domain)),
            (Language::Toml, Content::XendConfig(config)) => {
                Some(self.networks(config, &reading, &mut found)?)
            }
            (Language::Toml, _) if reading.detection.kind == FileKind::Script => {
                Some(Networks::from_wrapper(&reading.source, &mut found).to_toml())
            }
            _ => None,
        };
        found.sort();
        eprint!("{}", draw_all(&found, &reading.source, style(&io::stderr())));
        let Some(written) = written else {
            return Ok(self.refuse(&reading));
        };
        if is_terminal() {
            // A value may hold what a terminal takes for a command.
            written.lines().for_each(|line| out(&format!("{}\n", visible(line))));
        } else {
            out(&written);
        }
        Ok(u8::from(found.has_errors()))
    }

    /// The networks that xend's configuration makes, by its own words or by those of the script that it names.
    fn networks(
        &self,
        config: &XendConfig,
        reading: &Reading,
        found: &mut Diagnostics,
    ) -> Result<String, Unreadable> {
        let script = match (&self.script, &config.network_script) {
            (Some(path), _) => Some(files::source(path)?),
            (None, Some(script)) => beside(Path::new(reading.source.name()), script),
            (None, None) => None,
        };
        let mut found_in_script = Diagnostics::new();
        let networks = match &script {
            Some(script) => Networks::from_xend(config, Some(script), &mut found_in_script),
            None => Networks::from_xend(config, None, found),
        };
        if let Some(script) = &script {
            eprint!("{}", draw_all(&found_in_script, script, style(&io::stderr())));
        }
        Ok(networks.to_toml())
    }

    fn refuse(&self, reading: &Reading) -> u8 {
        let (wanted, from) = match self.to {
            Language::Xl => ("a configuration for xl", "a domain"),
            Language::Sxp => ("a domain in SXP", "a domain"),
            Language::Toml => ("networks", "xend-config.sxp or a network script"),
        };
        fail(&format!(
            "{wanted} can be made of {from}; {} is of the kind {}, since {}",
            visible(reading.source.name()),
            reading.detection.kind.name(),
            reading.detection.reason
        ))
    }
}

/// A script of the user's own, from the folder of scripts beside the configuration, or from where xend runs it.
fn beside(config: &Path, script: &Script) -> Option<Source> {
    if script.is_xens_network_script() {
        return None;
    }
    let folder = config.parent().unwrap_or(Path::new(""));
    let places = [
        folder.join("scripts").join(script.base_name()),
        folder.join(script.base_name()),
        PathBuf::from(script.path()),
    ];
    places.iter().filter(|path| path.is_file()).find_map(|path| files::source(path).ok())
}
