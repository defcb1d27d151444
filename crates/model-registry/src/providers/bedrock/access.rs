//! Whose name a model is called in.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bedrock::{
    AssumeRole, CredentialSource, Credentials, HalfPair, Identity, KeysFrom, Shared, WeakIdentity,
};

use crate::params::Reader;
use crate::provider::Context;

const KEY_ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
const TOKEN: &str = "aws_session_token";
const PROFILE: &str = "aws_profile";
const ROLE_SOURCE: &str = "aws_iam_role_source";
const BEARER: &str = "aws_bearer_token_bedrock";
const ROLE_ARN: &str = "aws_assume_role_arn";
const ROLE_SESSION: &str = "aws_assume_role_session_name";
const ROLE_EXTERNAL_ID: &str = "aws_assume_role_external_id";

/// Finds the source of credentials; `None` where the parameters contradict each other.
pub(super) async fn credentials(context: Context<'_>, reader: &mut Reader<'_>) -> Option<Credentials> {
    if let Some(emulator) = &context.options.emulator {
        let source = CredentialSource::Keys {
            access_key_id: emulator.access_key_id.clone(),
            secret_access_key: emulator.secret_access_key.clone(),
            session_token: None,
            from: KeysFrom::Manifest,
        };
        return Some(Credentials { source, assume_role: None });
    }
    let assume_role = assume_role(reader);
    let source = source(context, reader).await;
    let credentials = Credentials { source: source?, assume_role: assume_role? };
    if credentials.assume_role.is_some() && matches!(credentials.source, CredentialSource::Bearer(_)) {
        reader.error(
            ROLE_ARN,
            "cannot be assumed with an API key",
            "give an access key, a profile or nothing instead",
        );
        return None;
    }
    Some(credentials)
}

async fn source(context: Context<'_>, reader: &mut Reader<'_>) -> Option<CredentialSource> {
    let explicit = [KEY_ID, SECRET, TOKEN].into_iter().any(|name| reader.has(name));
    if explicit {
        return explicit_keys(reader);
    }
    if reader.has(BEARER) {
        let others = [PROFILE, ROLE_SOURCE].into_iter().find(|name| reader.has(name));
        if let Some(other) = others {
            reader.error(BEARER, format!("and `{other}` contradict each other"), "keep one of them");
            return None;
        }
        return reader.secret(BEARER).map(CredentialSource::Bearer);
    }
    if reader.has(PROFILE) {
        if reader.has(ROLE_SOURCE) {
            reader.error(ROLE_SOURCE, format!("and `{PROFILE}` contradict each other"), "keep one of them");
            return None;
        }
        return profile(reader).await;
    }
    match reader.choice(ROLE_SOURCE) {
        Some("metadata") => return Some(CredentialSource::Metadata),
        Some("env") => return Some(CredentialSource::Environment),
        Some(_) => {}
        None if reader.has(ROLE_SOURCE) => return None,
        None => {}
    }
    let token = context.environment.get_secret("AWS_BEARER_TOKEN_BEDROCK");
    // An API key assumes no role, and a role that the manifest names is meant.
    if let Some(token) = token.filter(|_| !reader.has(ROLE_ARN)) {
        return Some(CredentialSource::Bearer(token));
    }
    if let Some(keys) = keys_of_stores(context, reader).await {
        return Some(keys);
    }
    Some(CredentialSource::Chain {
        profile: context.environment.get("AWS_PROFILE").filter(|name| !name.is_empty()),
    })
}

fn explicit_keys(reader: &mut Reader<'_>) -> Option<CredentialSource> {
    for (name, missing) in [(KEY_ID, SECRET), (SECRET, KEY_ID), (TOKEN, KEY_ID)] {
        if reader.has(name) && !reader.has(missing) {
            let help = format!("add `{missing}`, or remove `{name}` to use another source");
            reader.error(name, format!("stands without `{missing}`"), help);
            return None;
        }
    }
    for name in [PROFILE, BEARER, ROLE_SOURCE] {
        if reader.has(name) {
            reader.error(name, format!("and `{KEY_ID}` contradict each other"), "keep one of them");
            return None;
        }
    }
    Some(CredentialSource::Keys {
        access_key_id: reader.secret(KEY_ID)?,
        secret_access_key: reader.secret(SECRET)?,
        session_token: if reader.has(TOKEN) { Some(reader.secret(TOKEN)?) } else { None },
        from: KeysFrom::Manifest,
    })
}

async fn profile(reader: &mut Reader<'_>) -> Option<CredentialSource> {
    let name = reader.text(PROFILE)?;
    if let Err(known) = bedrock::profile_exists(&name).await {
        let shown = reader.shown(PROFILE, &name);
        reader.error(PROFILE, format!("names a profile that does not exist: {shown}"), known);
        return None;
    }
    Some(CredentialSource::Profile(name))
}

/// Looks the keys up in the secret stores, all three together. Half a pair is a source that does not work: it is
/// told, and the next one is tried.
async fn keys_of_stores(context: Context<'_>, reader: &mut Reader<'_>) -> Option<CredentialSource> {
    let access_key_id = context.stores.get(KEY_ID).await;
    let secret_access_key = context.stores.get(SECRET).await;
    let session_token = context.stores.get(TOKEN).await;
    let pair = CredentialSource::of_keys(access_key_id, secret_access_key, session_token, KeysFrom::Stores);
    let (there, missing) = match pair {
        Ok(keys) => return keys,
        Err(HalfPair::WithoutSecret) => (KEY_ID, SECRET),
        Err(HalfPair::WithoutId) => (SECRET, KEY_ID),
    };
    // A half in the environment itself is told by the search for credentials.
    let is_told =
        [KEY_ID, SECRET].iter().any(|name| context.environment.is_set_in_process(&name.to_ascii_uppercase()));
    if !is_told {
        let help = format!("add `{}` there, or remove both", missing.to_ascii_uppercase());
        let message =
            format!("is in the secret stores without `{missing}`, so the next source of credentials serves");
        reader.warn(there, message, help);
    }
    None
}

/// The role to assume; the outer `None` is a contradiction.
fn assume_role(reader: &mut Reader<'_>) -> Option<Option<AssumeRole>> {
    if !reader.has(ROLE_ARN) {
        for name in [ROLE_SESSION, ROLE_EXTERNAL_ID] {
            if reader.has(name) {
                reader.error(name, format!("stands without `{ROLE_ARN}`"), format!("add `{ROLE_ARN}`"));
                return None;
            }
        }
        return Some(None);
    }
    let arn = reader.text(ROLE_ARN);
    if let Some(arn) = &arn
        && !is_role_arn(arn)
    {
        let help = "write an ARN such as `arn:aws:iam::123456789012:role/bedrock`";
        reader.error(ROLE_ARN, "is not the ARN of a role", help);
    }
    let session_name = reader.text(ROLE_SESSION).unwrap_or_else(|| "spicerack".to_owned());
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_=,.@-".contains(c);
    if !(2..=64).contains(&session_name.len()) || !session_name.chars().all(allowed) {
        let help = "write 2 to 64 letters, digits and `_=,.@-`";
        reader.error(ROLE_SESSION, "is not a session name", help);
        return None;
    }
    let external_id = reader.text(ROLE_EXTERNAL_ID);
    Some(Some(AssumeRole { arn: arn?, session_name, external_id }))
}

fn is_role_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, service, region, account, resource] = parts.as_slice() else { return false };
    *arn == "arn"
        && partition.starts_with("aws")
        && *service == "iam"
        && region.is_empty()
        && account.len() == 12
        && account.chars().all(|c| c.is_ascii_digit())
        && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty())
}

/// Names the source for people.
pub(super) fn describe(credentials: &Credentials, context: Context<'_>) -> String {
    if context.options.emulator.is_some() {
        return "emulator".to_owned();
    }
    credentials.describe()
}

/// The searches for credentials that models share. One ends with the last model that uses it.
#[derive(Default)]
pub(super) struct Searches(Mutex<HashMap<String, Vec<(Credentials, WeakIdentity)>>>);

impl Searches {
    /// Gives the search for a model's credentials, begun where no other model has the same ones for the same
    /// region: STS is asked there.
    pub(super) fn of(&self, credentials: &Credentials, region: &str, shared: &Shared) -> Identity {
        let mut searches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = searches.entry(region.to_owned()).or_default();
        // One that ended since the load began is of the same credentials as its successor.
        let mut known = same.iter().filter(|(known, _)| known.is_same(credentials));
        if let Some(identity) = known.find_map(|(_, identity)| identity.upgrade()) {
            return identity;
        }
        let identity = shared.identity(credentials, region);
        same.push((credentials.clone(), identity.downgrade()));
        identity
    }

    /// Forgets those that have ended: once for each load.
    pub(super) fn sweep(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, same| {
            same.retain(|(_, identity)| identity.upgrade().is_some());
            !same.is_empty()
        });
    }

    /// Begins all of them again.
    pub(super) fn renew(&self) {
        let searches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for identity in searches.values().flatten().filter_map(|(_, identity)| identity.upgrade()) {
            identity.renew();
        }
    }
}
