//! "Did you mean".

/// Words beyond this length have no near ones.
const LONGEST: usize = 100;

/// Finds the word that was probably meant: one that the given word begins, or the one with the fewest typing
/// errors between them, if those are few.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nothing that is longer was meant to be one of ours, and comparing it would take long.
    if word.chars().nth(LONGEST).is_some() {
        return None;
    }
    let word = word.to_lowercase();
    let distance = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        let begun = word.len() >= 4 && candidate.starts_with(&word);
        let distance = if begun { 1 } else { strsim::damerau_levenshtein(&candidate, &word) };
        (distance <= 1 + candidate.len() / 5).then_some(distance)
    };
    let near = candidates.into_iter().filter_map(|candidate| Some((distance(candidate)?, candidate)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn typing_errors_and_beginnings_find_the_word() {
        let words = ["temperature", "guardrail_identifier", "guardrail_version", "env"];
        assert_eq!(nearest("Temprature", words), Some("temperature"));
        assert_eq!(nearest("guardrail_id", words), Some("guardrail_identifier"));
        assert_eq!(nearest("enx", words), Some("env"));
        assert_eq!(nearest("frobnicate", words), None);
    }
}
