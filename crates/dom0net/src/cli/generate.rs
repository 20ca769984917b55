//! `dom0net generate`: man pages, made of the same definitions as the help.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory, Subcommand};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use dom0net::hotplug::Mode;

use super::{Cli, fail, network_bridge, network_nat, network_route, vif_script};

/// The section for commands that an administrator types.
const SECTION: &str = "8";

#[derive(Subcommand)]
pub(crate) enum Generate {
    /// Write the man pages, of all commands and of the scripts.
    #[command(after_help = "\
Examples:
  dom0net generate man --into /usr/local/share/man
  man dom0net-guard")]
    Man(Pages),
}

#[derive(Args)]
pub(crate) struct Pages {
    /// The folder that has the folders of the sections; `man8` in it is made if it is missing.
    #[arg(long, value_name = "FOLDER")]
    into: PathBuf,
}

impl Generate {
    /// Runs the command and returns the exit status.
    pub(crate) fn run(&self) -> u8 {
        match self {
            Self::Man(pages) => pages.run(),
        }
    }
}

impl Pages {
    fn run(&self) -> u8 {
        let folder = self.into.join(format!("man{SECTION}"));
        if let Err(error) = fs::create_dir_all(&folder) {
            return fail(&format!("cannot make {}: {error}", folder.display()));
        }
        for (name, text) in pages() {
            let file = folder.join(format!("{name}.{SECTION}"));
            if let Err(error) = write_page(&file, &text) {
                return fail(&format!("cannot write {}: {error}", file.display()));
            }
        }
        0
    }
}

/// A page is there whole or not at all.
fn write_page(file: &Path, text: &[u8]) -> io::Result<()> {
    let new = file.with_added_extension("new");
    fs::write(&new, text)?;
    fs::rename(&new, file)
}

/// Each page: its name, and its text for `man`.
fn pages() -> Vec<(String, Vec<u8>)> {
    // The scripts have pages of their own, under the names that they are called by.
    let root = Cli::command().disable_help_subcommand(true);
    let mut root = scripts().fold(root, |root, (name, _)| root.mut_subcommand(name, |it| it.hide(true)));
    root.build();
    let mut pages = Vec::new();
    collect(&root, &mut pages);
    pages.extend(scripts().map(|(name, help)| (name.to_owned(), script_page(name, &help))));
    pages
}

/// The pages of a command and of those below it.
fn collect(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) {
    if command.is_hide_set() {
        return;
    }
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    pages.push((name, command_page(command)));
    for below in command.get_subcommands() {
        collect(below, pages);
    }
}

/// The scripts and what they say of themselves.
fn scripts() -> impl Iterator<Item = (&'static str, String)> {
    let network = [
        ("network-bridge", network_bridge::HELP),
        ("network-nat", network_nat::HELP),
        ("network-route", network_route::HELP),
    ];
    let vif = [Mode::Bridge, Mode::Route, Mode::Nat, Mode::OpenVSwitch];
    network
        .map(|(name, help)| (name, help.to_owned()))
        .into_iter()
        .chain(vif.map(|mode| (mode.script(), vif_script::help(mode))))
}

fn command_page(command: &Command) -> Vec<u8> {
    let more = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string);
    let man = Man::new(command.clone()).section(SECTION).source(source()).manual("dom0net");
    let mut page = Vec::new();
    // Memory takes all that is written.
    let _ = definitions(&man, command.has_subcommands(), &mut page);
    let mut rest = Roff::new();
    let more = more.unwrap_or_default().replace("Example:\n", "Examples:\n");
    let (notes, examples) = more.split_once("Examples:\n").unwrap_or((&more, ""));
    for (title, text) in [("NOTES", notes.trim_end()), ("EXAMPLES", examples)] {
        if !text.is_empty() {
            rest.control("SH", [title]);
            as_it_stands(&mut rest, text);
        }
    }
    see_also(&mut rest, command.get_display_name().unwrap_or_default());
    page.extend(rest.render().into_bytes());
    page
}

/// The sections that come from the definition of the command line.
fn definitions(man: &Man, has_subcommands: bool, page: &mut Vec<u8>) -> io::Result<()> {
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    if has_subcommands { man.render_subcommands_section(page) } else { Ok(()) }
}

fn script_page(name: &str, help: &str) -> Vec<u8> {
    let (what, rest) = help.split_once('\n').unwrap_or((help, ""));
    let (usage, rest) = rest.trim_start().split_once("\n\n").unwrap_or((rest, ""));
    let (rest, examples) = rest.split_once("Examples:\n").unwrap_or((rest, ""));
    let mut page = Roff::new();
    page.control("TH", [name, SECTION, "", &source(), "dom0net"]);
    page.control("SH", ["NAME"]);
    page.text([roman(format!("{name} - {}", what.trim_end_matches('.')))]);
    page.control("SH", ["SYNOPSIS"]);
    as_it_stands(&mut page, &usage.replace("Usage:", "      "));
    page.control("SH", ["DESCRIPTION"]);
    as_it_stands(&mut page, rest.trim_matches('\n'));
    page.control("SH", ["EXAMPLES"]);
    as_it_stands(&mut page, examples);
    see_also(&mut page, name);
    page.render().into_bytes()
}

/// Lines that are not to be run together.
fn as_it_stands(page: &mut Roff, text: &str) {
    page.control("nf", []);
    for line in text.lines() {
        page.text([roman(line)]);
    }
    page.control("fi", []);
}

/// The pages of scripts lead to the program's, and that to them.
fn see_also(page: &mut Roff, name: &str) {
    page.control("SH", ["SEE ALSO"]);
    let others =
        if name == "dom0net" { scripts().map(|(script, _)| script).collect() } else { vec!["dom0net"] };
    let last = others.len() - 1;
    for (place, other) in others.into_iter().enumerate() {
        let end = if place == last { "" } else { "," };
        page.text([bold(other), roman(format!("({SECTION}){end}"))]);
    }
}

fn source() -> String {
    format!("dom0net {}", env!("CARGO_PKG_VERSION"))
}
