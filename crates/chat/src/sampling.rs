//! How a model chooses its tokens.

/// Sampling parameters and limits; what is absent is left to the model's own default.
///
/// Ranges are the provider's to check, because they differ by model: a value here is a number and nothing more.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    /// The most tokens to generate.
    pub max_tokens: Option<u32>,
    /// Randomness, from 0.
    pub temperature: Option<f64>,
    /// Nucleus sampling: the probability mass to consider, 0 to 1.
    pub top_p: Option<f64>,
    /// The number of candidate tokens to consider.
    pub top_k: Option<u32>,
    /// Texts that end the answer; they are not part of it. An empty list takes defaults away.
    pub stop: Option<Vec<String>>,
}

impl Sampling {
    /// Fills what is absent from `defaults`; a value that is present always wins.
    pub fn or(self, defaults: &Self) -> Self {
        Self {
            max_tokens: self.max_tokens.or(defaults.max_tokens),
            temperature: self.temperature.or(defaults.temperature),
            top_p: self.top_p.or(defaults.top_p),
            top_k: self.top_k.or(defaults.top_k),
            stop: self.stop.or_else(|| defaults.stop.clone()),
        }
    }
}
