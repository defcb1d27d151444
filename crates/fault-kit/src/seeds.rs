//! Random numbers that can be had again.

/// A sequence of numbers that depends on its seed alone (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Seeds(u64);

impl Seeds {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below `bound`; 0 where that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).checked_rem(bound).unwrap_or(0)
    }

    /// The next number of `range.0..range.1`.
    pub fn within(&mut self, (from, to): (u64, u64)) -> u64 {
        from.saturating_add(self.below(to.saturating_sub(from)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_again_and_another_gives_others() {
        let numbers = |seed| {
            let mut seeds = Seeds::new(seed);
            (0..20).map(|_| seeds.within((10, 1000))).collect::<Vec<_>>()
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
        assert!(numbers(7).iter().all(|number| (10..1000).contains(number)));
        assert_eq!(Seeds::new(1).below(0), 0);
    }
}
