//! `spicerack schema`.

use snafu::ResultExt as _;

use super::error::{Error, OutputSnafu};
use crate::output;

/// Prints the JSON schema of the manifest.
pub(crate) fn schema() -> Result<(), Error> {
    let schema = spicepod::schema(&model_registry::params_schema());
    output::answer(&format!("{schema:#}\n")).context(OutputSnafu)
}
