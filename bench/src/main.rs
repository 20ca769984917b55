//! What dom0net costs, beside what people use today: `make bench`.
//!
//! Each contender is called as the toolstack calls it, on a host out of namespaces with a store of its own, in turn
//! with the others, so that all of them see the same machine. What counts is the ratio: machines differ.
//!
//! Each part measures and returns a [`report::Report`]; [`text`] and [`drawing`] are views of it.

mod arguments;
mod configuration;
mod contender;
mod crowd;
mod drawing;
mod flows;
mod handover;
mod machine;
mod packets;
mod peers;
mod plug;
mod progress;
mod report;
mod scale;
mod statistics;
mod storm;
mod table;
mod text;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use nix::unistd::Uid;

use arguments::{Arguments, Part};
use progress::{say, show};
use report::Report;

/// A store that keeps many guests' nodes serves all contenders from this process, and must not be slower than one is: musl's own allocator
/// would take half of its time.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            say(format_args!("bench: {problem}\n\n{}", arguments::USAGE));
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    if !Uid::effective().is_root() {
        return Err("this makes network namespaces and counts what the kernel does; it needs root".into());
    }
    let machine = machine::Machine::this();
    show(format_args!("{}\n", machine.text()));
    if let Some(folder) = &arguments.into {
        fs::create_dir_all(folder)?;
        write(&folder.join("machine.json"), &serde_json::to_string_pretty(&machine)?)?;
    }
    for part in &arguments.parts {
        let report = measure(*part, arguments)?;
        if let Some(folder) = &arguments.into {
            keep(&report, folder)?;
        }
        show(text::report(&report));
    }
    Ok(())
}

fn measure(part: Part, arguments: &Arguments) -> Result<Report, Box<dyn Error>> {
    let rounds = |usual: usize| arguments.rounds.unwrap_or(if arguments.small { 1 } else { usual });
    // Small hosts: to see that it works, not to measure.
    let sizes = |usual: &[u32]| match &arguments.sizes {
        Some(sizes) => sizes.clone(),
        None if arguments.small => vec![1, 3],
        None => usual.to_vec(),
    };
    match part {
        Part::Plug => Ok(table::plugs(&plug::measure(&contender::all()?, rounds(plug::ROUNDS))?)),
        Part::Handover => {
            let program = contender::program("dom0net")?;
            Ok(table::handovers(&handover::measure(&program, rounds(handover::ROUNDS))?))
        }
        Part::Scale => {
            let memory_vifs = if arguments.small { 3 } else { scale::MEMORY_VIFS };
            scale::measure(rounds(scale::ROUNDS), &sizes(&scale::SIZES), memory_vifs)
        }
        Part::Storm => storm::measure(rounds(storm::ROUNDS), &sizes(&storm::SIZES)),
        Part::Packets => packets::measure(rounds(packets::ROUNDS), &sizes(&packets::SIZES)),
        Part::Check => {
            let files = if arguments.small { 10 } else { configuration::FILES };
            configuration::measure(rounds(configuration::ROUNDS), files)
        }
    }
}

/// Keeps a report as JSON, as text and as drawings.
fn keep(report: &Report, folder: &Path) -> Result<(), Box<dyn Error>> {
    write(&folder.join(format!("{}.json", report.part)), &serde_json::to_string_pretty(report)?)?;
    write(&folder.join(format!("{}.md", report.part)), &text::report(report))?;
    for (number, table) in report.tables.iter().enumerate() {
        if let Some(svg) = drawing::draw(table) {
            write(&folder.join(text::drawing_file(report.part, number)), &svg)?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
