//! Puts a streamed answer together again.

use crate::{
    Error, ErrorKind, Event, FinishReason, Metadata, RawJson, Reasoning, Response, Result, ToolCall,
};

/// Collects the events of a stream into the answer that the non-stream call would have given.
#[derive(Debug, Default)]
pub struct Collector {
    text: Option<String>,
    reasoning: Vec<Reasoning>,
    /// Id, name and the arguments so far of each call.
    calls: Vec<(String, String, String)>,
    finish_reason: Option<FinishReason>,
    metadata: Metadata,
}

impl Collector {
    /// Takes the next event.
    pub fn push(&mut self, event: Event) {
        match event {
            // The whole block follows.
            Event::Started | Event::ReasoningText(_) => {}
            Event::Text(piece) => self.text.get_or_insert_default().push_str(&piece),
            Event::Reasoning(block) => self.reasoning.push(block),
            Event::ToolCall { id, name, .. } => self.calls.push((id, name, String::new())),
            Event::ToolArguments { index, piece } => {
                if let Some((_, _, arguments)) = self.calls.get_mut(index) {
                    arguments.push_str(&piece);
                }
            }
            Event::Finished(reason) => self.finish_reason = Some(reason),
            Event::Metadata(metadata) => self.metadata = *metadata,
        }
    }

    /// Gives the answer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Incomplete`] where the stream never said that the answer had ended,
    /// [`ErrorKind::MalformedOutput`] where the arguments of a call are not JSON.
    pub fn finish(self) -> Result<Response> {
        let Some(finish_reason) = self.finish_reason else {
            return Err(Error::new(ErrorKind::Incomplete, "the stream ended before the answer did"));
        };
        let call = |(id, name, arguments): (String, String, String)| {
            let arguments =
                if arguments.is_empty() { Ok(RawJson::empty_object()) } else { RawJson::parse(arguments) };
            let arguments = arguments.map_err(|_| {
                Error::new(ErrorKind::MalformedOutput, "the arguments of a call in the answer are not JSON")
            })?;
            Ok(ToolCall { id, name, arguments, cache: None })
        };
        Ok(Response {
            reasoning: self.reasoning,
            text: self.text,
            tool_calls: self.calls.into_iter().map(call).collect::<Result<_>>()?,
            finish_reason,
            metadata: self.metadata,
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
        collector.push(Event::Metadata(Box::new(Metadata { usage, ..Metadata::default() })));
        let response = collector.finish().unwrap();
        assert_eq!(response.text.as_deref(), Some("one two"));
        assert_eq!(response.finish_reason, FinishReason::Stop);
        assert_eq!(response.metadata.usage, usage);
    }

    #[test]
    fn arguments_belong_to_the_call_that_they_are_for() {
        let mut collector = Collector::default();
        for (index, name) in ["a", "b"].into_iter().enumerate() {
            collector.push(Event::ToolCall { index, id: format!("id-{name}"), name: name.into() });
        }
        collector.push(Event::ToolArguments { index: 1, piece: "{\"x\":".into() });
        collector.push(Event::ToolArguments { index: 1, piece: "1}".into() });
        collector.push(Event::Finished(FinishReason::ToolCalls));
        let calls = collector.finish().unwrap().tool_calls;
        assert_eq!((calls[0].name.as_str(), calls[0].arguments.get()), ("a", "{}"));
        assert_eq!((calls[1].id.as_str(), calls[1].arguments.get()), ("id-b", "{\"x\":1}"));
    }

    #[test]
    fn a_stream_without_an_end_is_incomplete() {
        let mut collector = Collector::default();
        collector.push(Event::Text("half".into()));
        assert_eq!(collector.finish().unwrap_err().kind(), ErrorKind::Incomplete);
    }
}
