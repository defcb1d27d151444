//! `spicerack chat`: a conversation in the terminal, over the same HTTP that every client uses.

use std::io::{IsTerminal as _, Read as _};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use chat::Readiness;
use secrecy::SecretString;
use secrets::Environment;
use serde_json::{Value, json};
use snafu::{OptionExt as _, ResultExt as _};
use spicepod::KeyLimits;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use self::client::{Client, Piece};
use super::error::{ChatSnafu, Error, InputSnafu, ListenSnafu, OutputSnafu};
use super::start::{self, Backing};
use crate::cli::ChatArgs;
use crate::http::{self, Door, Gateway, Keys, Limits};
use crate::output;
use crate::privacy;
use crate::shutdown::Shutdown;

mod client;
mod lines;

/// How long models may take to find their credentials before they are asked anyway.
const READY_WAIT: Duration = Duration::from_secs(30);
const READY_POLL: Duration = Duration::from_millis(20);

/// Whom the conversation is with.
struct Partner {
    client: Client,
    model: String,
    /// The server, where it is our own; it ends with this value.
    _server: JoinSet<usize>,
    _local: Option<Local>,
}

/// What stands behind a server of our own.
struct Local {
    gateway: Arc<Gateway>,
    _backing: Backing,
}

/// Talks to a model.
pub(crate) async fn chat(arguments: ChatArgs) -> Result<(), Error> {
    let piped = arguments.prompt.is_none() && !std::io::stdin().is_terminal();
    let prompt = if piped { Some(read_all()?) } else { arguments.prompt.clone() };
    if prompt.as_ref().is_some_and(|prompt| prompt.trim().is_empty()) {
        return ChatSnafu { message: "the prompt is empty" }.fail();
    }
    let partner = find(&arguments).await?;
    match prompt {
        Some(prompt) => ask(&partner, &[said("user", &prompt)]).await.map(drop),
        None => converse(&partner).await,
    }
}

fn said(role: &str, text: &str) -> Value {
    json!({ "role": role, "content": text })
}

fn read_all() -> Result<String, Error> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context(InputSnafu)?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

async fn find(arguments: &ChatArgs) -> Result<Partner, Error> {
    let mut server = JoinSet::new();
    let (client, local) = match &arguments.url {
        Some(url) => {
            privacy::close();
            // No file of any folder speaks for a server elsewhere.
            let environment = Environment::process(std::path::Path::new("/nonexistent")).0;
            (Client::new(url, environment.get_secret("SPICERACK_API_KEY")), None)
        }
        None => {
            let (client, local) = local(arguments, &mut server).await?;
            (client, Some(local))
        }
    };
    let client = client.map_err(|message| ChatSnafu { message }.build())?;
    let models = client.models().await.map_err(|message| ChatSnafu { message }.build())?;
    let model = choose(&models, arguments.model.as_deref())?;
    if let Some(Local { gateway, .. }) = &local
        && let Some(Readiness::Error(reason)) =
            gateway.serving().registry.get(&model).map(|entry| entry.model.readiness())
    {
        return ChatSnafu { message: format!("`{model}` is not available: {reason}") }.fail();
    }
    Ok(Partner { client, model, _server: server, _local: local })
}

fn choose(models: &[String], wanted: Option<&str>) -> Result<String, Error> {
    match wanted {
        Some(name) if models.iter().any(|model| model == name) => Ok(name.to_owned()),
        Some(name) => {
            let help = match spicepod::nearest(name, models.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("models: {}", models.join(", ")),
            };
            ChatSnafu { message: format!("there is no model `{name}`\nhelp: {help}") }.fail()
        }
        None => {
            let message = "there is no model to talk to\nhelp: declare one under `models:`";
            let first = models.first().cloned().context(ChatSnafu { message })?;
            if models.len() > 1 {
                output::tell(&format!("talking to {first}; `--model` takes one of: {}\n", models.join(", ")));
            }
            Ok(first)
        }
    }
}

/// Serves the manifest on a port of its own, with a key that nobody else knows.
async fn local(
    arguments: &ChatArgs,
    server: &mut JoinSet<usize>,
) -> Result<(Result<Client, String>, Local), Error> {
    #[cfg(feature = "emulator")]
    let emulated = arguments.emulator;
    #[cfg(not(feature = "emulator"))]
    let emulated = false;
    let (prepared, backing) = start::load(&arguments.pod, emulated, None).await?;
    let address = std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = TcpListener::bind(address).await.context(ListenSnafu { address })?;
    let address = listener.local_addr().context(ListenSnafu { address })?;
    let key = SecretString::from(format!("{:032x}", fastrand::u128(..)));
    let own = secrets::ApiKey { key: key.clone(), name: None, models: None, limits: KeyLimits::default() };
    let keys = Keys::new(&secrets::Auth { keys: vec![own] });
    let door = Door { keys: Some(keys), ..Door::default() };
    let gateway = start::gateway(prepared, door, Limits::default(), Shutdown::default()).await;
    settle(&gateway).await;
    server.spawn(http::serve(listener, Arc::clone(&gateway)));
    Ok((Client::new(&format!("http://{address}"), Some(key)), Local { gateway, _backing: backing }))
}

/// Waits until every model knows whether it can answer.
async fn settle(gateway: &Gateway) {
    let settled = async {
        let serving = gateway.serving();
        let searching = || serving.registry.iter().any(|e| e.model.readiness() == Readiness::Initializing);
        while searching() {
            tokio::time::sleep(READY_POLL).await;
        }
    };
    // A model that is not ready by then says so itself.
    let _ = tokio::time::timeout(READY_WAIT, settled).await;
}

/// Asks, and writes the answer as it comes. Gives the whole of it.
async fn ask(partner: &Partner, messages: &[Value]) -> Result<String, Error> {
    let failed = |message: String| ChatSnafu { message }.build();
    let mut pieces = partner.client.ask(&partner.model, messages).await.map_err(failed)?;
    let terminal = output::is_terminal();
    let mut answer = String::new();
    let mut note = None;
    while let Some(piece) = pieces.next().await {
        match piece.map_err(failed)? {
            Piece::Text(text) => {
                output::answer(&if terminal { output::printable(&text) } else { text.clone() })
                    .context(OutputSnafu)?;
                answer.push_str(&text);
            }
            Piece::Finished(reason) => note = remark(&reason),
        }
    }
    if !answer.ends_with('\n') {
        output::answer("\n").context(OutputSnafu)?;
    }
    if let Some(note) = note {
        output::tell(&format!("({note})\n"));
    }
    Ok(answer)
}

/// What an answer's end says besides that it has ended.
fn remark(reason: &str) -> Option<&'static str> {
    match reason {
        "length" => Some("cut off at the limit of tokens"),
        "content_filter" => Some("stopped by a guardrail or content filter"),
        _ => None,
    }
}

/// Holds a conversation until the input ends. What fails is said, and taken back.
async fn converse(partner: &Partner) -> Result<(), Error> {
    output::tell(&format!(
        "{} is listening; Ctrl-D ends the conversation\n",
        output::printable(&partner.model)
    ));
    let mut lines = lines::Lines::start();
    let mut messages: Vec<Value> = Vec::new();
    loop {
        output::tell("> ");
        let Some(line) = lines.next().await.context(InputSnafu)? else {
            output::tell("\n");
            return Ok(());
        };
        match line.trim() {
            "" => continue,
            "/exit" | "/quit" => return Ok(()),
            _ => messages.push(said("user", &line)),
        }
        let answered = tokio::select! {
            answered = ask(partner, &messages) => answered,
            _ = tokio::signal::ctrl_c() => ChatSnafu { message: "interrupted" }.fail(),
        };
        match answered {
            Ok(answer) => messages.push(said("assistant", &answer)),
            Err(error @ Error::Chat { .. }) => {
                messages.pop();
                output::tell(&format!("\n{}", error.report().unwrap_or_default()));
            }
            Err(error) => return Err(error),
        }
    }
}
