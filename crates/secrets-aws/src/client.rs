//! One `GetSecretValue`, and what its answer means.
//!
//! AWS's own words never become part of a message: those about a wrong signature may quote the headers.

use std::error::Error;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Region};
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use secrecy::SecretString;
use secrets::{Secrets, StoreError};
use serde_json::{Map, Value};

use crate::{AwsSecretsManager, refused};

/// How often AWS is asked before it counts as failed.
const ATTEMPTS: u32 = 3;

/// Fetches the secret, and takes it apart.
pub(crate) async fn fetch(store: &AwsSecretsManager) -> Result<Secrets, StoreError> {
    let environment = &store.environment;
    let region = match &store.region {
        Some(region) => Region::new(region.clone()),
        None => store.source.region(environment).await?,
    };
    let credentials = store.source.load(&region, environment).await?;
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region.clone())
        .credentials_provider(credentials)
        // Said here, because a bad AWS_MAX_ATTEMPTS would panic.
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
    if environment.get("AWS_USE_FIPS_ENDPOINT").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        config = config.use_fips(true);
    }
    if let Some(endpoint) = endpoint(store)? {
        config = config.endpoint_url(endpoint);
    }
    let call = Client::from_conf(config.build()).get_secret_value().secret_id(&store.secret).send();
    let answer = call.await.map_err(|error| explain(&store.secret, &region, &error))?;
    let binary = answer.secret_binary().map(AsRef::<[u8]>::as_ref);
    let bytes = answer.secret_string().map(str::as_bytes).or(binary).unwrap_or_default();
    take_apart(&store.secret, bytes)
}

/// The address to ask in place of AWS's own: the store's, or that of the environment.
fn endpoint(store: &AwsSecretsManager) -> Result<Option<String>, StoreError> {
    if store.endpoint.is_some() {
        return Ok(store.endpoint.clone());
    }
    for name in ["AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"] {
        let Some(url) = store.environment.get(name).filter(|url| !url.is_empty()) else {
            continue;
        };
        return match refused(&url) {
            None => Ok(Some(url)),
            Some(problem) => Err(StoreError::new(format!("{name}: {problem}"), "write `https://…`")),
        };
    }
    Ok(None)
}

/// Reads a JSON object of texts. Errors never quote it.
fn take_apart(secret: &str, bytes: &[u8]) -> Result<Secrets, StoreError> {
    let object: Map<String, Value> = serde_json::from_slice(bytes).map_err(|_| {
        let help = "store it as {\"KEY\": \"value\"}, or as key/value pairs in the console";
        StoreError::new(format!("the secret {secret} is not a JSON object"), help)
    })?;
    let entries = object.into_iter().filter_map(|(key, value)| {
        let value = match value {
            Value::String(text) => Ok(SecretString::from(text)),
            Value::Number(number) => Ok(number.to_string().into()),
            Value::Bool(value) => Ok(value.to_string().into()),
            Value::Null => return None,
            Value::Array(_) | Value::Object(_) => Err(StoreError::new(
                format!("the key {key} of the secret {secret} is not text"),
                "store it as text",
            )),
        };
        Some((key, value))
    });
    Ok(entries.collect())
}

fn explain<R>(secret: &str, region: &Region, error: &SdkError<GetSecretValueError, R>) -> StoreError
where
    R: std::fmt::Debug,
{
    let error = match error {
        SdkError::ServiceError(error) => error.err(),
        SdkError::TimeoutError(_) => {
            let error = StoreError::new("AWS did not answer in time", "check the network, or try again");
            return error.passing(true);
        }
        SdkError::DispatchFailure(failure) => {
            let reason = failure.as_connector_error().map_or_else(String::new, |error| innermost(error));
            let help =
                "check the region, the network and the proxy; in a VPC, add an endpoint for Secrets Manager";
            let message = format!("AWS cannot be reached in {region}: {reason}");
            return StoreError::new(message, help).passing(true);
        }
        SdkError::ConstructionFailure(_) => {
            return StoreError::new("the request for the secret cannot be built", "check `aws_region`");
        }
        SdkError::ResponseError(_) | _ => {
            // The answer may have broken off as well.
            let error = StoreError::new("what answered is not Secrets Manager", "check the endpoint");
            return error.passing(true);
        }
    };
    let code = error.code().filter(|code| is_code(code)).unwrap_or("no code");
    let (message, help) = match code {
        "ResourceNotFoundException" => (
            format!("there is no secret {secret} in {region}"),
            "create it there, or correct its name or `aws_region`".to_owned(),
        ),
        "AccessDeniedException" => (
            format!("AWS lets nobody with these credentials read the secret {secret} ({code})"),
            "allow `secretsmanager:GetSecretValue` on it, and `kms:Decrypt` on its key".to_owned(),
        ),
        "DecryptionFailure" => (
            format!("AWS cannot decrypt the secret {secret} ({code})"),
            "allow `kms:Decrypt` on its key".to_owned(),
        ),
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "ExpiredTokenException"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "MissingAuthenticationTokenException" => (
            format!("AWS does not accept the credentials ({code})"),
            "renew them, and check the clock of this machine".to_owned(),
        ),
        "InvalidRequestException" => (
            format!("AWS does not hand out the secret {secret} ({code})"),
            "see whether it is about to be deleted".to_owned(),
        ),
        _ => {
            let message = format!("AWS refused to hand out the secret {secret} ({code})");
            return StoreError::new(message, "try again later").passing(true);
        }
    };
    // Short-lived credentials are renewed by somebody else.
    StoreError::new(message, help).passing(code == "ExpiredTokenException")
}

/// Whether a code is a name as AWS writes them, and nothing else.
fn is_code(code: &str) -> bool {
    !code.is_empty() && code.len() <= 80 && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
}

/// What is behind all that is around it.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
