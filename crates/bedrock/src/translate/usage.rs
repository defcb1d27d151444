//! What Bedrock says that an answer cost.

use chat::Usage;

use crate::wire::reply::TokenUsage;

/// Translates a count. A negative number would be a defect of the upstream, and never becomes a credit.
pub(super) fn usage(usage: &TokenUsage) -> Usage {
    let count = |tokens: Option<i64>| tokens.and_then(|tokens| u64::try_from(tokens).ok()).unwrap_or(0);
    let TokenUsage { input_tokens, output_tokens, cache_read_input_tokens, cache_write_input_tokens } = usage;
    Usage {
        input_tokens: count(*input_tokens),
        output_tokens: count(*output_tokens),
        cache_read_tokens: count(*cache_read_input_tokens),
        cache_write_tokens: count(*cache_write_input_tokens),
    }
}
