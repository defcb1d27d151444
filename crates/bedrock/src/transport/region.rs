//! What the shared configuration files and the instance say, where the manifest says nothing.

use std::path::PathBuf;
use std::time::Duration;

use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::{ProfileFileRegionProvider, ProfileSet};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_runtime::env_config::property::PropertiesKey;
use aws_types::os_shim_internal::{Env, Fs};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long it holds what the instance said of its region, or that it said nothing: the models of a manifest ask one
/// after the other, and a metadata service that is not there takes seconds.
const INSTANCE_REGION_HOLDS: Duration = Duration::from_secs(30);

static INSTANCE_REGION: Mutex<Option<(Instant, Option<String>)>> = Mutex::const_new(None);

/// The shared configuration files, whether they are there or not.
///
/// Source: [their locations](https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html).
pub fn shared_files() -> Vec<PathBuf> {
    let environment = Env::real();
    let variable = |name: &str| environment.get(name).ok().filter(|value| !value.is_empty());
    let home = variable("HOME").map(|home| PathBuf::from(home).join(".aws"));
    let of = |name: &str, file: &str| {
        variable(name).map(PathBuf::from).or_else(|| home.as_ref().map(|home| home.join(file)))
    };
    let files = [of("AWS_CONFIG_FILE", "config"), of("AWS_SHARED_CREDENTIALS_FILE", "credentials")];
    files.into_iter().flatten().collect()
}

/// Finds the region of a profile, or else of the instance.
pub async fn default_region(profile: Option<&str>) -> Option<String> {
    let mut files = ProfileFileRegionProvider::builder();
    if let Some(name) = profile {
        files = files.profile_name(name);
    }
    if let Some(region) = files.build().region().await {
        return Some(region.to_string());
    }
    instance_region().await
}

async fn instance_region() -> Option<String> {
    let mut known = INSTANCE_REGION.lock().await;
    if let Some((_, region)) = known.as_ref().filter(|(at, _)| at.elapsed() < INSTANCE_REGION_HOLDS) {
        return region.clone();
    }
    let region = ImdsRegionProvider::builder().build().region().await.map(|region| region.to_string());
    *known = Some((Instant::now(), region.clone()));
    region
}

/// Finds the endpoint that a profile, or else the selected one, names for Bedrock or for all services.
///
/// Source: [service-specific endpoints](https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html).
pub async fn profile_endpoint(profile: Option<&str>) -> Option<String> {
    let profiles = profiles().await.ok()?;
    let profile = profiles.get_profile(profile.unwrap_or(profiles.selected_profile()))?;
    if profile.get("ignore_configured_endpoint_urls").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    {
        return None;
    }
    let of_service = profile.get("services").and_then(|services| {
        let key = PropertiesKey::builder()
            .section_key("services")
            .section_name(services)
            .property_name("bedrock_runtime")
            .sub_property_name("endpoint_url")
            .build()
            .ok()?;
        profiles.other_sections().get(&key).map(ToString::to_string)
    });
    of_service.or_else(|| profile.get("endpoint_url").map(ToOwned::to_owned))
}

/// Says whether a profile stands in the shared files, and names those that do.
///
/// # Errors
///
/// The names of the profiles that exist, or why the files cannot be read.
pub async fn profile_exists(name: &str) -> Result<(), String> {
    let profiles = profiles().await?;
    if profiles.get_profile(name).is_some() {
        return Ok(());
    }
    let mut names: Vec<&str> = profiles.profiles().collect();
    names.sort_unstable();
    Err(if names.is_empty() {
        "the shared configuration files hold no profiles".to_owned()
    } else {
        format!("the shared configuration files hold: {}", names.join(", "))
    })
}

pub(super) async fn profiles() -> Result<ProfileSet, String> {
    aws_config::profile::load(&Fs::real(), &Env::real(), &EnvConfigFiles::default(), None)
        .await
        .map_err(|error| format!("the shared configuration files cannot be read: {error}"))
}
