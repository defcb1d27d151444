//! How many instructions each step of a request takes. They are counted and not timed: the same code gives the same
//! number on a busy machine, so that one per cent shows.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

mod table;

use table::{Counted, Table};

/// The numbers that are accepted.
const ACCEPTED: &str = "bench/instructions.txt";

/// How often a step is taken in the two runs whose difference counts: the start of the process is in both.
const FEW: u64 = 20;
const MANY: u64 = 1_020;

/// A whole build, as it is shipped.
const PROFILE: &str = "dist";

/// How the allocator is to work while it is counted. It gives memory back by the clock, and valgrind's slow one would
/// have it do so at other times; and the small caches of the product would be full at one step and empty at another.
const ALLOCATOR: &str = "background_thread:false,dirty_decay_ms:-1,tcache_max:32768,lg_tcache_nslots_mul:1,\
                         tcache_nslots_small_min:20,tcache_nslots_small_max:200";

const NO_VALGRIND: &str = "`valgrind` counts the instructions, and is not installed: `apt-get install valgrind` on \
                           Debian and Ubuntu, `dnf install valgrind` on Fedora, `pacman -S valgrind` on Arch; where \
                           there is none (macOS on Arm, Windows), a Linux container has it";

/// Counts, prints a table, and tells what grew. With `bless` the numbers are accepted instead.
pub(crate) fn run(root: &Path, bless: bool) -> Vec<String> {
    match compared(root, bless) {
        Ok(problems) => problems,
        Err(problem) => vec![format!("instructions: {problem}")],
    }
}

fn compared(root: &Path, bless: bool) -> Result<Vec<String>, String> {
    let tools = tools(root)?;
    let micro = build(root)?;
    let counted = cases(&micro)?
        .into_iter()
        .map(|(name, title)| {
            let instructions = each(&micro, &name)?;
            // Under valgrind that takes minutes, so it is said how far it is.
            let _ = writeln!(std::io::stderr(), "counted: {name}");
            Ok(Counted { name, title, instructions })
        })
        .collect::<Result<Vec<_>, String>>()?;
    let path = root.join(ACCEPTED);
    let accepted = std::fs::read_to_string(&path).unwrap_or_default();
    let table = Table::new(&counted, &accepted, &tools);
    write!(std::io::stdout(), "{}", table.to_markdown()).map_err(|error| error.to_string())?;
    if bless {
        std::fs::write(&path, table::accepted(&counted, &tools))
            .map_err(|error| format!("{ACCEPTED}: {error}"))?;
        return Ok(Vec::new());
    }
    Ok(table.problems())
}

/// What the numbers depend on besides the code.
fn tools(root: &Path) -> Result<String, String> {
    let valgrind = Command::new("valgrind").arg("--version").output().map_err(|_| NO_VALGRIND.to_owned())?;
    let rustc = output(Command::new("rustc").args(["--version", "--verbose"]).current_dir(root), "rustc")?;
    let rustc = text(&rustc.stdout);
    let of = |key: &str| rustc.lines().find_map(|line| line.strip_prefix(key)).unwrap_or("?").to_owned();
    Ok(format!("rustc {}, {}, {}", of("release: "), of("host: "), text(&valgrind.stdout).trim()))
}

/// Builds the binary that takes single steps, and says where it is.
fn build(root: &Path) -> Result<PathBuf, String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--locked", "--profile", PROFILE, "--package", "bench", "--bin", "micro"]);
    cargo.args(["--message-format", "json-render-diagnostics"]).current_dir(root).stderr(Stdio::inherit());
    let built = output(&mut cargo, "cargo build")?;
    let messages = text(&built.stdout);
    let executable = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| message.get("executable")?.as_str().map(PathBuf::from));
    executable.ok_or_else(|| "cargo built no binary".to_owned())
}

/// The names and titles of all steps.
fn cases(micro: &Path) -> Result<Vec<(String, String)>, String> {
    let listed = output(&mut Command::new(micro), "micro")?;
    let line = |line: &str| line.split_once('\t').map(|(name, title)| (name.to_owned(), title.to_owned()));
    Ok(text(&listed.stdout).lines().filter_map(line).collect())
}

/// The instructions of one step.
fn each(micro: &Path, case: &str) -> Result<u64, String> {
    let few = total(micro, case, FEW)?;
    let many = total(micro, case, MANY)?;
    let difference = many.checked_sub(few).ok_or_else(|| format!("{case}: more steps took less"))?;
    Ok(table::rounded(difference, MANY - FEW))
}

/// The instructions of a process that takes a step so many times.
fn total(micro: &Path, case: &str, count: u64) -> Result<u64, String> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(micro);
    valgrind.args([case, &count.to_string()]);
    valgrind.env("_RJEM_MALLOC_CONF", ALLOCATOR);
    let counted = output(&mut valgrind, "valgrind")?;
    table::collected(&text(&counted.stderr)).ok_or_else(|| format!("{case}: valgrind told no number"))
}

fn output(command: &mut Command, name: &str) -> Result<Output, String> {
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    Err(format!("{name}: {}\n{}", output.status, text(&output.stderr)))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
