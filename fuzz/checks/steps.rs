//! An input as a list of steps: each is a letter, and a number behind it where there is one.

/// More steps say nothing new, and take their time.
const MOST: usize = 1000;

/// Reads steps; what is neither a letter nor a number is passed over. Numbers have five digits at most.
pub(crate) fn steps(bytes: &[u8]) -> Vec<(u8, u64)> {
    let mut steps: Vec<(u8, u64)> = Vec::new();
    let mut digits = 0;
    for byte in bytes {
        match byte {
            b'a'..=b'z' if steps.len() == MOST => break,
            b'a'..=b'z' => {
                steps.push((*byte, 0));
                digits = 0;
            }
            b'0'..=b'9' if digits < 5 => {
                if let Some((_, number)) = steps.last_mut() {
                    *number = *number * 10 + u64::from(byte - b'0');
                    digits += 1;
                }
            }
            _ => {}
        }
    }
    steps
}

/// Which of so many a number means.
pub(crate) fn nth(number: u64, of: usize) -> Option<usize> {
    let of = u64::try_from(of).ok().filter(|of| *of > 0)?;
    usize::try_from(number % of).ok()
}
