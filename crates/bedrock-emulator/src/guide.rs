//! How to use an emulator, for people.

use std::net::SocketAddr;

use crate::config::{
    ACCESS_KEY_ID, BEARER_KEY, BLOCKED_IN_ANSWERS, BLOCKED_IN_PROMPTS, GUARDRAIL_ID, SECRET_ACCESS_KEY,
};

/// Says which keys an emulator knows, and how to point an SDK at it.
pub fn guide(address: SocketAddr) -> String {
    format!(
        "Any AWS SDK reaches it with\n\n    \
         export AWS_ENDPOINT_URL_BEDROCK_RUNTIME=http://{address}\n    \
         export AWS_REGION=us-east-1\n    \
         export AWS_DEFAULT_REGION=us-east-1\n    \
         export AWS_ACCESS_KEY_ID={ACCESS_KEY_ID}\n    \
         export AWS_SECRET_ACCESS_KEY={SECRET_ACCESS_KEY}\n\n\
         or with the API key {BEARER_KEY}. The guardrail {GUARDRAIL_ID} (versions DRAFT and 1) blocks\n\
         {BLOCKED_IN_PROMPTS} in prompts and {BLOCKED_IN_ANSWERS} in answers. `repeat 50 word` answers with\n\
         50 words, and `say hello` with hello. A tool that the prompt speaks of is called.\n"
    )
}
