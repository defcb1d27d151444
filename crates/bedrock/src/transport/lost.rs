//! Calls whose answers are lost, which Bedrock may bill all the same.

use chat::{Error, ErrorKind, Repeat, Vital};

/// Kinds of failure that only come of an answer that was begun, or waited for.
const OF_ANSWERS: [ErrorKind; 5] =
    [ErrorKind::Timeout, ErrorKind::Incomplete, ErrorKind::Corrupt, ErrorKind::Protocol, ErrorKind::TooLarge];

/// Counts a failed call where it was sent and its answer was lost. What Bedrock itself refuses is no loss, and who fails
/// without a connection has sent nothing.
pub(crate) fn lost(error: Error) -> Error {
    let broke = error.kind() == ErrorKind::Upstream && error.may_repeat() != Repeat::Safe;
    if broke || OF_ANSWERS.contains(&error.kind()) {
        Vital::AnswerLost.count();
    }
    error
}
