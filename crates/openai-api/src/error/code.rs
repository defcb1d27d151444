//! OpenAI's `code` of an error.

macro_rules! codes {
    ($($code:ident $name:literal)*) => {
        /// What went wrong, as programs tell it: every `code` that a reply can have.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $(#[doc = concat!("`", $name, "`.")] $code,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// The word that clients see.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)*
                }
            }
        }
    };
}

// What each means and what to do about it stands in docs/operations.md: `cargo xtask docs --check` compares.
codes! {
    ContextLengthExceeded "context_length_exceeded"
    DecimalAboveMaxValue "decimal_above_max_value"
    DecimalBelowMinValue "decimal_below_min_value"
    EmptyArray "empty_array"
    EmptyString "empty_string"
    HeadTooLarge "head_too_large"
    HostNotAllowed "host_not_allowed"
    IntegerAboveMaxValue "integer_above_max_value"
    IntegerBelowMinValue "integer_below_min_value"
    InternalError "internal_error"
    InvalidApiKey "invalid_api_key"
    InvalidBody "invalid_body"
    InvalidRequest "invalid_request"
    MalformedRequest "malformed_request"
    MethodNotAllowed "method_not_allowed"
    MissingRequiredParameter "missing_required_parameter"
    ModelError "model_error"
    ModelNotFound "model_not_found"
    ModelNotReady "model_not_ready"
    ModelOutputMalformed "model_output_malformed"
    ModelStreamError "model_stream_error"
    ModelTimeout "model_timeout"
    OriginNotAllowed "origin_not_allowed"
    QuotaExceeded "quota_exceeded"
    RateLimitExceeded "rate_limit_exceeded"
    RequestTimeout "request_timeout"
    RequestTooLarge "request_too_large"
    ServerIsOverloaded "server_is_overloaded"
    ServerOverloaded "server_overloaded"
    ServerShuttingDown "server_shutting_down"
    StringAboveMaxLength "string_above_max_length"
    UnknownUrl "unknown_url"
    UnsupportedContentEncoding "unsupported_content_encoding"
    UnsupportedContentType "unsupported_content_type"
    UnsupportedParameter "unsupported_parameter"
    UpstreamAccessDenied "upstream_access_denied"
    UpstreamConnectTimeout "upstream_connect_timeout"
    UpstreamCorrupt "upstream_corrupt"
    UpstreamCredentialsRejected "upstream_credentials_rejected"
    UpstreamCredentialsUnavailable "upstream_credentials_unavailable"
    UpstreamError "upstream_error"
    UpstreamIncomplete "upstream_incomplete"
    UpstreamProtocol "upstream_protocol"
    UpstreamTimeout "upstream_timeout"
    UpstreamTls "upstream_tls"
    UpstreamTooLarge "upstream_too_large"
    UpstreamUnreachable "upstream_unreachable"
    UriTooLong "uri_too_long"
}
