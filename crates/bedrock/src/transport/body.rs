//! Bodies of replies that are read as a whole.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chat::{Error, ErrorKind, Result};
use http_body_util::BodyExt;

use super::link::Reply;

/// The largest reply that is taken; a real one of a million tokens is a quarter of this.
pub(super) const MAX_REPLY: usize = 16 * 1024 * 1024;

/// The largest error that is read.
pub(super) const MAX_ERROR: usize = 64 * 1024;

/// Reads a body to its end.
///
/// # Errors
///
/// [`ErrorKind::TooLarge`] beyond `limit`, [`ErrorKind::Timeout`] where nothing comes for `idle`,
/// [`ErrorKind::Incomplete`] where it is cut off.
pub(super) async fn read(mut body: Reply, limit: usize, idle: Duration) -> Result<Bytes> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    loop {
        let frame = match tokio::time::timeout(idle, body.frame()).await {
            Err(_) => {
                return Err(Error::new(
                    ErrorKind::Timeout,
                    "Amazon Bedrock stopped in the middle of its reply",
                ));
            }
            Ok(None) => break,
            Ok(Some(Err(_))) => {
                return Err(Error::new(ErrorKind::Incomplete, "the reply from Amazon Bedrock was cut off"));
            }
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + rest.len() + data.len() > limit {
            return Err(Error::new(ErrorKind::TooLarge, "the reply from Amazon Bedrock is too large"));
        }
        // Most replies come in one piece, which then needs no copy.
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}
