//! Chores of the repository, as `make test` and `make check` call them.
//!
//! - [`arguments`] says what is asked for, [`steps`] has one file for each kind of check, in the order of the run.
//! - [`program`] runs a program under [`supervise`], a process that ends it when its time is up or this one is gone,
//!   and that gives tests a network namespace of their own.
//! - [`libtest`], [`spdx`], [`elf`] and [`cargo`] read what others write; they are pure, and tested here.
//! - [`report`] prints a line for each thing that was checked; [`outcome`] counts.
#![forbid(unsafe_code)]

mod arguments;
mod cargo;
mod elf;
mod libtest;
mod outcome;
mod places;
mod program;
mod report;
mod spdx;
mod steps;
mod supervise;

use std::ffi::OsString;
use std::process::ExitCode;

use arguments::{Arguments, Request};
use places::Places;
use report::Report;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some((first, rest)) = words.split_first()
        && first == supervise::COMMAND
    {
        return supervise::run(rest).into();
    }
    match arguments::parse(&words) {
        Ok(Request::Run(arguments)) => run(&arguments),
        Ok(Request::Help) => {
            print!("{}", arguments::usage());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("xtask: {error}\n\n{}", arguments::usage());
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> ExitCode {
    let places = match Places::find() {
        Ok(places) => places,
        Err(error) => {
            eprintln!("xtask: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut report = Report::new(&places);
    for step in arguments.steps() {
        (step.run)(&places, &mut report);
    }
    if report.close().failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
