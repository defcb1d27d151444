//! The programs of a run, each in front of the same upstream.

use std::net::SocketAddr;
use std::path::Path;

use crate::BoxError;
use crate::process::Program;
use crate::scenario::{MODELS, Scenario};
use crate::translator::{API_KEY, KEYS};

/// The columns of a report.
pub(crate) const NAMES: [&str; 4] = ["upstream", "proxy", "translator", "spicerack"];

/// A program that answers the load.
pub(crate) struct Target {
    /// Its column.
    pub(crate) name: &'static str,
    /// The program.
    pub(crate) program: Program,
    /// Whether it speaks OpenAI's API, and not Bedrock's.
    translates: bool,
}

impl Target {
    /// Where it is asked.
    pub(crate) fn path(&self, scenario: &Scenario) -> String {
        if self.translates {
            return "/v1/chat/completions".to_owned();
        }
        let model =
            MODELS.iter().find(|(name, _)| *name == scenario.model).map_or(scenario.model, |(_, id)| id);
        let operation = if scenario.stream { "converse-stream" } else { "converse" };
        format!("/model/{}/{operation}", model.replace(':', "%3A"))
    }
}

/// Starts everything, in the order of [`NAMES`].
pub(crate) fn targets(spicerack: &Path, folder: &Path) -> Result<[Target; 4], BoxError> {
    let upstream = Program::own(&["upstream"])?;
    let at = upstream.address.to_string();
    let proxy = Program::own(&["proxy", &at])?;
    let translator = Program::own(&["translator", &at])?;
    std::fs::write(folder.join("spicepod.yaml"), manifest(upstream.address))?;
    let gateway = Program::spicerack(spicerack, folder)?;
    let [a, b, c, d] = NAMES;
    Ok([
        Target { name: a, program: upstream, translates: false },
        Target { name: b, program: proxy, translates: false },
        Target { name: c, program: translator, translates: true },
        Target { name: d, program: gateway, translates: true },
    ])
}

/// Starts one more gateway in front of the same upstream.
pub(crate) fn another(spicerack: &Path, folder: &Path) -> Result<Target, BoxError> {
    let [.., name] = NAMES;
    Ok(Target { name, program: Program::spicerack(spicerack, folder)?, translates: true })
}

/// A manifest with every model of [`MODELS`].
pub(crate) fn manifest(upstream: SocketAddr) -> String {
    let [id, secret, token] = KEYS;
    let mut manifest = format!(
        "version: v1\nkind: Spicepod\nname: bench\nruntime:\n  auth:\n    api-key:\n      enabled: true\n      keys: [{API_KEY}]\nmodels:\n"
    );
    for (name, model) in MODELS {
        manifest.push_str(&format!(
            "  - from: bedrock:{model}\n    name: {name}\n    params:\n      aws_region: us-east-1\n      aws_endpoint_url: http://{upstream}\n      aws_access_key_id: {id}\n      aws_secret_access_key: {secret}\n      aws_session_token: {token}\n"
        ));
    }
    manifest
}
