//! How a command can fail, and with which exit code.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use snafu::{ErrorCompat as _, Snafu};

/// The manifest or the command's settings are wrong; `EX_CONFIG` of sysexits.h.
const CONFIGURATION: u8 = 78;

/// Why a command failed.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(in crate::commands)))]
pub(crate) enum Error {
    /// The manifest has problems, which have been shown.
    #[snafu(display("the manifest has problems"))]
    Manifest,

    /// Everybody could call, at the operator's cost.
    #[snafu(display(
        "{address} is reachable from other machines, and no API keys are configured\n\
         help: add keys under `runtime.auth.api-key.keys`, listen on 127.0.0.1, or say `--allow-unauthenticated`"
    ))]
    Exposed {
        /// Where the server would have listened.
        address: SocketAddr,
    },

    /// An address cannot be listened on.
    #[snafu(display("cannot listen on {address}"))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },

    /// The emulator cannot start.
    #[cfg(feature = "emulator")]
    #[snafu(display("the emulator cannot start"))]
    Emulator {
        /// What the system says.
        source: io::Error,
    },

    /// The process cannot be told to stop.
    #[snafu(display("signals cannot be received"))]
    Signals {
        /// What the system says.
        source: io::Error,
    },

    /// The operator did not wait for running answers.
    #[snafu(display("stopped before all answers had ended"))]
    Interrupted,

    /// Stdout is gone.
    #[snafu(display("cannot write to stdout"))]
    Output {
        /// What the system says.
        source: io::Error,
    },

    /// Stdin cannot be read.
    #[snafu(display("cannot read the prompt"))]
    Input {
        /// What the system says.
        source: io::Error,
    },

    /// Models have no credentials; the reasons have been shown.
    #[snafu(display("{failed} of the models have no credentials"))]
    Unresolved {
        /// How many.
        failed: usize,
    },

    /// A chat failed.
    #[snafu(display("{message}"))]
    Chat {
        /// What went wrong and what to do.
        message: String,
    },
}

impl Error {
    /// What to tell the user, with its causes; `None` where everything has been said.
    pub(crate) fn report(&self) -> Option<String> {
        if matches!(self, Self::Manifest) || self.is_closed_pipe() {
            return None;
        }
        // A help line stays last.
        let message = self.to_string();
        let (first, help) = message.split_once('\n').unwrap_or((&message, ""));
        let mut text = format!("error: {first}");
        for cause in self.iter_chain().skip(1) {
            text.push_str(": ");
            text.push_str(&cause.to_string());
        }
        text.push('\n');
        if !help.is_empty() {
            text.push_str(help);
            text.push('\n');
        }
        Some(text)
    }

    /// Whoever closed the pipe has what it wanted.
    fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output { source } if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The process's exit code.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Manifest | Self::Exposed { .. } => ExitCode::from(CONFIGURATION),
            Self::Output { .. } if self.is_closed_pipe() => ExitCode::SUCCESS,
            Self::Listen { .. }
            | Self::Signals { .. }
            | Self::Interrupted
            | Self::Output { .. }
            | Self::Input { .. }
            | Self::Unresolved { .. }
            | Self::Chat { .. } => ExitCode::FAILURE,
            #[cfg(feature = "emulator")]
            Self::Emulator { .. } => ExitCode::FAILURE,
        }
    }
}
