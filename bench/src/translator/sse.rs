//! An event stream as server-sent events.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use bytes::{BufMut as _, Bytes, BytesMut};
use http_body::Frame;
use hyper::body::Incoming;

use super::{Identity, finish_reason, wire};
use crate::BoxError;

/// The answer's body: one write for each read.
pub(crate) struct Sse {
    upstream: Incoming,
    buffer: BytesMut,
    decoder: MessageFrameDecoder,
    prefix: Vec<u8>,
    usage: bool,
    ended: bool,
}

impl Sse {
    pub(super) fn new(upstream: Incoming, identity: &Identity, usage: bool) -> Result<Self, BoxError> {
        let Identity { id, created, model } = identity;
        let model = serde_json::to_string(model)?;
        let prefix = format!(
            "data: {{\"id\":\"{id}\",\"object\":\"chat.completion.chunk\",\"created\":{created},\"model\":{model},\"choices\":"
        );
        Ok(Self {
            upstream,
            buffer: BytesMut::new(),
            decoder: MessageFrameDecoder::new(),
            prefix: prefix.into_bytes(),
            usage,
            ended: false,
        })
    }

    /// Translates the events that are there.
    fn translate(&mut self, out: &mut BytesMut) -> Result<(), BoxError> {
        while let DecodedFrame::Complete(message) = self.decoder.decode_frame(&mut self.buffer)? {
            let kind = message.headers().iter().find(|header| header.name().as_str() == ":event-type");
            let kind = kind.and_then(|header| header.value().as_string().ok()).map(|kind| kind.as_str());
            self.event(kind.unwrap_or_default(), message.payload(), out)?;
        }
        Ok(())
    }

    fn event(&self, kind: &str, payload: &[u8], out: &mut BytesMut) -> Result<(), BoxError> {
        match kind {
            "messageStart" => {
                out.put_slice(&self.prefix);
                out.put_slice(b"[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n");
            }
            "contentBlockDelta" => {
                let event: wire::DeltaEvent<'_> = serde_json::from_slice(payload)?;
                out.put_slice(&self.prefix);
                out.put_slice(b"[{\"index\":0,\"delta\":{\"content\":");
                serde_json::to_writer(out.writer(), &event.delta.text)?;
                out.put_slice(b"},\"finish_reason\":null}]}\n\n");
            }
            "messageStop" => {
                let event: wire::StopEvent<'_> = serde_json::from_slice(payload)?;
                out.put_slice(&self.prefix);
                out.put_slice(b"[{\"index\":0,\"delta\":{},\"finish_reason\":\"");
                out.put_slice(finish_reason(&event.stop_reason).as_bytes());
                out.put_slice(b"\"}]}\n\n");
            }
            "metadata" if self.usage => {
                let event: wire::MetadataEvent = serde_json::from_slice(payload)?;
                out.put_slice(&self.prefix);
                out.put_slice(b"[],\"usage\":");
                serde_json::to_writer(out.writer(), &wire::Usage::from(event.usage))?;
                out.put_slice(b"}\n\n");
            }
            _ => {}
        }
        Ok(())
    }
}

impl http_body::Body for Sse {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        while !self.ended {
            let Some(frame) = ready!(Pin::new(&mut self.upstream).poll_frame(context)) else {
                self.ended = true;
                return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"data: [DONE]\n\n")))));
            };
            let Ok(data) = frame?.into_data() else { continue };
            self.buffer.extend_from_slice(&data);
            let mut out = BytesMut::with_capacity(data.len() * 2);
            self.translate(&mut out)?;
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(out.freeze()))));
            }
        }
        Poll::Ready(None)
    }
}
