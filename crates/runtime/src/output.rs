//! Answers on stdout, everything else on stderr.

use std::io::{self, IsTerminal, Write};

/// Writes to stdout.
///
/// # Errors
///
/// Where stdout is closed, as behind `| head`.
pub(crate) fn answer(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Writes to stderr, as far as it is there.
pub(crate) fn tell(text: &str) {
    let mut stderr = io::stderr().lock();
    // Nothing is left to tell where stderr is gone.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Whether a person reads what goes to stdout.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Takes away what a terminal would obey: a model's answer is text, and never moves the cursor.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn escapes_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mred\u{7}\n\tb\u{9b}2J"), "a[31mred\n\tb2J");
    }
}
