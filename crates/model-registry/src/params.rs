//! Parameters of models: one table for each provider, from which validation, the editor's schema and the
//! documentation come.

mod docs;
mod kind;
mod reader;
mod schema;

pub use docs::markdown;
pub use kind::ParamKind;
pub(crate) use reader::Reader;
pub use schema::schema;

/// One parameter of a provider's models.
#[derive(Debug)]
pub struct ParamSpec {
    /// The name to write.
    pub name: &'static str,
    /// Other spellings of the same setting.
    pub aliases: &'static [&'static str],
    /// Whether the name and its aliases also stand behind the provider's prefix and, deprecated, behind `openai_`.
    pub prefixed: bool,
    /// What values it takes.
    pub kind: ParamKind,
    /// The default, as people would write it.
    pub default: Option<&'static str>,
    /// What it does, as a sentence.
    pub doc: &'static str,
}

/// A family of prefixes under which request defaults may be written.
const DEPRECATED_PREFIX: &str = "openai_";

/// How a parameter was spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// The name, an alias, or either behind the provider's prefix.
    Current,
    /// Behind `openai_`.
    Deprecated,
}

impl ParamSpec {
    /// Says whether `key` names this parameter of the provider with this prefix.
    pub(crate) fn spelled(&self, key: &str, prefix: &str) -> Option<Spelling> {
        let is_name = |name: &str| name == self.name || self.aliases.contains(&name);
        if is_name(key) {
            return Some(Spelling::Current);
        }
        if !self.prefixed {
            return None;
        }
        if key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).is_some_and(is_name) {
            return Some(Spelling::Current);
        }
        key.strip_prefix(DEPRECATED_PREFIX).is_some_and(is_name).then_some(Spelling::Deprecated)
    }

    /// Lists every current spelling, for suggestions and schemas.
    pub(crate) fn spellings(&self, prefix: &str) -> Vec<String> {
        let names = || std::iter::once(self.name).chain(self.aliases.iter().copied());
        let plain = names().map(ToOwned::to_owned);
        let prefixed = names().filter(|_| self.prefixed).map(|name| format!("{prefix}_{name}"));
        plain.chain(prefixed).collect()
    }
}
