//! Models on Amazon Bedrock: their parameters into a [`BedrockSpec`].

use std::path::PathBuf;
use std::sync::Arc;

use bedrock::{BedrockModel, BedrockSpec, Clock, ModelId, Shared, family};
use chat::{BoxFuture, Effort, GuardrailMode, GuardrailTrace, Latency, Sampling, ServiceTier};
use routing::{Leg, Router};
use secrets::ResolvedModel;
use spicepod::Problem;

use crate::configured::Defaults;
use crate::params::{ParamSpec, Reader};
use crate::prompt::Prompt;
use crate::provider::{
    Access, Build, Callable, Context, Draft, Find, Provider, RemoteContent, Session, Summary,
};

mod access;
mod built;
mod place;
mod table;

use built::Built;

const PREFIX: &str = "bedrock";

/// The provider behind `bedrock:`.
#[derive(Debug)]
pub(crate) struct Bedrock;

impl Provider for Bedrock {
    fn prefix(&self) -> &'static str {
        PREFIX
    }

    fn params(&self) -> &'static [ParamSpec] {
        table::PARAMS
    }

    fn skipped_in_emulator(&self, param: &str) -> bool {
        table::EMULATOR_BRINGS.contains(&param)
    }

    fn session(&self) -> Box<dyn Session> {
        let shared = Arc::new(Shared::new(Clock::system()));
        Box::new(Models { shared, searches: Arc::default(), built: Arc::default() })
    }

    fn files(&self) -> Vec<PathBuf> {
        bedrock::shared_files()
    }
}

/// Models that share connections, and credentials where they come from the same source.
struct Models {
    shared: Arc<Shared>,
    searches: Arc<access::Searches>,
    built: Arc<Built>,
}

impl Session for Models {
    fn validate<'a>(
        &'a self,
        model: &'a ResolvedModel,
        id: &'a str,
        context: Context<'a>,
    ) -> BoxFuture<'a, (Option<Draft>, Vec<Problem>)> {
        Box::pin(async move {
            self.shared.withhold(context.environment.secret_variables());
            let mut reader = Reader::new(table::PARAMS, PREFIX, &model.params, model.at.clone());
            let draft = self.draft(model, id, context, &mut reader).await;
            let problems = reader.finish();
            let valid = !problems.iter().any(Problem::is_error);
            (draft.filter(|_| valid), problems)
        })
    }

    fn begin(&self) {
        self.built.sweep();
        self.searches.sweep();
    }

    fn renew(&self) {
        self.searches.renew();
    }
}

impl Models {
    /// Reads everything, so that everything that is wrong is reported; `None` where something vital is missing.
    async fn draft(
        &self,
        model: &ResolvedModel,
        id: &str,
        context: Context<'_>,
        reader: &mut Reader<'_>,
    ) -> Option<Draft> {
        let model_id = match ModelId::parse(id) {
            Ok(id) => Some(id),
            Err(error) => {
                let problem =
                    Problem::error(model.at.clone().key("from"), format!("`from: {}`: {error}", model.from));
                let help = "write an id such as `bedrock:us.amazon.nova-lite-v1:0`, or an ARN of a model or inference profile";
                reader.push(problem.help(help));
                None
            }
        };
        let family = family(model_id.as_ref(), reader);
        let defaults = Defaults {
            sampling: sampling(family, reader),
            prompt: system_prompt(reader),
            ..request_defaults(reader)
        };
        let remote = remote_content(reader);
        let guardrail = guardrail(reader);
        let guardrail_scope = match reader.choice("bedrock_guardrail_scope") {
            Some("all") => bedrock::GuardrailScope::All,
            Some("last_turn") => bedrock::GuardrailScope::LastTurn,
            _ => bedrock::GuardrailScope::Marked,
        };
        let guardrail_override = reader.choice("bedrock_guardrail_override") == Some("allowed");
        let policy = place::policy(reader);
        let limits = place::limits(reader);
        let endpoint = place::endpoint(context, reader).await;
        let credentials = access::credentials(context, reader).await;
        let regions = place::regions(model_id.as_ref(), context, reader).await;
        place::check_regions(regions.as_deref().unwrap_or_default(), context, reader);
        let (model_id, regions, credentials) = (model_id?, regions?, credentials?);
        for region in &regions {
            place::check_geography(model, &model_id, region, reader);
        }
        let region = regions.first()?.clone();
        let summary = Summary {
            regions: regions.clone(),
            credentials: access::describe(&credentials, context),
            guardrail: guardrail
                .as_ref()
                .map_or("-".to_owned(), |g| format!("{}:{}", g.identifier.as_str(), g.version.as_str())),
            policy: place::describe(&policy, limits),
        };
        let spec = BedrockSpec {
            model_id,
            family,
            region,
            endpoint: endpoint?,
            credentials,
            guardrail,
            guardrail_override,
            guardrail_scope,
            cache: reader.choice("bedrock_cache") == Some("auto"),
            lift_thinking: reader.choice("bedrock_thinking_text") == Some("lift"),
            policy,
        };
        let build = self.build(&model.name, spec.clone(), regions);
        Some(Draft { summary, defaults, remote, limits, find: self.find(&spec), build })
    }

    /// Builds the model of each region, and of several one that asks them in turn.
    fn build(&self, name: &str, spec: BedrockSpec, regions: Vec<String>) -> Build {
        let (shared, searches) = (Arc::clone(&self.shared), Arc::clone(&self.searches));
        let (built, name) = (Arc::clone(&self.built), Arc::<str>::from(name));
        Box::new(move || {
            Box::pin(async move {
                let mut models = Vec::with_capacity(regions.len());
                for region in regions {
                    let spec = BedrockSpec { region, ..spec.clone() };
                    models.push(match built.find(&spec) {
                        Some(model) => model,
                        None => {
                            let identity = searches.of(&spec.credentials, &spec.region, &shared);
                            let model = BedrockModel::new(spec, &identity, &shared).await;
                            let model = Arc::new(model.map_err(|error| error.to_string())?);
                            built.add(&model);
                            model
                        }
                    });
                }
                let breaker = built.breaker(&name, &models);
                let models = match <[Arc<BedrockModel>; 1]>::try_from(models) {
                    Ok([model]) => return Ok(Callable { model, breaker }),
                    Err(models) => models,
                };
                let legs = (0..).zip(&models).map(|(order, model)| Leg {
                    name: Arc::clone(&name),
                    region: Some(model.spec().region.as_str().into()),
                    order,
                    weight: None,
                    breaker: built.breaker(&name, std::slice::from_ref(model)),
                    limiter: None,
                    model: Arc::<BedrockModel>::clone(model),
                });
                Ok(Callable { model: Arc::new(Router::new(legs.collect())), breaker })
            })
        })
    }

    fn find(&self, spec: &BedrockSpec) -> Find {
        let (shared, searches) = (Arc::clone(&self.shared), Arc::clone(&self.searches));
        let (credentials, region) = (spec.credentials.clone(), spec.region.clone());
        Box::new(move || {
            let identity = searches.of(&credentials, &region, &shared);
            Box::pin(async move {
                let bedrock::Access { source, passed, expires_in } = identity.access().await?;
                Ok(Access { source, passed, expires_in })
            })
        })
    }
}

fn family(model_id: Option<&ModelId>, reader: &mut Reader<'_>) -> &'static family::Family {
    let inferred = model_id.map_or(&family::UNKNOWN, family::of);
    let Some(name) = reader.text("bedrock_family") else { return inferred };
    family::by_name(&name).unwrap_or_else(|| {
        let names: Vec<&str> = family::FAMILIES.iter().map(|family| family.name).collect();
        let shown = reader.shown("bedrock_family", &name);
        reader.error(
            "bedrock_family",
            format!("names no family: {shown}"),
            format!("write one of {}", names.join(", ")),
        );
        inferred
    })
}

fn sampling(family: &'static family::Family, reader: &mut Reader<'_>) -> Sampling {
    let sampling = Sampling {
        max_tokens: reader.integer("maxTokens"),
        temperature: reader.number("temperature"),
        top_p: reader.number("topP"),
        top_k: reader.integer("topK"),
        stop: reader.texts("stopSequences"),
    };
    match bedrock::check_sampling(&sampling, family) {
        Ok(dropped) => {
            for name in dropped {
                let message = format!("has no effect: models of the family `{}` do not take it", family.name);
                reader.warn(name, message, "remove it");
            }
        }
        Err((name, message)) => {
            let help = if family.name == family::UNKNOWN.name {
                "name the model's family with `bedrock_family`, or remove it"
            } else {
                "remove it"
            };
            reader.error(name, format!("cannot be used: {message}"), help);
        }
    }
    sampling
}

fn system_prompt(reader: &mut Reader<'_>) -> Option<Prompt> {
    let is_template = reader.choice("parameterized_prompt") == Some("enabled");
    if is_template && !reader.has("system_prompt") {
        reader.warn(
            "parameterized_prompt",
            "has no effect without a `system_prompt`",
            "add a `system_prompt`",
        );
    }
    let text = reader.text("system_prompt")?;
    if !is_template {
        return Some(Prompt::plain(&text));
    }
    match Prompt::template(&text) {
        Ok(prompt) => Some(prompt),
        Err(message) => {
            reader.error(
                "system_prompt",
                format!("is not a template: {message}"),
                "write variables as `{{ name }}`",
            );
            None
        }
    }
}

/// What requests get besides sampling and a prompt where they do not ask for anything else.
fn request_defaults(reader: &mut Reader<'_>) -> Defaults {
    let reasoning_effort = reader.choice("reasoning_effort").and_then(|word| match word {
        "none" => Some(Effort::None),
        "minimal" => Some(Effort::Minimal),
        "low" => Some(Effort::Low),
        "medium" => Some(Effort::Medium),
        "high" => Some(Effort::High),
        "xhigh" => Some(Effort::XHigh),
        _ => None,
    });
    let service_tier = reader.choice("service_tier").and_then(|word| match word {
        "default" => Some(ServiceTier::Default),
        "flex" => Some(ServiceTier::Flex),
        "priority" => Some(ServiceTier::Priority),
        _ => None,
    });
    let latency = reader.choice("bedrock_latency").and_then(|word| match word {
        "standard" => Some(Latency::Standard),
        "optimized" => Some(Latency::Optimized),
        _ => None,
    });
    Defaults {
        reasoning_effort,
        service_tier,
        latency,
        parallel_tool_calls: reader.switch("parallel_tool_calls"),
        max_tokens_ceiling: reader.integer("max_tokens_ceiling"),
        ..Defaults::default()
    }
}

/// Whether content at other addresses is fetched, and from which hosts.
fn remote_content(reader: &mut Reader<'_>) -> RemoteContent {
    const HOSTS: &str = "remote_content_hosts";
    let allowed = reader.choice("remote_content") == Some("allowed");
    let hosts = reader.texts(HOSTS);
    if !allowed {
        if reader.has(HOSTS) {
            reader.warn(HOSTS, "has no effect while nothing is fetched", "add `remote_content: allowed`");
        }
        return RemoteContent::Denied;
    }
    let is_host = |host: &String| {
        let name = host.strip_prefix("*.").unwrap_or(host);
        let valid = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
        !name.is_empty() && name.chars().all(valid)
    };
    if let Some(bad) = hosts.iter().flatten().find(|host| !is_host(host)) {
        let help = "write names such as `images.example.com` or `*.example.com`, without a scheme or port";
        reader.error(HOSTS, format!("holds `{bad}`, which is no host"), help);
    }
    RemoteContent::Allowed {
        hosts: hosts.map(|hosts| hosts.iter().map(|host| host.to_ascii_lowercase()).collect()),
    }
}

fn guardrail(reader: &mut Reader<'_>) -> Option<bedrock::Guardrail> {
    const ID: &str = "bedrock_guardrail_identifier";
    const VERSION: &str = "bedrock_guardrail_version";
    let overridable = reader.choice("bedrock_guardrail_override") == Some("allowed");
    for name in ["bedrock_trace", "bedrock_guardrail_stream_mode", "bedrock_guardrail_scope"] {
        if reader.has(name) && !reader.has(ID) && !overridable {
            reader.warn(name, "has no effect without a guardrail", format!("add `{ID}`"));
        }
    }
    let trace = match reader.choice("bedrock_trace") {
        Some("enabled") => GuardrailTrace::Enabled,
        Some("enabled_full") => GuardrailTrace::EnabledFull,
        _ => GuardrailTrace::Disabled,
    };
    let stream_mode = match reader.choice("bedrock_guardrail_stream_mode") {
        Some("async") => GuardrailMode::Async,
        _ => GuardrailMode::Sync,
    };
    match (reader.has(ID), reader.has(VERSION)) {
        (true, false) => {
            reader.error(ID, "has no version", format!("add `{VERSION}: DRAFT`, or a published number"))
        }
        (false, true) => reader.error(VERSION, "has no guardrail", format!("add `{ID}`")),
        _ => {}
    }
    let identifier = reader.text(ID).and_then(|text| match bedrock::GuardrailIdentifier::parse(&text) {
        Ok(identifier) => Some(identifier),
        Err(error) => {
            reader.error(ID, "is not a guardrail's id or ARN", error.to_string());
            None
        }
    });
    let version =
        reader.text_or_integer(VERSION).and_then(|text| match bedrock::GuardrailVersion::parse(&text) {
            Ok(version) => Some(version),
            Err(error) => {
                reader.error(VERSION, "is not a guardrail's version", error.to_string());
                None
            }
        });
    Some(bedrock::Guardrail { identifier: identifier?, version: version?, trace, stream_mode })
}
