//! What is left of secrets in the memory of the process once nobody holds them. One test, because the process is
//! looked at as a whole.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed assertion names its case")]

use std::fs::File;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;

use secrecy::zeroize::Zeroizing;
use secrets::{Environment, StoreKinds, Stores, resolve};

/// What covers the texts here, so that the test itself does not hold what it looks for.
const COVER: u8 = 0x15;

/// How much of the memory is looked at in one go.
const PIECE: usize = 1 << 20;

/// A text of 64 characters that stands nowhere else, covered.
fn covered(seed: u8) -> Vec<u8> {
    let mut state = u32::from(seed);
    let letters = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0] % 26
    });
    letters.take(64).map(|letter| (b'a' + letter) ^ COVER).collect()
}

fn uncovered(text: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.iter().map(|byte| byte ^ COVER).collect())
}

/// How often each covered text stands uncovered in what the process may write to.
fn copies(texts: &[Vec<u8>]) -> Vec<usize> {
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    // The allocator leaves its marks at the ends of what is freed.
    let texts: Vec<&[u8]> = texts.iter().map(|text| &text[16..48]).collect();
    let mut found = vec![0; texts.len()];
    let mut piece = vec![0; PIECE];
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        if !rest.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let [mut at, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
        while at < end {
            let length = PIECE.min(usize::try_from(end - at).unwrap());
            // What nobody has touched yet is zero, which takes no time to see.
            if memory.read_exact_at(&mut piece[..length], at).is_ok() && piece != vec![0; PIECE] {
                for (text, found) in texts.iter().zip(&mut found) {
                    *found += occurrences(text, &piece[..length]);
                }
            }
            // What was read here is no copy of the program's own.
            piece.fill(0);
            let step = if length == PIECE { length - 31 } else { length };
            at += u64::try_from(step).unwrap();
        }
    }
    found
}

fn occurrences(of: &[u8], bytes: &[u8]) -> usize {
    let is_first = |at: &usize| {
        let window = bytes.get(*at..*at + of.len());
        window.is_some_and(|window| window.iter().zip(of).all(|(one, other)| one ^ COVER == *other))
    };
    memchr::memchr_iter(of[0] ^ COVER, bytes).filter(is_first).count()
}

fn write(path: &Path, before: &str, text: &[u8], after: &str) {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    bytes.extend_from_slice(before.as_bytes());
    bytes.extend_from_slice(&uncovered(text));
    bytes.extend_from_slice(after.as_bytes());
    std::fs::write(path, &*bytes).unwrap();
}

const MANIFEST: &str = "
version: v1
kind: Spicepod
name: demo
secrets:
  - { from: env, name: env }
  - { from: 'file:files', name: files }
runtime:
  auth:
    api-key:
      keys: ['${ env:CALLER }']
models:
  - from: bedrock:amazon.nova-lite-v1:0
    name: nova
    params:
      aws_access_key_id: AKIAIOSFODNN7EXAMPLE
      aws_secret_access_key: ${ files:SECRET }
      aws_session_token: part of one, ${ env:TOKEN } and ${ env:QUOTED }, and more behind it
";

#[tokio::test]
async fn what_held_a_secret_is_wiped_when_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("files")).unwrap();
    // Nobody else may reach them, which would be a warning.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let texts: Vec<Vec<u8>> = (1..=4).map(covered).collect();
    write(&folder.path().join("files/SECRET"), "", &texts[0], "\n");
    write(&folder.path().join(".env"), "CALLER=", &texts[1], "\n");
    write(&folder.path().join(".env.local"), "# of this machine\nTOKEN=", &texts[2], " # a note\n");
    write(&folder.path().join(".env.production"), "QUOTED=\"\\n", &texts[3], "\\n\"\n");
    let manifest = MANIFEST
        .replace(
            "secrets:",
            "secrets:\n  - { from: env, name: production, params: { file_path: .env.production } }",
        )
        .replace("env:QUOTED", "production:QUOTED");
    std::fs::write(folder.path().join("spicepod.yaml"), manifest).unwrap();

    let loaded = spicepod::load(folder.path());
    let (environment, problems) = Environment::process(folder.path());
    assert!(problems.is_empty() && loaded.problems.is_empty(), "{problems:?} {:?}", loaded.problems);
    let (stores, problems) = Stores::open(&loaded.spicepod.secrets, &environment, &StoreKinds::default());
    assert!(problems.is_empty(), "{problems:?}");
    let (resolved, problems) = resolve(&loaded.spicepod, &stores, &|_| false).await;
    assert!(problems.is_empty(), "{problems:?}");
    let held = copies(&texts);
    assert!(held.iter().all(|copies| *copies > 0), "the look does not find what is there: {held:?}");
    drop((resolved, stores, environment, loaded));
    assert_eq!(copies(&texts), [0; 4], "of {held:?}");
}
