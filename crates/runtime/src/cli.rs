//! The command line.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing_subscriber::filter::LevelFilter;

use crate::memory::parse_size;
use crate::{commands, output, service, telemetry};

const EXAMPLES: &str = "\
Examples:
  spicerack --emulator                 serve ./spicepod.yaml without an AWS account
  spicerack path/to/spicepod.yaml      serve a manifest with real models
  spicerack check                      say what is wrong with ./spicepod.yaml, or what it would serve
  spicerack check --online             say whose AWS credentials it would use, too
  spicerack chat \"hello\"               ask the first model of ./spicepod.yaml
  spicerack chat --emulator            talk to an emulated one
  spicerack --http 0.0.0.0:8090        listen beyond this machine; needs API keys under `runtime.auth`

Ask a running server:
  curl http://127.0.0.1:8090/v1/chat/completions -H 'content-type: application/json' \\
    -d '{\"model\":\"nova\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}'";

/// Serves the models of a spicepod.yaml, on Amazon Bedrock, as an OpenAI-compatible API.
#[derive(Debug, Parser)]
#[command(name = "spicerack", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows all problems of a manifest, or what it would serve.
    Check(CheckArgs),
    /// Talks to a model from the terminal.
    Chat(ChatArgs),
    /// Prints the JSON schema of spicepod.yaml, for editors.
    Schema,
    /// Runs a Bedrock on this machine, for any AWS SDK.
    #[cfg(feature = "emulator")]
    Emulator(EmulatorArgs),
}

/// What a server is started with.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Manifest, or a folder that holds spicepod.yaml or spicepod.yml.
    #[arg(default_value = ".")]
    pub(crate) path: PathBuf,
    /// Address to serve on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090", value_parser = address)]
    pub(crate) http: SocketAddr,
    /// Address to serve metrics on, as Prometheus' text; off by default.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(crate) metrics: Option<SocketAddr>,
    /// Send every Bedrock model to a built-in emulator, with the emulator's own keys.
    #[cfg(feature = "emulator")]
    #[arg(long)]
    pub(crate) emulator: bool,
    /// Listen beyond this machine although no API keys are configured.
    #[arg(long)]
    pub(crate) allow_unauthenticated: bool,
    /// Another name under which the server may be called while it listens on this machine alone; can be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_host: Vec<String>,
    /// Chats that may be answered at the same time; further ones wait.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_in_flight: u32,
    /// Chats that may wait for a place, a second each; further ones get a 503.
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) max_queued: u32,
    /// Memory that the process may hold, such as `512MiB`; above 80 % of it new chats get a 503. Without it, the least
    /// of what the control group, `ulimit -v` and the machine have; `0` is without a limit.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_memory: Option<u64>,
    /// Connections that may be open at the same time; further ones wait.
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_connections: u32,
    /// Connections that one address may have open; further ones are closed. Without it, as many as all together.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_connections_per_client: Option<u32>,
    /// Time after which a connection without a request is closed, such as `75s` or `70m`. Behind a load balancer, longer
    /// than its own idle timeout.
    #[arg(long, value_name = "TIME", default_value = "75s", value_parser = time)]
    pub(crate) idle_timeout: Duration,
    /// Notice changes of the manifest and its files at SIGHUP alone.
    #[arg(long)]
    pub(crate) no_watch: bool,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// What a manifest is checked with.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Manifest, or a folder that holds spicepod.yaml or spicepod.yml.
    #[arg(default_value = ".")]
    pub(crate) path: PathBuf,
    /// Find the credentials of every model as well; nothing that costs money is called.
    #[arg(long)]
    pub(crate) online: bool,
    /// Show the policy by which each model is called in columns: deadlines, attempts, budgets and limits.
    #[arg(long, short, conflicts_with = "online")]
    pub(crate) verbose: bool,
}

/// Who is talked to, and about what.
#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    /// What to ask; without it, a pipe is read, or a conversation begins.
    pub(crate) prompt: Option<String>,
    /// Manifest, or a folder that holds one.
    #[arg(long, value_name = "PATH", default_value = ".", conflicts_with = "url")]
    pub(crate) pod: PathBuf,
    /// Name of the model; the first one where it is left out.
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Send the model's calls to a built-in emulator.
    #[cfg(feature = "emulator")]
    #[arg(long, conflicts_with = "url")]
    pub(crate) emulator: bool,
    /// Server to ask instead of a manifest's models; `SPICERACK_API_KEY` holds its key, where it wants one.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
}

/// Where an emulator listens.
#[cfg(feature = "emulator")]
#[derive(Debug, Args)]
pub(crate) struct EmulatorArgs {
    /// Address to serve on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8091", value_parser = address)]
    pub(crate) http: SocketAddr,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct LogArgs {
    /// Least important level to log.
    #[arg(
        long = "log",
        value_name = "LEVEL",
        env = "SPICERACK_LOG",
        default_value = "info",
        ignore_case = true
    )]
    level: Level,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Off => Self::OFF,
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
        }
    }
}

/// Reads `HOST:PORT`.
fn address(text: &str) -> Result<SocketAddr, String> {
    let mut found = text
        .to_socket_addrs()
        .map_err(|_| "write an address and a port, such as `127.0.0.1:8090`".to_owned())?;
    found.next().ok_or_else(|| "the name has no address".to_owned())
}

/// Reads a length of time that is not nothing.
fn time(text: &str) -> Result<Duration, String> {
    let time = spicepod::parse_duration(text).filter(|time| !time.is_zero());
    time.ok_or_else(|| "write a whole number and a unit, such as `75s` or `10m`".to_owned())
}

/// Runs the command that the process's arguments name.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and the version go to stdout and are no errors.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let passed = match cli.command {
        None => service::passed_listener(),
        Some(_) => Ok(None),
    };
    let passed = match passed {
        Ok(passed) => passed,
        Err(error) => {
            output::tell(&format!("error: the socket of the service manager cannot be used: {error}\n"));
            return ExitCode::FAILURE;
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::tell(&format!("error: the process cannot start its threads: {error}\n"));
            return ExitCode::FAILURE;
        }
    };
    let log = match cli.level().map(telemetry::start).transpose() {
        Ok(log) => log,
        Err(error) => {
            output::tell(&format!("error: the process cannot start its log: {error}\n"));
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(run(cli, passed));
    // A thread that still reads from a terminal must not hold the process.
    runtime.shutdown_background();
    // Whoever has stopped reading what is logged would not read the error either, and must not hold the process.
    let is_read = log.is_none_or(telemetry::Log::finish);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if let Some(text) = error.report().filter(|_| is_read) {
                output::tell(&text);
            }
            error.exit_code()
        }
    }
}

impl Cli {
    /// The least important level that a command logs; `None` for those that log nothing.
    fn level(&self) -> Option<LevelFilter> {
        match &self.command {
            None => Some(self.serve.log.level.into()),
            Some(Command::Chat(_)) => Some(LevelFilter::ERROR),
            #[cfg(feature = "emulator")]
            Some(Command::Emulator(arguments)) => Some(arguments.log.level.into()),
            Some(Command::Check(_) | Command::Schema) => None,
        }
    }
}

async fn run(cli: Cli, passed: Option<TcpListener>) -> Result<(), commands::Error> {
    match cli.command {
        None => Box::pin(commands::serve(cli.serve, passed)).await,
        Some(Command::Check(arguments)) => commands::check(&arguments).await,
        Some(Command::Chat(arguments)) => Box::pin(commands::chat(arguments)).await,
        Some(Command::Schema) => commands::schema(),
        #[cfg(feature = "emulator")]
        Some(Command::Emulator(arguments)) => commands::emulator(arguments).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn no_argument_takes_a_secret() {
        let mut commands = vec![Cli::command()];
        let mut seen = 0;
        while let Some(command) = commands.pop() {
            for argument in command.get_arguments() {
                seen += 1;
                let names = [Some(argument.get_id().as_str()), argument.get_long()];
                let variable = argument.get_env().and_then(|name| name.to_str());
                for name in names.into_iter().chain([variable]).flatten() {
                    let name = name.to_ascii_lowercase();
                    let is_secret = ["key", "secret", "token", "password", "credential"];
                    assert!(!is_secret.iter().any(|word| name.contains(word)), "{name}");
                }
            }
            commands.extend(command.get_subcommands().cloned());
        }
        assert!(seen > 15, "{seen}");
    }
}
