//! A reply of `Converse` into the answer of the domain.

use chat::{Error, ErrorKind, Response, Result};

use super::stop_reason::stop_reason;
use super::usage::usage;
use crate::wire::reply::Reply;

/// Translates the body of a reply, and counts the blocks that were left out because they are not known.
///
/// # Errors
///
/// [`ErrorKind::Upstream`] where the body is no reply, [`ErrorKind::MalformedOutput`] where it says so itself.
pub(crate) fn response(body: &[u8]) -> Result<(Response, usize)> {
    // The parser's own message may quote the answer, so it stays out of ours.
    let reply: Reply<'_> = serde_json::from_slice(body).map_err(|_| {
        Error::new(ErrorKind::Upstream, "the reply from Amazon Bedrock is not a Converse reply")
    })?;
    let Some(message) = reply.output.and_then(|output| output.message) else {
        return Err(Error::new(ErrorKind::Upstream, "the reply from Amazon Bedrock holds no message"));
    };
    let Some(reason) = reply.stop_reason else {
        return Err(Error::new(ErrorKind::Upstream, "the reply from Amazon Bedrock holds no stop reason"));
    };
    let finish_reason = stop_reason(&reason)?;
    let skipped = message.content.iter().filter(|block| block.text.is_none()).count();
    let mut texts = message.content.into_iter().filter_map(|block| block.text);
    let text = texts.next().map(|first| {
        let mut text = first.into_owned();
        texts.for_each(|next| text.push_str(&next));
        text
    });
    let response = Response {
        text,
        finish_reason,
        usage: reply.usage.as_ref().map(usage),
        guardrail_trace: reply.trace.and_then(|trace| trace.guardrail).map(ToOwned::to_owned),
    };
    Ok((response, skipped))
}
