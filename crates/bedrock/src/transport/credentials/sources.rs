//! The sources of credentials, in AWS's order.
//!
//! AWS's own chain stops at the first source that is set up and fails; this one says so and goes on. Source: the
//! [order](https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html).

use aws_credential_types::Credentials as Keys;
use tokio::time::Instant;

use super::search::{Miss, Search};
use super::{check, keys, profile, workload};
use crate::model::Withheld;
use crate::spec::{ASSUMED, CredentialSource, Credentials};

const KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";

/// Credentials, and where they were found.
pub(super) struct Found {
    pub(super) keys: Keys,
    /// The source that served.
    pub(super) source: String,
    /// Why sources before it that are set up did not serve; empty where there is none.
    pub(super) passed: Vec<String>,
}

/// A source in the order.
#[derive(Clone, Debug)]
enum Place {
    Environment,
    Profile(Option<String>),
    WebIdentity,
    Container,
    Instance,
}

/// Searches once, until a time. Everything is read afresh, so that changed files count.
///
/// # Errors
///
/// What was tried, why each source did not serve, and what to do. The text holds no secret.
pub(super) async fn load(
    credentials: &Credentials,
    region: &str,
    deadline: Instant,
    withheld: &Withheld,
) -> Result<Found, String> {
    let profile = match &credentials.source {
        CredentialSource::Profile(name) => Some(name.as_str()),
        CredentialSource::Chain { profile } => profile.as_deref(),
        CredentialSource::Keys { .. }
        | CredentialSource::Bearer(_)
        | CredentialSource::Environment
        | CredentialSource::Metadata => None,
    };
    let search = Search::begin(region, profile, deadline, withheld).await;
    let mut found = base(&credentials.source, &search).await?;
    if let Some(role) = &credentials.assume_role {
        found.keys = search.assume(role, found.keys, &found.source).await?;
        found.source = format!("{}, {ASSUMED}", found.source);
    }
    Ok(found)
}

async fn base(source: &CredentialSource, search: &Search) -> Result<Found, String> {
    match source {
        CredentialSource::Keys { .. } | CredentialSource::Bearer(_) => {
            let found = keys(source).ok_or("an API key cannot assume a role")?;
            check(&found)?;
            Ok(Found { keys: found, source: super::name_of(source), passed: Vec::new() })
        }
        CredentialSource::Profile(name) => {
            let found = profile::find(search, Some(name)).await;
            let (keys, source) = found.map_err(|miss| format!("profile {name}: {}", miss.why()))?;
            check(&keys).map_err(|why| format!("profile {name}: {why}"))?;
            Ok(Found { keys, source, passed: Vec::new() })
        }
        CredentialSource::Environment => {
            let advice = "`aws_iam_role_source: env` takes keys from the environment alone";
            first_of(vec![Place::Environment], search, advice).await
        }
        CredentialSource::Metadata => {
            let advice =
                "`aws_iam_role_source: metadata` needs a role of the instance, task or service account";
            first_of(vec![Place::WebIdentity, Place::Container, Place::Instance], search, advice).await
        }
        CredentialSource::Chain { profile } => {
            let advice = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name an `aws_profile`, run `aws sso \
                          login`, or attach a role to where this runs";
            let places = vec![
                Place::Environment,
                Place::Profile(profile.clone()),
                Place::WebIdentity,
                Place::Container,
                Place::Instance,
            ];
            first_of(places, search, advice).await
        }
    }
}

async fn first_of(places: Vec<Place>, search: &Search, advice: &str) -> Result<Found, String> {
    let mut passed = Vec::new();
    let mut misses = Vec::new();
    for place in places {
        let name = place.name().await;
        match place.ask(&name, search).await {
            Ok((keys, source)) => return Ok(Found { keys, source, passed }),
            Err(miss) => {
                let told = format!("{name}: {}", miss.why());
                if matches!(miss, Miss::Failed(_)) {
                    passed.push(told.clone());
                }
                misses.push(told);
            }
        }
    }
    Err(format!("tried in this order: {} ({advice})", misses.join(" | ")))
}

impl Place {
    async fn name(&self) -> String {
        match self {
            Self::Environment => "environment".to_owned(),
            Self::Profile(Some(name)) => format!("profile {name}"),
            Self::Profile(None) => format!("profile {}", profile::selected().await),
            Self::WebIdentity => "web identity".to_owned(),
            Self::Container => "container".to_owned(),
            Self::Instance => "instance metadata".to_owned(),
        }
    }

    /// Asks a source; `name` is its own.
    async fn ask(&self, name: &str, search: &Search) -> Result<(Keys, String), Miss> {
        if search.limit().is_zero() {
            return Err(Miss::failed("was not asked, because the search took too long"));
        }
        let (keys, source) = match self {
            Self::Profile(profile) => profile::find(search, profile.as_deref()).await?,
            Self::Environment => (environment(search)?, name.to_owned()),
            Self::WebIdentity => (workload::web_identity(search).await?, name.to_owned()),
            Self::Container => (workload::container(search).await?, name.to_owned()),
            Self::Instance => (workload::instance(search).await?, name.to_owned()),
        };
        check(&keys).map_err(Miss::failed)?;
        Ok((keys, source))
    }
}

/// The environment of the process.
pub(super) fn environment(search: &Search) -> Result<Keys, Miss> {
    let secret = search.variable(SECRET).or_else(|| search.variable("SECRET_ACCESS_KEY"));
    match (search.variable(KEY_ID), secret) {
        (Some(id), Some(secret)) => {
            Ok(Keys::new(id, secret, search.variable("AWS_SESSION_TOKEN"), None, "environment"))
        }
        (None, None) => Err(Miss::Absent(format!("{KEY_ID} is not set"))),
        (Some(_), None) => {
            Err(Miss::Failed(format!("{KEY_ID} is set without {SECRET}; set both or neither")))
        }
        (None, Some(_)) => {
            Err(Miss::Failed(format!("{SECRET} is set without {KEY_ID}; set both or neither")))
        }
    }
}

/// Whether the process's own environment holds this access key.
pub(super) fn is_in_environment(access_key_id: &str) -> bool {
    aws_types::os_shim_internal::Env::real().get(KEY_ID).is_ok_and(|value| value == access_key_id)
}
