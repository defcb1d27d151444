//! Declared models into models that can be built, or all their problems.

use std::fmt;

use chat::{BoxFuture, Sampling};
use secrets::{Environment, ResolvedModel, Stores};
use spicepod::Problem;

use crate::provider::{Access, Context, Draft, Options, Session, Summary};
use crate::providers;

/// A valid model, ready to be built.
#[derive(Debug)]
pub struct ModelSpec {
    pub(crate) name: String,
    pub(crate) from: String,
    pub(crate) provider: &'static str,
    pub(crate) description: Option<String>,
    pub(crate) draft: Draft,
}

impl ModelSpec {
    /// The name that clients ask for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the manifest says it comes from.
    pub fn from(&self) -> &str {
        &self.from
    }

    /// The model in a few words.
    pub fn summary(&self) -> &Summary {
        &self.draft.summary
    }

    /// Begins to find the model's credentials: which source serves, or what was tried and what to do. Nothing that
    /// costs money is called.
    pub fn access(&self) -> BoxFuture<'static, Result<Access, String>> {
        (self.draft.find)()
    }

    /// The sampling that applies where a request says nothing.
    pub fn sampling(&self) -> &Sampling {
        &self.draft.defaults.sampling
    }
}

/// Checks every model, and gives those that can be built with all problems of all models.
///
/// Reads the shared AWS configuration files where a model refers to them, and asks the instance for its region
/// where nothing else says one; calls nothing that costs money.
pub async fn validate(
    models: &[ResolvedModel],
    stores: &Stores,
    environment: &Environment,
    options: &Options,
) -> (Vec<ModelSpec>, Vec<Problem>) {
    Sessions::default().validate(models, stores, environment, options).await
}

/// What models share over all loads of a manifest: connections, credentials from the same source, and whole models
/// where nothing about them has changed.
pub struct Sessions(Vec<(&'static str, Box<dyn Session>)>);

impl Default for Sessions {
    fn default() -> Self {
        let providers = providers::PROVIDERS.iter();
        Self(providers.map(|provider| (provider.prefix(), provider.session())).collect())
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(prefix, _)| prefix)).finish()
    }
}

impl Sessions {
    /// [`validate`], for models that keep what those before them have while they are still in use.
    pub async fn validate(
        &self,
        models: &[ResolvedModel],
        stores: &Stores,
        environment: &Environment,
        options: &Options,
    ) -> (Vec<ModelSpec>, Vec<Problem>) {
        let context = Context { stores, environment, options };
        let mut specs = Vec::with_capacity(models.len());
        let mut problems = Vec::new();
        for (_, session) in &self.0 {
            session.begin();
        }
        for model in models {
            let (prefix, id) = match split(model) {
                Ok(parts) => parts,
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            };
            let Some((prefix, session)) = self.0.iter().find(|(name, _)| *name == prefix) else { continue };
            let (draft, found) = session.validate(model, id, context).await;
            problems.extend(found);
            if let Some(draft) = draft {
                specs.push(ModelSpec {
                    name: model.name.clone(),
                    from: model.from.clone(),
                    provider: prefix,
                    description: model.description.clone(),
                    draft,
                });
            }
        }
        (specs, problems)
    }

    /// Looks for the credentials of all models again; what they have stays in use until others are found.
    pub fn renew(&self) {
        for (_, session) in &self.0 {
            session.renew();
        }
    }
}

/// Splits `from` at its first colon (or slash, as Spice takes it) and finds the provider.
fn split(model: &ResolvedModel) -> Result<(&str, &str), Problem> {
    let at = || model.at.clone().key("from");
    let known: Vec<&str> = providers::prefixes().collect();
    let example = "write `bedrock:<model id>`, such as `bedrock:us.amazon.nova-lite-v1:0`";
    let Some((prefix, id)) = model.from.split_once([':', '/']) else {
        let problem = Problem::error(at(), format!("`from: {}` names no provider", model.from));
        return Err(problem.help(example));
    };
    if providers::find(prefix).is_some() {
        return Ok((prefix, id));
    }
    let problem = Problem::error(at(), format!("`{prefix}` is not a provider that is served here"));
    Err(problem.help(match spicepod::nearest(prefix, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}:{id}`?"),
        None => format!("{example}; providers: {}", known.join(", ")),
    }))
}
