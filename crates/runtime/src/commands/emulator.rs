//! `spicerack emulator`, and the emulator behind `--emulator`.

use bedrock_emulator::{ACCESS_KEY_ID, Config, Emulator, SECRET_ACCESS_KEY, guide};
use model_registry::EmulatorTarget;
use secrecy::SecretString;
use snafu::ResultExt as _;
use tokio::net::TcpListener;

use super::error::{EmulatorSnafu, Error, ListenSnafu, OutputSnafu, SignalsSnafu};
use super::serve::Signals;
use crate::cli::EmulatorArgs;
use crate::output;

/// Runs the emulator until the process is told to stop.
pub(crate) async fn emulator(arguments: EmulatorArgs) -> Result<(), Error> {
    let address = arguments.http;
    let mut signals = Signals::new().context(SignalsSnafu)?;
    let listener = TcpListener::bind(address).await.context(ListenSnafu { address })?;
    let address = listener.local_addr().context(ListenSnafu { address })?;
    tracing::info!("listening on http://{address}");
    output::answer(&guide(address)).context(OutputSnafu)?;
    tokio::select! {
        () = bedrock_emulator::serve(listener, Config::default()) => {}
        () = signals.next() => {}
    }
    Ok(())
}

/// Starts an emulator on a port of its own, and says how models reach it.
pub(super) async fn embedded() -> Result<(Emulator, EmulatorTarget), Error> {
    let emulator = Emulator::start_unrecorded(Config::default()).await.context(EmulatorSnafu)?;
    let target = EmulatorTarget {
        endpoint_url: emulator.endpoint_url(),
        access_key_id: SecretString::from(ACCESS_KEY_ID),
        secret_access_key: SecretString::from(SECRET_ACCESS_KEY),
    };
    Ok((emulator, target))
}
