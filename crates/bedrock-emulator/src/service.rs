//! A request into a reply.

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use crate::record::{Ending, Recorded};
use crate::reply::Refusal;
use crate::script::Reply;
use crate::state::State;
use crate::{answer, auth, clock, validate};

/// The largest body that Bedrock takes.
pub(crate) const MAX_BODY: usize = 25_000_000;

/// A request that has arrived as a whole.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    /// Path and query as sent.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    pub(crate) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

/// An operation on a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) model_id: String,
    pub(crate) stream: bool,
}

impl Call {
    fn of(received: &Received) -> Option<Self> {
        let (label, operation) = received.path().strip_prefix("/model/")?.rsplit_once('/')?;
        let stream = match operation {
            "converse" => false,
            "converse-stream" => true,
            _ => return None,
        };
        let model_id = percent_decode_str(label).decode_utf8().ok()?.into_owned();
        (received.method == "POST").then_some(Self { model_id, stream })
    }
}

/// Finds the reply to a request, and keeps the request.
pub(crate) fn reply(state: &State, received: &Received) -> (Reply, Option<usize>) {
    let call = Call::of(received);
    let index = state.record(Recorded {
        method: received.method.clone(),
        path: received.path().to_owned(),
        model_id: call.as_ref().map(|call| call.model_id.clone()).unwrap_or_default(),
        stream: call.as_ref().is_some_and(|call| call.stream),
        headers: received.headers.clone(),
        body: received.body.clone(),
        ending: Ending::Pending,
    });
    let reply = match answer_to(state, call.as_ref(), received) {
        Ok(reply) => reply,
        Err(Refusal { status, kind, message }) => Reply::error(status, kind, &message),
    };
    // Without a date of its own, a reply is dated by the machine's clock.
    let reply = match state.config.ahead {
        0 => reply,
        _ => reply.header("date", &clock::http_date(state.config.now())),
    };
    (reply, index)
}

fn answer_to(state: &State, call: Option<&Call>, received: &Received) -> Result<Reply, Refusal> {
    auth::check(&state.config, received)?;
    let Some(call) = call else {
        return Err(Refusal::new(404, "UnknownOperationException", "Unknown operation"));
    };
    let region = auth::region(received).unwrap_or_default();
    let request = validate::check(call, region, &received.body)?;
    if let Some(failure) = answer::failure(call, &request) {
        return failure;
    }
    Ok(state.script(&call.model_id).unwrap_or_else(|| answer::to(call, region, &request, state)))
}
