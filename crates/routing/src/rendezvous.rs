//! Weighted rendezvous hashing: a key's order of preference among several names, without a table.
//!
//! Each name gets a score from its own hash and the key's, and the highest wins. A name that goes takes only its own
//! keys elsewhere, and gets the same ones back when it returns. Source: D. Thaler and C. Ravishankar, "Using
//! name-based mappings to increase hit rates" (1998), with the weights of J. Resch, "New hashing algorithms for data
//! storage" (2015).

/// Hashes a text. The standard library's hasher may change with its version, and processes must agree.
pub(crate) fn hash(text: &str) -> u64 {
    let fnv = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mix(fnv)
}

/// Spreads a change of any bit over all of them: the finalizer of `SplitMix64`.
pub(crate) fn mix(mut value: u64) -> u64 {
    value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// How much a key prefers a name; over many keys, a name wins as often as its weight says.
pub(crate) fn score(key: u64, name: u64, weight: u32) -> f64 {
    let high = u32::try_from(mix(key ^ name) >> 32).unwrap_or(u32::MAX);
    // Between 0 and 1, and neither of them.
    let uniform = (f64::from(high) + 0.5) / 4_294_967_296.0;
    f64::from(weight) / -uniform.ln()
}
