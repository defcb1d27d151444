//! The sources of credentials, as `aws-config` implements them.

use std::error::Error as _;

use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::Credentials as Keys;
use aws_credential_types::provider::{
    ProvideCredentials, SharedCredentialsProvider, error::CredentialsError,
};

use super::keys;
use crate::spec::{AssumeRole, CredentialSource, Credentials};

/// Searches once. Providers are built afresh each time, so that changed files are read again.
///
/// # Errors
///
/// What was tried, and why each source did not serve. The text holds no secret.
pub(super) async fn load(credentials: &Credentials, region: &str) -> Result<Keys, String> {
    let region = Region::new(region.to_owned());
    let base = provider(&credentials.source, &region).await;
    let provider = match &credentials.assume_role {
        None => base,
        Some(role) => assumed(role, base, &region).await,
    };
    provider.provide_credentials().await.map_err(|error| explain(&credentials.source, &error))
}

async fn provider(source: &CredentialSource, region: &Region) -> SharedCredentialsProvider {
    let config = ProviderConfig::without_region().with_region(Some(region.clone()));
    match source {
        CredentialSource::Keys { .. } | CredentialSource::Bearer(_) => match keys(source) {
            Some(keys) => SharedCredentialsProvider::new(keys),
            None => SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()),
        },
        CredentialSource::Profile(name) => SharedCredentialsProvider::new(
            ProfileFileCredentialsProvider::builder().configure(&config).profile_name(name).build(),
        ),
        CredentialSource::Environment => {
            SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new())
        }
        CredentialSource::Metadata => {
            let web_identity = WebIdentityTokenCredentialsProvider::builder().configure(&config).build();
            let container = EcsCredentialsProvider::builder().configure(&config).build();
            let instance = ImdsCredentialsProvider::builder().configure(&config).build();
            SharedCredentialsProvider::new(
                CredentialsProviderChain::first_try("WebIdentityToken", web_identity)
                    .or_else("EcsContainer", container)
                    .or_else("Ec2InstanceMetadata", instance),
            )
        }
        CredentialSource::Chain { profile } => {
            let mut chain = DefaultCredentialsChain::builder().region(region.clone()).configure(config);
            if let Some(name) = profile {
                chain = chain.profile_name(name);
            }
            SharedCredentialsProvider::new(chain.build().await)
        }
    }
}

async fn assumed(
    role: &AssumeRole,
    base: SharedCredentialsProvider,
    region: &Region,
) -> SharedCredentialsProvider {
    let mut builder =
        AssumeRoleProvider::builder(&role.arn).session_name(&role.session_name).region(region.clone());
    if let Some(external_id) = &role.external_id {
        builder = builder.external_id(external_id);
    }
    SharedCredentialsProvider::new(builder.build_from_provider(base).await)
}

/// Says what was tried and what to do about it.
fn explain(source: &CredentialSource, error: &CredentialsError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    // What an external process wrote to stderr may hold anything.
    if let Some(at) = text.find("Stderr:") {
        text.truncate(at);
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let advice = match source {
        CredentialSource::Profile(name) => format!("try `aws sts get-caller-identity --profile {name}`"),
        CredentialSource::Environment => "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned(),
        CredentialSource::Metadata => "attach a role to the instance, task or service account".to_owned(),
        CredentialSource::Keys { .. } | CredentialSource::Bearer(_) => {
            "check the role and its trust policy".to_owned()
        }
        CredentialSource::Chain { .. } => {
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name an `aws_profile`, \
                                    run `aws sso login`, or attach a role"
                .to_owned()
        }
    };
    format!("{} ({advice})", lines.join("; "))
}
