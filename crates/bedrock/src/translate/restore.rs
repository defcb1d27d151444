//! What an answer needs to become the client's again.

use std::collections::HashMap;

/// What the request changed, and the answer changes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Restore {
    /// The client's names of tools by those on the wire, where they differ.
    pub(super) names: HashMap<String, String>,
    /// The tool whose arguments are the answer.
    pub(super) output_tool: Option<String>,
    /// Whether calls are left out, because the client allows none.
    pub(super) drops_calls: bool,
    /// Whether a leading `<thinking>` is reasoning.
    pub(super) lifts_thinking: bool,
}

impl Restore {
    /// Builds one from its switches alone.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn of_switches(output_tool: Option<String>, drops_calls: bool, lifts_thinking: bool) -> Self {
        Self { output_tool, drops_calls, lifts_thinking, ..Self::default() }
    }

    /// Gives the client's name for a tool.
    pub(super) fn name(&self, wire: &str) -> String {
        self.names.get(wire).map_or(wire, String::as_str).to_owned()
    }
}
