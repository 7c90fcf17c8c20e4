//! The binary: parses the command line, runs the command, and prints a failure as one line.

use std::io::{Write as _, stderr, stdout};
use std::process::ExitCode;

use clap::Parser as _;
use practice_links::cli::{Cli, run};

fn main() -> ExitCode {
    match run(Cli::parse(), &mut stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(stderr(), "practice-links: {failure}");
            ExitCode::FAILURE
        }
    }
}
