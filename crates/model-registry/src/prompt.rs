//! System prompts, and those with variables.
//!
//! A template comes from the manifest alone and knows nothing but `{{ name }}`: no expressions, loops, filters or
//! includes, so that nothing a client sends is ever read as a template.

use chat::{Error, ErrorKind, Field, Result};

/// A system prompt that every request of a model gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prompt(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(String),
}

impl Prompt {
    /// Takes a text as it is.
    pub(crate) fn plain(text: &str) -> Self {
        Self(vec![Piece::Text(text.to_owned())])
    }

    /// Reads a template.
    ///
    /// # Errors
    ///
    /// What stands in the template that is not text or `{{ name }}`.
    pub(crate) fn template(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).chain(rest.find("{#")).min() {
            let (before, tag) = rest.split_at(at);
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let Some(inner) = tag.strip_prefix("{{") else {
                let mark: String = tag.chars().take(2).collect();
                return Err(format!(
                    "`{mark}` is not served here; a template holds text and `{{{{ name }}}}` only"
                ));
            };
            let Some((name, after)) = inner.split_once("}}") else {
                return Err("`{{` has no `}}`".to_owned());
            };
            let name = name.trim();
            if !is_name(name) {
                return Err(format!(
                    "`{name}` is not a name: letters, digits and `_`, without filters or expressions"
                ));
            }
            pieces.push(Piece::Variable(name.to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// Says whether the prompt is a template with variables.
    pub(crate) fn has_variables(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Variable(_)))
    }

    /// Puts the values in. They are text, whatever they look like.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] where the request's metadata lack a variable.
    pub(crate) fn render(&self, metadata: &[(String, String)]) -> Result<String> {
        let mut rendered = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => rendered.push_str(text),
                Piece::Variable(name) => match metadata.iter().find(|(key, _)| key == name) {
                    Some((_, value)) => rendered.push_str(value),
                    None => {
                        let message = format!("this model's prompt needs a value for `{name}` in `metadata`");
                        return Err(
                            Error::new(ErrorKind::InvalidRequest, message).at(Field::Metadata(name.clone()))
                        );
                    }
                },
            }
        }
        Ok(rendered)
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_come_from_the_metadata() {
        let prompt = Prompt::template("You help {{ name }}, who is {{role}}.").unwrap();
        let metadata = [("name".to_owned(), "{{ role }}".to_owned()), ("role".to_owned(), "new".to_owned())];
        assert_eq!(prompt.render(&metadata).unwrap(), "You help {{ role }}, who is new.");
    }

    #[test]
    fn a_missing_variable_is_the_clients_error() {
        let error = Prompt::template("{{ tone }}").unwrap().render(&[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert_eq!(error.field(), Some(&Field::Metadata("tone".to_owned())));
    }

    #[test]
    fn anything_but_a_name_is_refused() {
        for bad in
            ["{% for x in y %}", "{# note #}", "{{ x | upper }}", "{{ x", "{{ }}", "{{ 1 + 1 }}", "{{ a.b }}"]
        {
            assert!(Prompt::template(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_plain_prompt_is_no_template() {
        assert_eq!(Prompt::plain("{{ x }}").render(&[]).unwrap(), "{{ x }}");
    }
}
