//! What holds of any manifest: its problems can be shown, and what is refused is refused with an error.

/// Parses a manifest, and shows what is wrong with it.
///
/// # Panics
///
/// Where what comes of it breaks a rule.
pub(crate) fn check(text: &str) {
    let loaded = spicepod::parse("spicepod.yaml", text);
    let shown = loaded.sources.render(&loaded.problems);
    assert_eq!(shown.is_empty(), loaded.problems.is_empty());
    for problem in &loaded.problems {
        let shown = loaded.sources.render(std::slice::from_ref(problem));
        assert!(shown.starts_with("spicepod.yaml:"), "{shown}");
        assert!(!problem.is_error() || problem.advice().is_some(), "no help: {shown}");
        // The typed reader never has to refuse what the located one has let through.
        assert!(!shown.contains("cannot be read"), "{shown}");
    }
}
