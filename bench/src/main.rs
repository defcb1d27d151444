//! What a request costs: spicerack beside two yardsticks, in one run on the same cores.
//!
//! `bench run` measures; `bench upstream`, `bench proxy` and `bench translator` are the programs that it starts. See
//! `docs/performance.md` for what is measured and how to read it. `bench soak` lets much go on and go wrong for a long
//! time, with `bench faulty` behind the gateway, and checks that nothing is lost or kept.

#![expect(clippy::disallowed_methods, reason = "the machine's own time is what is measured")]

mod faulty;
mod load;
mod process;
mod proxy;
mod report;
mod run;
mod serve;
mod soak;
mod start;
mod translator;
mod upstream;

use std::io::Write as _;
use std::process::ExitCode;

use bench::{BoxError, replies, scenario};

const USAGE: &str = "usage: bench run --spicerack PATH [--quick] [--rounds N] [--only NAME] [--json FILE]
       bench soak --spicerack PATH [--only streams|ends|edges|pace|mixed] [--streams N] [--readers N]
                  [--rate N] [--seconds N] [--minutes N]
       bench upstream | faulty [PORT] | proxy UPSTREAM | translator UPSTREAM";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["upstream"] => serve::run(1, 0, upstream::Upstream::default()),
        ["faulty"] => faulty(0),
        ["faulty", port] => port.parse().map_err(BoxError::from).and_then(faulty),
        ["soak", rest @ ..] => soak::run(rest),
        ["proxy", upstream] => serve::run(2, 0, proxy::Proxy::new(upstream)),
        ["translator", upstream] => serve::run(2, 0, translator::Translator::new(upstream)),
        ["run", rest @ ..] => run::run(rest),
        _ => Err(BoxError::from(USAGE)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell it to where stderr is gone.
            let _ = writeln!(std::io::stderr(), "bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn faulty(port: u16) -> Result<(), BoxError> {
    process::raise_descriptors()?;
    serve::run(1, port, faulty::Faulty::default())
}
