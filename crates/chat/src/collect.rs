//! Puts a streamed answer together again.

use crate::{Error, ErrorKind, Event, FinishReason, Metadata, Response, Result};

/// Collects the events of a stream into the answer that the non-stream call would have given.
#[derive(Debug, Default)]
pub struct Collector {
    text: Option<String>,
    finish_reason: Option<FinishReason>,
    metadata: Metadata,
}

impl Collector {
    /// Takes the next event.
    pub fn push(&mut self, event: Event) {
        match event {
            Event::Started => {}
            Event::Text(piece) => self.text.get_or_insert_default().push_str(&piece),
            Event::Finished(reason) => self.finish_reason = Some(reason),
            Event::Metadata(metadata) => self.metadata = *metadata,
        }
    }

    /// Gives the answer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Incomplete`] where the stream never said that the answer had ended.
    pub fn finish(self) -> Result<Response> {
        let Some(finish_reason) = self.finish_reason else {
            return Err(Error::new(ErrorKind::Incomplete, "the stream ended before the answer did"));
        };
        Ok(Response {
            text: self.text,
            finish_reason,
            usage: self.metadata.usage,
            guardrail_trace: self.metadata.guardrail_trace,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Usage;

    #[test]
    fn pieces_of_text_join_without_a_separator() {
        let mut collector = Collector::default();
        collector.push(Event::Started);
        collector.push(Event::Text("one ".into()));
        collector.push(Event::Text("two".into()));
        collector.push(Event::Finished(FinishReason::Stop));
        let usage = Some(Usage { input_tokens: 1, output_tokens: 2, ..Usage::default() });
        collector.push(Event::Metadata(Box::new(Metadata { usage, guardrail_trace: None })));
        let response = collector.finish().unwrap();
        assert_eq!(response.text.as_deref(), Some("one two"));
        assert_eq!(response.finish_reason, FinishReason::Stop);
        assert_eq!(response.usage, usage);
    }

    #[test]
    fn a_stream_without_an_end_is_incomplete() {
        let mut collector = Collector::default();
        collector.push(Event::Text("half".into()));
        assert_eq!(collector.finish().unwrap_err().kind(), ErrorKind::Incomplete);
    }
}
