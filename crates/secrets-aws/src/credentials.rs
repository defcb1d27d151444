//! Who asks, and in which region.
//!
//! This is the crate's only file that exposes secrets.

use std::error::Error;

use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::default_provider::region::DefaultRegionChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_credential_types::provider::error::CredentialsError;
use secrecy::{ExposeSecret as _, SecretString};
use secrets::{Environment, StoreError};

/// Where credentials come from.
pub(crate) enum Source {
    /// The store's own parameters.
    Keys { access_key_id: SecretString, secret_access_key: SecretString, session_token: Option<SecretString> },
    /// A profile of the shared files.
    Profile(String),
    /// The environment with its `.env` files, then AWS's chain.
    Chain,
}

impl Source {
    /// Finds the credentials.
    pub(crate) async fn load(
        &self,
        region: &Region,
        environment: &Environment,
    ) -> Result<Credentials, StoreError> {
        let config = ProviderConfig::without_region().with_region(Some(region.clone()));
        match self {
            Self::Keys { access_key_id, secret_access_key, session_token } => {
                Ok(keys(access_key_id, secret_access_key, session_token.as_ref()))
            }
            Self::Profile(name) => {
                let provider =
                    ProfileFileCredentialsProvider::builder().configure(&config).profile_name(name).build();
                let help = format!("try `aws sts get-caller-identity --profile {name}`");
                provider.provide_credentials().await.map_err(|error| {
                    // Its file is wrong, or says what is not there; or a service did not answer.
                    let is_answer = matches!(
                        error,
                        CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_)
                    );
                    none(&error, help).passing(!is_answer)
                })
            }
            Self::Chain => {
                let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty());
                // A `.env` file is unknown to AWS's chain.
                if let (Some(id), Some(secret)) =
                    (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"))
                {
                    let token = variable("AWS_SESSION_TOKEN").map(SecretString::from);
                    return Ok(keys(&id.into(), &secret.into(), token.as_ref()));
                }
                let mut chain = DefaultCredentialsChain::builder().region(region.clone()).configure(config);
                if let Some(profile) = variable("AWS_PROFILE") {
                    chain = chain.profile_name(&profile);
                }
                let help = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name an `aws_profile`, or attach a role";
                let chain = chain.build().await;
                chain.provide_credentials().await.map_err(|error| none(&error, help))
            }
        }
    }

    /// Finds a region where neither the store nor its secret names one.
    pub(crate) async fn region(&self, environment: &Environment) -> Result<Region, StoreError> {
        let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty());
        if let Some(region) = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")) {
            return Ok(Region::new(region));
        }
        let mut chain = DefaultRegionChain::builder();
        match self {
            Self::Profile(name) => chain = chain.profile_name(name),
            Self::Chain | Self::Keys { .. } => {
                if let Some(profile) = variable("AWS_PROFILE") {
                    chain = chain.profile_name(&profile);
                }
            }
        }
        chain.build().region().await.ok_or_else(|| {
            StoreError::new("no AWS region is known", "set `aws_region` in the store's params, or AWS_REGION")
        })
    }
}

fn keys(id: &SecretString, secret: &SecretString, token: Option<&SecretString>) -> Credentials {
    let token = token.map(|token| token.expose_secret().to_owned());
    Credentials::new(id.expose_secret(), secret.expose_secret(), token, None, "spicepod")
}

/// Says why there are no credentials.
fn none(error: &CredentialsError, help: impl Into<String>) -> StoreError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = inner.source();
    }
    // What an external process wrote to stderr may hold anything.
    if let Some((before, _)) = text.split_once("Stderr:") {
        text = before.to_owned();
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    // A service that hands them out may not have answered.
    let passing = !matches!(error, CredentialsError::InvalidConfiguration(_));
    StoreError::new(format!("no AWS credentials were found: {}", lines.join("; ")), help).passing(passing)
}
