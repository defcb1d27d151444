//! The time of each step of a request.

use std::process::ExitCode;

use criterion::Criterion;

// The gateway's own: a good part of a step is allocations.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cases = match bench::micro::cases() {
        Ok(cases) => cases,
        Err(error) => {
            use std::io::Write as _;
            // Nothing is left to tell it to where stderr is gone.
            let _ = writeln!(std::io::stderr(), "micro: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut criterion = Criterion::default().configure_from_args();
    for case in &cases {
        criterion.bench_function(case.name, |bencher| bencher.iter(|| case.run()));
    }
    criterion.final_summary();
    ExitCode::SUCCESS
}
