//! What one search for credentials has at hand, and how a source is asked.

use std::error::Error;
use std::io;
use std::time::Duration;

use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials as Keys;
use aws_credential_types::provider::ProvideCredentials;
use aws_types::os_shim_internal::Env;
use tokio::time::Instant;

use super::check;
use crate::model::Withheld;
use crate::spec::AssumeRole;

/// One source alone may take this long, so that one that hangs leaves time for the others.
const SOURCE_LIMIT: Duration = Duration::from_secs(15);

/// Why a source gave nothing.
#[derive(Debug)]
pub(super) enum Miss {
    /// Nobody set it up.
    Absent(String),
    /// It is set up, and does not work.
    Failed(String),
}

impl Miss {
    pub(super) fn failed(why: impl Into<String>) -> Self {
        Self::Failed(why.into())
    }

    pub(super) fn why(&self) -> &str {
        match self {
            Self::Absent(why) | Self::Failed(why) => why,
        }
    }
}

/// What one search has at hand. Made afresh each time, so that changed files are read again.
#[derive(Debug)]
pub(super) struct Search {
    env: Env,
    sdk: SdkConfig,
    region: String,
    deadline: Instant,
    withheld: Withheld,
}

impl Search {
    /// Begins a search for the calls to a region. A profile's endpoints and switches are used as well.
    pub(super) async fn begin(
        region: &str,
        profile: Option<&str>,
        deadline: Instant,
        withheld: &Withheld,
    ) -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .no_credentials();
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        let (sdk, region, withheld) = (loader.load().await, region.to_owned(), withheld.clone());
        Self { env: Env::real(), sdk, region, deadline, withheld }
    }

    /// Variables that no program gets that is started.
    pub(super) fn withheld(&self) -> Vec<String> {
        self.withheld.to_vec()
    }

    /// A variable of the process's own environment that is not blank.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.env.get(name).ok().filter(|value| !value.trim().is_empty())
    }

    /// What the SDK's providers are built with.
    pub(super) fn config(&self) -> ProviderConfig {
        ProviderConfig::without_region()
            .with_region(Some(Region::new(self.region.clone())))
            .with_use_fips(self.sdk.use_fips())
            .with_use_dual_stack(self.sdk.use_dual_stack())
    }

    /// How long the next step may take.
    pub(super) fn limit(&self) -> Duration {
        SOURCE_LIMIT.min(self.deadline.saturating_duration_since(Instant::now()))
    }

    /// Asks one provider of the SDK.
    pub(super) async fn ask(&self, provider: impl ProvideCredentials) -> Result<Keys, Cause> {
        let limit = self.limit();
        match tokio::time::timeout(limit, provider.provide_credentials()).await {
            Ok(Ok(keys)) => Ok(keys),
            Ok(Err(error)) => Err(Cause::of(&error)),
            Err(_) => Err(Cause { late: Some(limit), ..Cause::default() }),
        }
    }

    /// Assumes a role with the keys of a source.
    pub(super) async fn assume(&self, role: &AssumeRole, keys: Keys, source: &str) -> Result<Keys, String> {
        check(&keys).map_err(|why| format!("{source}: {why}"))?;
        let mut builder =
            AssumeRoleProvider::builder(&role.arn).session_name(&role.session_name).configure(&self.sdk);
        if let Some(external_id) = &role.external_id {
            builder = builder.external_id(external_id);
        }
        let provider = builder.build_from_provider(keys).await;
        self.ask(provider).await.map_err(|cause| {
            let arn = &role.arn;
            match cause.code() {
                Some("AccessDenied") => format!(
                    "STS refused to let it ({source}) assume `{arn}` (AccessDenied); give it `sts:AssumeRole` on \
                     the role, and name it in the role's trust policy, with the same external id if there is one"
                ),
                Some(code) if UNKNOWN_KEYS.contains(&code) => {
                    format!("STS does not accept the keys ({source}) with which `{arn}` is assumed ({code})")
                }
                _ => format!("`{arn}` cannot be assumed: {}", cause.of_sts(&self.region)),
            }
        })
    }

    pub(super) fn region(&self) -> &str {
        &self.region
    }
}

/// What AWS says of keys that it does not accept.
const UNKNOWN_KEYS: &[&str] = &[
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "ExpiredTokenException",
    "UnrecognizedClientException",
];

/// Why a provider of the SDK gave nothing. Its own words are not passed on: some quote what they received.
#[derive(Debug, Default)]
pub(super) struct Cause {
    texts: Vec<String>,
    io: Option<io::ErrorKind>,
    late: Option<Duration>,
}

impl Cause {
    fn of(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Self::default();
        let mut next = Some(error);
        while let Some(error) = next {
            cause.texts.push(error.to_string());
            if let Some(io) = error.downcast_ref::<io::Error>() {
                cause.io = Some(io.kind());
            }
            next = error.source();
        }
        cause
    }

    /// Whether some step says this.
    pub(super) fn says(&self, text: &str) -> bool {
        self.texts.iter().any(|said| said.contains(text))
    }

    /// The name of the error that a service of AWS answered with.
    pub(super) fn code(&self) -> Option<&str> {
        self.texts.iter().find_map(|text| {
            let unnamed = text.split_once("unhandled error (").and_then(|(_, rest)| rest.split_once(')'));
            if let Some((code, _)) = unnamed {
                return Some(code);
            }
            let word = text.split(':').next()?;
            let is_name = word.ends_with("Exception") && word.chars().all(|c| c.is_ascii_alphanumeric());
            is_name.then_some(word)
        })
    }

    /// The status that an endpoint answered with, where the text tells it behind some words.
    pub(super) fn status_behind(&self, words: &str) -> Option<&str> {
        self.texts.iter().find_map(|text| {
            let (_, rest) = text.split_once(words)?;
            rest.get(..3).filter(|status| status.chars().all(|c| c.is_ascii_digit()))
        })
    }

    /// Whether nothing answered.
    pub(super) fn is_unreachable(&self) -> bool {
        self.late.is_some() || self.says("dispatch failure") || self.says("timed out") || self.says("timeout")
    }

    pub(super) fn io(&self) -> Option<io::ErrorKind> {
        self.io
    }

    /// Says what it means for a call to STS, whose own cases are told already.
    pub(super) fn of_sts(&self, region: &str) -> String {
        match self.code() {
            Some("RegionDisabledException") => {
                format!(
                    "STS is not switched on in {region} for this account; switch it on in IAM, or use another region"
                )
            }
            Some(code) => format!("STS answered {code}"),
            None if self.is_unreachable() => {
                format!(
                    "STS cannot be reached ({region}); check the network, a proxy, or the VPC endpoint of STS"
                )
            }
            None => "STS gave no answer that can be read".to_owned(),
        }
    }
}
