//! Sampling parameters and limits.

use chat::{Error, ErrorKind, Field, Result, Sampling};

use super::notes::Notes;
use super::reasoning::{Forbids, Plan};
use crate::family::{Family, SamplingRule, TopK};
use crate::wire::request::InferenceConfig;

/// The largest `maxTokens` that the API's integer holds.
const MAX_TOKENS: u32 = i32::MAX.unsigned_abs();

/// The most stop sequences that the API takes.
const MAX_STOP_SEQUENCES: usize = 2500;

/// Checks the request defaults of a model, and gives the names of those that its family does not take.
///
/// # Errors
///
/// The name of the parameter to blame, as the manifest spells it, and what is wrong.
pub fn check_sampling(
    sampling: &Sampling,
    family: &Family,
) -> Result<Vec<&'static str>, (&'static str, String)> {
    let mut notes = Notes::default();
    match inference_config(sampling, family, &mut notes) {
        Ok(_) => Ok(notes.finish().0.iter().map(param_name).collect()),
        Err(error) => Err((error.field().map_or("maxTokens", param_name), error.message().to_owned())),
    }
}

fn param_name(field: &Field) -> &'static str {
    if *field == Field::Temperature {
        "temperature"
    } else if *field == Field::TopP {
        "topP"
    } else if *field == Field::TopK {
        "topK"
    } else if *field == Field::Stop {
        "stopSequences"
    } else {
        "maxTokens"
    }
}

/// A number of candidate tokens and where the family takes it.
pub(super) type PlacedTopK = Option<(TopK, u32)>;

/// Translates and checks the parameters.
///
/// # Errors
///
/// [`ErrorKind::InvalidRequest`] and [`ErrorKind::Unsupported`], at the parameter.
pub(super) fn inference_config<'a>(
    sampling: &'a Sampling,
    family: &Family,
    notes: &mut Notes,
) -> Result<(InferenceConfig<'a>, PlacedTopK)> {
    let Sampling { max_tokens, temperature, top_p, top_k, stop } = sampling;
    if max_tokens.is_some_and(|max| max == 0 || max > MAX_TOKENS) {
        return Err(invalid(Field::MaxTokens, format!("must be from 1 to {MAX_TOKENS}")));
    }
    in_unit_range(*temperature, Field::Temperature)?;
    in_unit_range(*top_p, Field::TopP)?;
    let stop = stop.as_deref().unwrap_or_default();
    check_stop(stop, family)?;
    let mut config = InferenceConfig {
        max_tokens: *max_tokens,
        temperature: *temperature,
        top_p: *top_p,
        stop_sequences: stop,
    };
    let mut top_k = *top_k;
    match family.sampling {
        SamplingRule::Both => {}
        SamplingRule::OneOf => {
            if config.temperature.is_some() && config.top_p.take().is_some() {
                notes.adjust(Field::TopP);
            }
        }
        SamplingRule::None => {
            if config.temperature.take().is_some() {
                notes.adjust(Field::Temperature);
            }
            if config.top_p.take().is_some() {
                notes.adjust(Field::TopP);
            }
            if top_k.take().is_some() {
                notes.adjust(Field::TopK);
            }
        }
    }
    match (top_k, family.top_k) {
        (None, _) => Ok((config, None)),
        (Some(_), TopK::None) => Err(Error::new(
            ErrorKind::Unsupported,
            format!("models of the family `{}` have no such parameter", family.name),
        )
        .at(Field::TopK)),
        (Some(value), place) => Ok((config, Some((place, value)))),
    }
}

pub(super) fn invalid(field: Field, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message).at(field)
}

fn in_unit_range(value: Option<f64>, field: Field) -> Result<()> {
    match value {
        Some(value) if !(0.0..=1.0).contains(&value) => {
            Err(invalid(field, format!("Amazon Bedrock takes numbers from 0 to 1, not {value}")))
        }
        _ => Ok(()),
    }
}

fn check_stop(stop: &[String], family: &Family) -> Result<()> {
    if stop.is_empty() {
        return Ok(());
    }
    if !family.stop {
        let message = format!("models of the family `{}` take no stop sequences", family.name);
        return Err(Error::new(ErrorKind::Unsupported, message).at(Field::Stop));
    }
    if stop.len() > MAX_STOP_SEQUENCES {
        let message = format!("at most {MAX_STOP_SEQUENCES} stop sequences, not {}", stop.len());
        return Err(invalid(Field::Stop, message));
    }
    Ok(())
}

/// Takes out what does not go together with thinking.
pub(super) fn make_room_for_thoughts(
    config: &mut InferenceConfig<'_>,
    top_k: &mut PlacedTopK,
    plan: &Plan,
    notes: &mut Notes,
) {
    if plan.forbids == Forbids::Nothing {
        return;
    }
    if config.temperature.take().is_some() {
        notes.adjust(Field::Temperature);
    }
    if config.top_p.take().is_some() {
        notes.adjust(Field::TopP);
    }
    if plan.forbids == Forbids::SamplingAndLimit {
        if config.max_tokens.take().is_some() {
            notes.adjust(Field::MaxTokens);
        }
    } else if top_k.take().is_some() {
        notes.adjust(Field::TopK);
    }
    config.max_tokens = plan.max_tokens.or(config.max_tokens);
}
