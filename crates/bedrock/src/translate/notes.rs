//! What could not be sent as the client wrote it.

use chat::Field;

/// What is told of a request besides its answer.
#[derive(Debug, Default)]
pub(super) struct Notes {
    adjusted: Vec<Field>,
    ignored: Vec<Field>,
}

impl Notes {
    /// Something had to be changed.
    pub(super) fn adjust(&mut self, field: Field) {
        self.adjusted.push(field);
    }

    /// Something has no effect, and was left out.
    pub(super) fn ignore(&mut self, field: Field) {
        self.ignored.push(field);
    }

    /// Gives both lists, each in the order of the request and without repetitions.
    pub(super) fn finish(self) -> (Vec<Field>, Vec<Field>) {
        (in_order(self.adjusted), in_order(self.ignored))
    }
}

fn in_order(mut fields: Vec<Field>) -> Vec<Field> {
    fields.sort_by_key(place);
    let mut unique: Vec<Field> = Vec::with_capacity(fields.len());
    for field in fields {
        if !unique.contains(&field) {
            unique.push(field);
        }
    }
    unique
}

/// Messages first, by their indices; the rest stays in the order in which it was found.
fn place(field: &Field) -> (bool, usize, usize) {
    match field {
        Field::Messages => (false, 0, 0),
        Field::Message(message) | Field::Reasoning(message) | Field::ToolCallId(message) => {
            (false, *message, 0)
        }
        Field::Part(message, inner)
        | Field::ToolCall(message, inner)
        | Field::ToolArguments(message, inner) => (false, *message, inner.saturating_add(1)),
        Field::Tool(_)
        | Field::ToolName(_)
        | Field::ToolParameters(_)
        | Field::ToolStrict(_)
        | Field::Tools
        | Field::ToolChoice
        | Field::ParallelToolCalls
        | Field::ResponseFormat
        | Field::ReasoningEffort
        | Field::ServiceTier
        | Field::Latency
        | Field::CacheControl
        | Field::Betas
        | Field::MaxTokens
        | Field::Temperature
        | Field::TopP
        | Field::TopK
        | Field::Stop
        | Field::Guardrail
        | Field::Metadata(_)
        | Field::AdditionalFields => (true, 0, 0),
    }
}
