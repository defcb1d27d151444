//! The list of models.

use serde::Serialize;

use crate::text;

/// A model as clients see it.
#[derive(Clone, Debug, Serialize)]
pub struct Model<'a> {
    /// Its name.
    pub id: &'a str,
    object: &'static str,
    /// Seconds since 1970.
    pub created: u64,
    /// Its provider.
    pub owned_by: &'a str,
    /// Whether it can answer; only where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata>,
}

#[derive(Clone, Debug, Serialize)]
struct Metadata {
    supports_responses_api: bool,
}

impl<'a> Model<'a> {
    /// Builds a model.
    pub fn new(id: &'a str, created: u64, owned_by: &'a str) -> Self {
        Self { id, object: "model", created, owned_by, status: None, metadata: None }
    }

    /// Says whether it can answer.
    #[must_use]
    pub fn status(mut self, status: &'static str) -> Self {
        self.status = Some(status);
        self
    }

    /// Says whether OpenAI's Responses API reaches it, as Spice's `metadata_fields` asks.
    #[must_use]
    pub fn supports_responses_api(mut self, supported: bool) -> Self {
        self.metadata = Some(Metadata { supports_responses_api: supported });
        self
    }
}

/// Writes one model.
pub fn retrieve(model: &Model<'_>) -> Vec<u8> {
    let mut body = Vec::new();
    text::write_json(&mut body, model);
    body
}

/// Writes a list of models.
pub fn list(models: &[Model<'_>]) -> Vec<u8> {
    #[derive(Serialize)]
    struct List<'a> {
        object: &'static str,
        data: &'a [Model<'a>],
    }
    let mut body = Vec::with_capacity(64 + models.len() * 96);
    text::write_json(&mut body, &List { object: "list", data: models });
    body
}

/// Writes a list of models as comma-separated values with the columns of Spice.
pub fn csv(models: &[Model<'_>]) -> String {
    let mut text = String::from("id,object,owned_by,datasets,status\n");
    for model in models {
        let cells = [model.id, model.object, model.owned_by, "", model.status.unwrap_or_default()];
        text.push_str(&cells.map(cell).join(","));
        text.push('\n');
    }
    text
}

/// Quotes a cell where [RFC 4180](https://www.rfc-editor.org/rfc/rfc4180) asks for it.
fn cell(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_the_members_of_openai_and_those_of_spice_on_demand() {
        let model = Model::new("a/b", 5, "bedrock");
        let plain = r#"{"id":"a/b","object":"model","created":5,"owned_by":"bedrock"}"#;
        assert_eq!(String::from_utf8(retrieve(&model)).unwrap(), plain);
        let more = model.status("Ready").supports_responses_api(false);
        let list = String::from_utf8(list(&[more])).unwrap();
        assert!(
            list.ends_with(r#""status":"Ready","metadata":{"supports_responses_api":false}}]}"#),
            "{list}"
        );
    }

    #[test]
    fn cells_that_need_it_are_quoted() {
        let text = csv(&[Model::new("a,\"b\"", 5, "bedrock").status("Error")]);
        assert_eq!(text, "id,object,owned_by,datasets,status\n\"a,\"\"b\"\"\",model,bedrock,,Error\n");
    }
}
