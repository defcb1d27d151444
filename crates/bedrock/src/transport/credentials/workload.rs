//! The identity that a workload is given by where it runs: web identity, container, instance.

use std::io::ErrorKind;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::web_identity_token::{StaticConfiguration, WebIdentityTokenCredentialsProvider};
use aws_credential_types::Credentials as Keys;

use super::search::{Cause, Miss, Search};
use crate::spec::AssumeRole;

const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE: &str = "AWS_ROLE_ARN";
const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const AUTHORIZATION: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const AUTHORIZATION_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// Tokens are a few kilobytes; anything much larger is no token.
const MAX_TOKEN: u64 = 1 << 20;

/// Web identity from the environment, as EKS and CI systems set it.
pub(super) async fn web_identity(search: &Search) -> Result<Keys, Miss> {
    let (file, role) = match (search.variable(TOKEN_FILE), search.variable(ROLE)) {
        (Some(file), Some(role)) => (file, role),
        (None, _) => return Err(Miss::Absent(format!("{TOKEN_FILE} is not set"))),
        (Some(_), None) => return Err(Miss::Failed(format!("{TOKEN_FILE} is set without {ROLE}; set both"))),
    };
    let session_name = search.variable("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| "spicerack".to_owned());
    let role = AssumeRole { arn: role, session_name, external_id: None };
    with_token(search, &role, &file).await.map_err(Miss::Failed)
}

/// Assumes a role with a token that stands in a file.
pub(super) async fn with_token(search: &Search, role: &AssumeRole, file: &str) -> Result<Keys, String> {
    readable(file, "token file")?;
    let provider = WebIdentityTokenCredentialsProvider::builder()
        .configure(&search.config())
        .static_configuration(StaticConfiguration {
            web_identity_token_file: file.into(),
            role_arn: role.arn.clone(),
            session_name: role.session_name.clone(),
        })
        .build();
    search.ask(provider).await.map_err(|cause| {
        let role = &role.arn;
        match cause.code() {
            Some("AccessDenied") => format!(
                "STS refused to let the token assume `{role}` (AccessDenied); the role's trust policy must allow \
                 `sts:AssumeRoleWithWebIdentity` to the token's issuer, for its subject and audience"
            ),
            Some("InvalidIdentityToken" | "InvalidIdentityTokenException") => format!(
                "STS does not accept the token for `{role}` (InvalidIdentityToken); its issuer must be an OIDC \
                 provider in IAM, with the audience sts.amazonaws.com"
            ),
            Some("ExpiredTokenException" | "ExpiredToken") => {
                format!("the token in `{file}` has expired; is it still renewed?")
            }
            _ if cause.io().is_some() && !cause.is_unreachable() => format!("the token file `{file}` cannot be read"),
            _ => format!("`{role}` cannot be assumed: {}", cause.of_sts(search.region())),
        }
    })
}

/// Looks at a file before it is read as a whole.
fn readable(file: &str, what: &str) -> Result<(), String> {
    match std::fs::metadata(file) {
        Err(error) => {
            let why = if error.kind() == ErrorKind::NotFound {
                "does not exist".to_owned()
            } else {
                format!("cannot be read: {error}")
            };
            Err(format!("the {what} `{file}` {why}"))
        }
        Ok(metadata) if !metadata.is_file() => Err(format!("the {what} `{file}` is not a file")),
        Ok(metadata) if metadata.len() > MAX_TOKEN => {
            Err(format!("the {what} `{file}` is too large for a token"))
        }
        Ok(_) => Ok(()),
    }
}

/// The endpoint that ECS, EKS pod identity and Greengrass give a container.
pub(super) async fn container(search: &Search) -> Result<Keys, Miss> {
    let variable = match (search.variable(RELATIVE), search.variable(FULL)) {
        (Some(_), _) => RELATIVE,
        (None, Some(_)) => FULL,
        (None, None) => return Err(Miss::Absent(format!("neither {RELATIVE} nor {FULL} is set"))),
    };
    if let Some(file) = search.variable(AUTHORIZATION_FILE) {
        readable(&file, "authorization token file").map_err(Miss::Failed)?;
    }
    let provider = EcsCredentialsProvider::builder().configure(&search.config()).build();
    search.ask(provider).await.map_err(|cause| Miss::Failed(of_container(variable, &cause)))
}

fn of_container(variable: &str, cause: &Cause) -> String {
    if cause.says("auth token could not be used") {
        return format!(
            "the token of {AUTHORIZATION} or {AUTHORIZATION_FILE} holds what no header may hold, such as a newline"
        );
    }
    if cause.says("invalid full URI") || cause.says("invalid relative URI") {
        return format!(
            "the address in {variable} is not allowed; it is https, or http to this machine or to the address of \
             ECS or EKS"
        );
    }
    if let Some(status) = cause.status_behind("HTTP credential provider: StatusCode(") {
        let what = format!("the endpoint of {variable} answered with status {status}");
        return match status {
            "400" | "401" | "403" => {
                format!("{what}; check {AUTHORIZATION} or {AUTHORIZATION_FILE}, and the task's or pod's role")
            }
            _ => format!("{what}; see the log of the ECS or pod identity agent"),
        };
    }
    if cause.says("failed to load credentials [") {
        return format!("the endpoint of {variable} refused; check the task's or pod's role");
    }
    if cause.is_unreachable() {
        return format!("the endpoint of {variable} cannot be reached");
    }
    format!("the endpoint of {variable} answered with something that is no credentials")
}

/// The role of an EC2 instance.
pub(super) async fn instance(search: &Search) -> Result<Keys, Miss> {
    if search.variable("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Err(Miss::Absent("switched off by AWS_EC2_METADATA_DISABLED".to_owned()));
    }
    let provider = ImdsCredentialsProvider::builder().configure(&search.config()).build();
    search.ask(provider).await.map_err(|cause| of_instance(search, &cause))
}

fn of_instance(search: &Search, cause: &Cause) -> Miss {
    if cause.says("received 404") {
        return Miss::failed("the instance has no role; attach an instance profile to it");
    }
    if cause.says("orbidden") || cause.says("disallowed") {
        return Miss::failed(
            "the metadata service is switched off for this instance; switch it on, with IMDSv2",
        );
    }
    if cause.says("Incorrect IMDS/IAM configuration") {
        return Miss::failed("the instance's role does not trust EC2; correct its trust policy");
    }
    if cause.says("Error retrieving credentials from IMDS") {
        return Miss::failed(
            "the metadata service has no credentials of the role; look at the instance profile",
        );
    }
    if let Some(status) = cause.status_behind("error response from IMDS (code: ") {
        return Miss::Failed(format!("the metadata service answered with status {status}"));
    }
    if cause.is_unreachable() || cause.says("could not communicate with IMDS") {
        let address = search.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        return Miss::Absent(format!(
            "no metadata service answers at {}; this is no EC2 instance, or a container behind a hop limit of 1",
            address.as_deref().unwrap_or("169.254.169.254")
        ));
    }
    Miss::failed("the metadata service answered with something that is no credentials")
}
