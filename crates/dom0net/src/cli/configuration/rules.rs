//! Whose rules hold, and what is known besides the files.

use std::fs;

use clap::{Args, ValueEnum};
use xenconf::dialect::Dialect;
use xenconf::options::Options;
use xenconf::python::Host;
use xenconf::vif::Toolstack;

/// The program that a configuration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Program {
    /// xm and xend, up to Xen 4.4.
    Xm,
    /// xl, from Xen 4.1 on.
    Xl,
}

#[derive(Args)]
pub(crate) struct Rules {
    /// Hold domains against the rules of this program; without it, what is in a file tells.
    #[arg(long = "for", value_name = "PROGRAM", value_enum)]
    pub(crate) program: Option<Program>,
    #[command(flatten)]
    variables: Variables,
}

/// What xm was told beside the file.
#[derive(Args)]
pub(crate) struct Variables {
    /// Give a variable, as on the command line of `xm create`. May be repeated.
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<(String, String)>,
}

impl Rules {
    /// How files that somebody named are read.
    pub(crate) fn options(&self) -> Options {
        Options { dialect: self.program.map(Program::dialect), ..self.variables.options() }
    }
}

impl Variables {
    /// How a file is read with them, by the rules that fit it.
    pub(crate) fn options(&self) -> Options {
        Options { variables: self.variables.clone(), host: this_host(), ..Options::default() }
    }
}

impl Program {
    const fn dialect(self) -> Dialect {
        match self {
            Self::Xm => Dialect::Xm,
            Self::Xl => Dialect::Xl,
        }
    }

    pub(crate) const fn toolstack(self) -> Toolstack {
        match self {
            Self::Xm => Toolstack::Xm,
            Self::Xl => Toolstack::Xl,
        }
    }
}

fn variable(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("it is written NAME=VALUE")?;
    if name.is_empty() {
        return Err("there is no name before the `=`");
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// What `os.uname()` tells: files in Xen's manner look for their programs by the architecture.
fn this_host() -> Host {
    let kernel = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
        text.trim_end().to_owned()
    };
    Host {
        system: "Linux".to_owned(),
        node: kernel("hostname"),
        release: kernel("osrelease"),
        version: kernel("version"),
        machine: std::env::consts::ARCH.to_owned(),
    }
}
