//! Profiles of the shared configuration files: keys, processes, SSO sessions and roles.
//!
//! The steps of a profile are taken one by one, so that a failure names the step. Sources: the
//! [shared files](https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html) and
//! [roles in them](https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html).

use aws_config::profile::{Profile, ProfileFileCredentialsProvider, ProfileSet};
use aws_credential_types::Credentials as Keys;

use super::process;
use super::search::{Cause, Miss, Search};
use super::workload;
use crate::spec::AssumeRole;
use crate::transport::region::profiles;

const KEY_ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
const SSO: &[&str] = &["sso_session", "sso_start_url", "sso_account_id", "sso_role_name", "sso_region"];

/// What a profile's credentials are made of.
struct Plan {
    base: Base,
    /// The profile in which the base stands.
    holder: String,
    /// Roles to assume with the base's keys, in this order.
    roles: Vec<AssumeRole>,
}

/// Where the first keys of a profile come from.
enum Base {
    Keys(Keys),
    Process(String),
    Sso,
    WebIdentity {
        role: AssumeRole,
        file: String,
    },
    /// A source that `credential_source` names.
    Named(String),
}

/// Finds the credentials of a profile, and names what they are made of.
pub(super) async fn find(search: &Search, name: Option<&str>) -> Result<(Keys, String), Miss> {
    let profiles = profiles().await.map_err(Miss::Failed)?;
    let name = name.unwrap_or(profiles.selected_profile());
    let plan = plan(&profiles, name)?;
    let (keys, kind) = base(search, &plan).await?;
    let mut source = format!("profile {name}");
    if let Some(kind) = kind {
        source = format!("{source} ({kind})");
    }
    let mut keys = keys;
    for role in &plan.roles {
        keys = search.assume(role, keys, &source).await.map_err(Miss::Failed)?;
    }
    if !plan.roles.is_empty() {
        source = format!("{source}, {}", crate::spec::ASSUMED);
    }
    Ok((keys, source))
}

/// The name of the profile that the files and the environment select.
pub(super) async fn selected() -> String {
    profiles().await.map_or_else(|_| "default".to_owned(), |set| set.selected_profile().to_owned())
}

fn plan(profiles: &ProfileSet, name: &str) -> Result<Plan, Miss> {
    let mut roles = Vec::new();
    let mut visited = vec![name];
    let mut profile = profiles.get_profile(name).ok_or_else(|| missing(profiles, name))?;
    loop {
        let holder = profile.name();
        let role = profile.get("role_arn").filter(|_| profile.get("web_identity_token_file").is_none());
        let is_source = visited.len() > 1 && profile.get(KEY_ID).is_some() && profile.get(SECRET).is_some();
        let next = match role {
            Some(arn) if !is_source => {
                roles.push(role_of(profile, arn));
                source_profile(profile)?.filter(|next| *next != holder)
            }
            Some(_) | None => None,
        };
        let Some(next) = next else {
            roles.reverse();
            let base = base_of(profile, visited.len() > 1)?;
            return Ok(Plan { base, holder: holder.to_owned(), roles });
        };
        if visited.contains(&next) {
            let why = format!("its chain of `source_profile` comes back to `{next}`");
            return Err(Miss::Failed(why));
        }
        visited.push(next);
        profile = profiles.get_profile(next).ok_or_else(|| {
            Miss::Failed(format!("`{holder}` names the `source_profile` `{next}`, which does not exist"))
        })?;
    }
}

fn missing(profiles: &ProfileSet, name: &str) -> Miss {
    if name == "default" {
        return Miss::Absent(
            "the shared files (~/.aws/config, ~/.aws/credentials) have no such profile".to_owned(),
        );
    }
    let mut known: Vec<&str> = profiles.profiles().collect();
    known.sort_unstable();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Miss::Failed(format!(
        "there is no such profile in the shared files, which hold: {known}; correct the name"
    ))
}

fn role_of(profile: &Profile, arn: &str) -> AssumeRole {
    AssumeRole {
        arn: arn.to_owned(),
        session_name: profile.get("role_session_name").unwrap_or("spicerack").to_owned(),
        external_id: profile.get("external_id").map(ToOwned::to_owned),
    }
}

fn source_profile(profile: &Profile) -> Result<Option<&str>, Miss> {
    let name = profile.name();
    match (profile.get("source_profile"), profile.get("credential_source")) {
        (Some(_), Some(_)) => {
            Err(Miss::Failed(format!("`{name}` has both `source_profile` and `credential_source`; keep one")))
        }
        (None, None) => Err(Miss::Failed(format!(
            "`{name}` has a `role_arn` and neither `source_profile` nor `credential_source`; add one"
        ))),
        (source, _) => Ok(source),
    }
}

fn base_of(profile: &Profile, is_source: bool) -> Result<Base, Miss> {
    let name = profile.name();
    let has = |key: &str| profile.get(key).is_some();
    if is_source && has(KEY_ID) && has(SECRET) {
        return static_keys(profile);
    }
    if let Some(source) = profile.get("credential_source") {
        return Ok(Base::Named(source.to_owned()));
    }
    match (profile.get("web_identity_token_file"), profile.get("role_arn")) {
        (Some(file), Some(role)) => {
            return Ok(Base::WebIdentity { role: role_of(profile, role), file: file.to_owned() });
        }
        (Some(_), None) => {
            return Err(Miss::Failed(format!("`{name}` has a `web_identity_token_file` without `role_arn`")));
        }
        (None, _) => {}
    }
    if SSO.iter().any(|key| has(key)) {
        return Ok(Base::Sso);
    }
    if has("login_session") {
        return Err(Miss::Failed(format!(
            "`{name}` uses `aws login`, which is not read here; use `aws sso login`, or a `credential_process` with \
             `aws configure export-credentials`"
        )));
    }
    if let Some(command) = profile.get("credential_process") {
        return Ok(Base::Process(command.to_owned()));
    }
    static_keys(profile)
}

fn static_keys(profile: &Profile) -> Result<Base, Miss> {
    let name = profile.name();
    match (profile.get(KEY_ID), profile.get(SECRET)) {
        (Some(id), Some(secret)) => {
            let token = profile.get("aws_session_token").map(ToOwned::to_owned);
            Ok(Base::Keys(Keys::new(id, secret, token, None, "profile")))
        }
        (None, None) => {
            let why =
                format!("`{name}` holds no credentials; add keys, SSO settings, a role or a process to it");
            Err(Miss::Absent(why))
        }
        (Some(_), None) => Err(Miss::Failed(format!("`{name}` has `{KEY_ID}` without `{SECRET}`; add it"))),
        (None, Some(_)) => Err(Miss::Failed(format!("`{name}` has `{SECRET}` without `{KEY_ID}`; add it"))),
    }
}

async fn base(search: &Search, plan: &Plan) -> Result<(Keys, Option<&'static str>), Miss> {
    match &plan.base {
        Base::Keys(keys) => Ok((keys.clone(), None)),
        Base::Process(command) => {
            let keys =
                process::run(command, search.limit(), &search.withheld()).await.map_err(Miss::Failed)?;
            Ok((keys, Some("process")))
        }
        Base::Sso => {
            let provider = ProfileFileCredentialsProvider::builder()
                .configure(&search.config())
                .profile_name(&plan.holder)
                .build();
            let keys = search.ask(provider).await.map_err(|cause| Miss::Failed(sso(&plan.holder, &cause)))?;
            Ok((keys, Some("SSO")))
        }
        Base::WebIdentity { role, file } => {
            let keys = workload::with_token(search, role, file).await.map_err(Miss::Failed)?;
            Ok((keys, Some("web identity")))
        }
        Base::Named(source) => {
            let found = match source.to_ascii_lowercase().as_str() {
                "environment" => super::sources::environment(search),
                "ec2instancemetadata" => workload::instance(search).await,
                "ecscontainer" => workload::container(search).await,
                _ => Err(Miss::Failed(
                    "is not one of Environment, Ec2InstanceMetadata, EcsContainer".to_owned(),
                )),
            };
            let told =
                |miss: Miss| Miss::Failed(format!("its `credential_source = {source}`: {}", miss.why()));
            Ok((found.map_err(told)?, Some("credential source")))
        }
    }
}

/// Says what is wrong with an SSO session.
fn sso(profile: &str, cause: &Cause) -> String {
    let login = format!("run `aws sso login --profile {profile}`");
    if cause.says("ProfileFile provider could not be built") || cause.says("`sso_account_id`") {
        return format!(
            "the SSO settings of `{profile}` are not complete; it needs `sso_session` (with its section), \
             `sso_account_id` and `sso_role_name`"
        );
    }
    if cause.says("was not defined") {
        return format!("the SSO settings of `{profile}` lack `sso_region` or `sso_start_url`");
    }
    if cause.says("cached SSO token") && !cause.says("expired") {
        return format!("~/.aws/sso/cache holds no SSO session for it; {login}");
    }
    match cause.code() {
        Some("UnauthorizedException") => format!("its SSO session has expired; {login}"),
        Some("ForbiddenException" | "ResourceNotFoundException") => format!(
            "SSO does not let you use the account and role of `{profile}`; check `sso_account_id` and \
             `sso_role_name`, and the assignment in IAM Identity Center"
        ),
        Some(code) => format!("the SSO portal answered {code}; {login}"),
        None if cause.says("expired") => format!("its SSO session has expired; {login}"),
        None if cause.is_unreachable() => {
            "the SSO portal cannot be reached; check `sso_region` and the network".to_owned()
        }
        None => format!("its SSO session cannot be used; {login}"),
    }
}
