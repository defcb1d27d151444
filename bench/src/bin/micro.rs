//! One step of a request, so many times: `micro CASE COUNT`. Without arguments, the names and titles of all steps.
//!
//! Each run prepares every case before, so that two runs with different counts differ in the counted steps alone:
//! `cargo xtask instructions` runs it under valgrind.

use std::hint::black_box;
use std::io::Write as _;
use std::process::ExitCode;

use bench::BoxError;
use bench::micro::cases;

// The gateway's own: a good part of a step is allocations.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        [] => list(),
        [case, count] => run(case, count),
        _ => Err(BoxError::from("usage: micro [CASE COUNT]")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell it to where stderr is gone.
            let _ = writeln!(std::io::stderr(), "micro: {error}");
            ExitCode::FAILURE
        }
    }
}

fn list() -> Result<(), BoxError> {
    for case in cases()? {
        writeln!(std::io::stdout(), "{}\t{}", case.name, case.title)?;
    }
    Ok(())
}

fn run(name: &str, count: &str) -> Result<(), BoxError> {
    let count: u32 = count.parse()?;
    let cases = cases()?;
    let case = cases.iter().find(|case| case.name == name).ok_or("no such case")?;
    for _ in 0..count {
        black_box(case.run()?);
    }
    Ok(())
}
