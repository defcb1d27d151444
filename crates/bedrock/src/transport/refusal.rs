//! What the operator can do where AWS refuses the gateway.
//!
//! Sources: the [common errors](https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html) and the
//! [actions](https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html) of Bedrock.

use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use http::header::{DATE, HeaderMap};

use crate::translate::{Operation, ServiceError};

/// Whether AWS found the time of a signature too far from its own.
pub(super) fn is_of_time(error: &ServiceError) -> bool {
    let said = |text: &str| error.message.contains(text);
    matches!(error.code.as_str(), "RequestExpired" | "RequestTimeTooSkewed" | "RequestInTheFuture")
        || said("Signature expired")
        || said("Signature not yet current")
}

/// When the upstream answered, by its own clock.
pub(super) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    let text = headers.get(DATE)?.to_str().ok()?;
    DateTime::from_str(text, Format::HttpDate).ok()?.try_into().ok()
}

/// The IAM action that was missing, as AWS names it, or else the operation's own.
pub(super) fn action(error: &ServiceError, operation: Operation) -> &str {
    let named = error.message.split_once("not authorized to perform: ").map(|(_, rest)| rest);
    let named = named.and_then(|rest| rest.split([' ', ',']).next()).filter(|action| action.contains(':'));
    named.unwrap_or(match operation {
        Operation::Converse => "bedrock:InvokeModel",
        Operation::ConverseStream => "bedrock:InvokeModelWithResponseStream",
    })
}

/// What to do where access was denied.
pub(super) fn of_denial(error: &ServiceError) -> &'static str {
    let said = |text: &str| error.message.contains(text);
    if said("explicit deny") {
        "a policy denies this explicitly; look at service control policies and permission boundaries too"
    } else if said("don't have access to the model") || said("model access") {
        "the account has no access to the model; open it in the catalog of the Bedrock console and accept its terms"
    } else if said("API Key") || said("bearer") {
        "the API key is wrong or has ended; make a new one, and allow `bedrock:CallWithBearerToken`"
    } else {
        "allow the action on the model, and on the inference profile and its models in all regions"
    }
}

/// What to do where the credentials were rejected.
pub(super) fn of_rejection(error: &ServiceError) -> &'static str {
    match error.code.as_str() {
        "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => {
            "the session has ended and nothing renewed it; see the line about its renewal"
        }
        "UnrecognizedClientException" | "InvalidClientTokenId" => {
            "AWS does not know the access key, or its session token is missing or of other keys; look for a key that \
             was deleted, and for another partition"
        }
        _ if is_of_time(error) => "the machine's clock is off; set it by NTP",
        _ => {
            "the secret access key does not belong to the access key id, or something on the way changed the request"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, message: &str) -> ServiceError {
        ServiceError { code: code.to_owned(), status: Some(403), message: message.to_owned() }
    }

    #[test]
    fn the_missing_action_is_named_as_aws_names_it_or_else_by_the_operation() {
        let said = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: bedrock:ApplyGuardrail on \
                    resource: arn:aws:bedrock:us-east-1:123456789012:guardrail/a";
        let error = refused("AccessDeniedException", said);
        assert_eq!(action(&error, Operation::Converse), "bedrock:ApplyGuardrail");
        let error = refused("AccessDeniedException", "no");
        assert_eq!(action(&error, Operation::Converse), "bedrock:InvokeModel");
        assert_eq!(action(&error, Operation::ConverseStream), "bedrock:InvokeModelWithResponseStream");
    }

    #[test]
    fn each_refusal_has_its_advice() {
        for (code, message, advice) in [
            (
                "ExpiredTokenException",
                "The security token included in the request is expired",
                "session has ended",
            ),
            ("UnrecognizedClientException", "The security token is invalid.", "does not know the access key"),
            (
                "InvalidSignatureException",
                "The request signature we calculated",
                "secret access key does not",
            ),
            ("InvalidSignatureException", "Signature expired: a is now earlier than b", "clock is off"),
        ] {
            let said = of_rejection(&refused(code, message));
            assert!(said.contains(advice), "{code}: {said}");
        }
        for (message, advice) in [
            ("x with an explicit deny in a service control policy", "denies this explicitly"),
            (
                "You don't have access to the model with the specified model ID.",
                "catalog of the Bedrock console",
            ),
            ("Authentication failed: Please make sure your API Key is valid.", "CallWithBearerToken"),
            ("User: x is not authorized to perform: bedrock:InvokeModel", "allow the action"),
        ] {
            let said = of_denial(&refused("AccessDeniedException", message));
            assert!(said.contains(advice), "{message}: {said}");
        }
    }
}
