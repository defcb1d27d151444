//! What the shared configuration files and the instance say, where the manifest says nothing.

use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::ProfileFileRegionProvider;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};

/// Finds the region of a profile, or else of the instance.
pub async fn default_region(profile: Option<&str>) -> Option<String> {
    let mut files = ProfileFileRegionProvider::builder();
    if let Some(name) = profile {
        files = files.profile_name(name);
    }
    if let Some(region) = files.build().region().await {
        return Some(region.to_string());
    }
    let region = ImdsRegionProvider::builder().build().region().await?;
    Some(region.to_string())
}

/// Says whether a profile stands in the shared files, and names those that do.
///
/// # Errors
///
/// The names of the profiles that exist, or why the files cannot be read.
pub async fn profile_exists(name: &str) -> Result<(), String> {
    let files = EnvConfigFiles::default();
    let profiles = aws_config::profile::load(&Fs::real(), &Env::real(), &files, None)
        .await
        .map_err(|error| format!("the shared configuration files cannot be read: {error}"))?;
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
