//! What a plug costs, beside what people use today: `make bench`.
//!
//! Each contender is called as the toolstack calls it, on a host out of namespaces with a store of its own, in turn
//! with the others, so that all of them see the same machine. What counts is the ratio: machines differ.

mod contender;
mod plug;
mod statistics;
mod table;

use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let rounds = match std::env::args().nth(1) {
        Some(text) => text.parse().map_err(|error| format!("the number of rounds, {text:?}: {error}"))?,
        None => plug::ROUNDS,
    };
    let contenders = contender::all()?;
    let measured = plug::measure(&contenders, rounds)?;
    print!("{}", table::plugs(&measured));
    Ok(())
}
