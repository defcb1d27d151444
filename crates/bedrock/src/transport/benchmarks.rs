//! A way in for benchmarks: the steps of a call one by one, and nothing of the network between them.

use std::time::SystemTime;

use aws_credential_types::Credentials as Keys;
use bytes::Bytes;
use chat::{Error, ErrorKind, Event, Request, Response, Result};
use http::header::HeaderValue;
use http_body_util::Full;

use super::credentials::{Identity, SigningKeys};
use super::endpoint::{EndpointError, Route};
use super::events::take;
use super::frames::FrameReader;
use super::sign::{Scope, signed};
use crate::family::{self, Family};
use crate::guardrail::GuardrailScope;
use crate::model_id::ModelId;
use crate::translate::{self, Context, EventTranslator, Operation, Restore};

const REGION: &str = "us-east-1";
const HOST: HeaderValue = HeaderValue::from_static("bedrock-runtime.us-east-1.amazonaws.com");

/// What the calls of one model need, as a model has it.
pub struct Steps {
    family: &'static Family,
    route: Route,
    identity: Identity,
}

impl std::fmt::Debug for Steps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Steps").field("family", &self.family.name).finish_non_exhaustive()
    }
}

impl Steps {
    /// Prepares the steps of a model without a guardrail, with the keys that AWS's documentation shows.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] where the model's id makes no path.
    pub fn new(model: &ModelId) -> Result<Self, EndpointError> {
        let keys = Keys::new(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            Some("session-token-example".to_owned()),
            None,
            "benchmarks",
        );
        let keys =
            SigningKeys::new(keys).map_err(|reason| EndpointError::Rules { reason: reason.to_owned() })?;
        Ok(Self {
            family: family::of(model),
            route: Route::new(&format!("/model/{}/converse", model.path_segment()))?,
            identity: Identity::Keys(keys),
        })
    }

    /// Writes the body of a call.
    ///
    /// # Errors
    ///
    /// Those of a translation.
    pub fn body(&self, request: &Request) -> Result<Vec<u8>> {
        let context = Context {
            family: self.family,
            guardrail: None,
            guardrail_override: false,
            guardrail_scope: GuardrailScope::default(),
            cache: false,
            lift_thinking: false,
            native_output: true,
        };
        Ok(translate::request(request, context, Operation::Converse)?.body)
    }

    /// Signs a body.
    ///
    /// # Errors
    ///
    /// Where the time is none that a date has.
    pub fn signed(&self, body: &Bytes, time: SystemTime) -> Result<http::Request<Full<Bytes>>> {
        signed(&self.route, body, &self.identity, &Scope { region: REGION, host: &HOST, time })
    }
}

/// Translates the body of a reply.
///
/// # Errors
///
/// Where it is none.
pub fn response(reply: &[u8]) -> Result<Response> {
    Ok(translate::response(reply, &Restore::default())?.0)
}

/// Reads one stream, in the pieces that arrive.
#[derive(Debug)]
pub struct Reading {
    frames: FrameReader,
    translator: EventTranslator,
}

impl Default for Reading {
    fn default() -> Self {
        Self { frames: FrameReader::default(), translator: EventTranslator::new(Restore::default()) }
    }
}

impl Reading {
    /// Takes a piece, and gives the events that are complete with it.
    ///
    /// # Errors
    ///
    /// Where the stream is damaged or out of order, or tells of an error.
    pub fn push(&mut self, piece: Bytes, mut each: impl FnMut(Event)) -> Result<()> {
        self.frames.push(piece);
        while let Some(message) = self.frames.next()? {
            if take(&mut self.translator, &message)?.is_some() {
                return Err(Error::new(ErrorKind::Upstream, "the stream holds an exception"));
            }
            while let Some(event) = self.translator.pop() {
                each(event);
            }
        }
        Ok(())
    }
}
