//! What a plug costs, beside what people use today: `make bench`.
//!
//! Each contender is called as the toolstack calls it, on a host out of namespaces with a store of its own, in turn
//! with the others, so that all of them see the same machine. What counts is the ratio: machines differ.

mod contender;
mod flows;
mod handover;
mod plug;
mod statistics;
mod table;

use std::error::Error;
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

fn run() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let what = words.next();
    let rounds = words.next().map(|text| text.parse()).transpose()?;
    match what.as_deref() {
        Some("plug") => plugs(rounds),
        Some("handover") => handovers(rounds),
        None => plugs(None).and_then(|()| handovers(None)),
        Some(word) => {
            Err(format!("{word:?} is not known: it is plug or handover, and a number of rounds").into())
        }
    }
}

fn plugs(rounds: Option<usize>) -> Result<(), Box<dyn Error>> {
    let contenders = contender::all()?;
    let measured = plug::measure(&contenders, rounds.unwrap_or(plug::ROUNDS))?;
    println!("## One interface plugged and unplugged\n\n{}", table::plugs(&measured));
    Ok(())
}

fn handovers(rounds: Option<usize>) -> Result<(), Box<dyn Error>> {
    let program = contender::program("dom0net")?;
    let measured = handover::measure(&program, rounds.unwrap_or(handover::ROUNDS))?;
    println!("## The card moved onto a bridge\n\n{}", table::handovers(&measured));
    Ok(())
}
