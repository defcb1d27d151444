//! Files that go while a manifest is read.

use super::*;

#[test]
fn a_file_that_goes_while_it_is_read_is_told_as_that_and_may_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let inside = |path: &str| {
        let mut loaded = Loaded::default();
        let at = Location::of_manifest().key("models").index(0).key("ref");
        // It was there when it was looked for.
        let read = loaded.inside(&folder.path().join(path), &MODEL, &at, folder.path());
        assert!(read.is_none());
        let [problem] = &loaded.problems[..] else { panic!("{:?}", loaded.problems) };
        (problem.message().to_owned(), problem.may_pass())
    };
    let (told, passing) = inside("models/model.yaml");
    assert!(told.ends_with("model.yaml went away while the manifest was read"), "{told}");
    assert!(passing);
    // Nobody learns what is elsewhere, whether it is there or not.
    for path in ["../model.yaml", "/nope/model.yaml", "models/../../model.yaml"] {
        let (told, passing) = inside(path);
        assert!(told.starts_with("the file lies outside the folder "), "{path}: {told}");
        assert!(!passing, "{path}");
    }
}

#[test]
fn a_file_that_is_no_manifest_is_wrong_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let large = std::fs::File::create(folder.path().join("large.yaml")).unwrap();
    large.set_len(most() + 1).unwrap();
    std::fs::create_dir(folder.path().join("folder.yaml")).unwrap();
    for (name, told) in [("large.yaml", "has 1048577 bytes"), ("folder.yaml", "is not a regular file")] {
        let mut loaded = Loaded::default();
        let at = Location::of_manifest().key("models").index(0).key("ref");
        assert!(loaded.inside(&folder.path().join(name), &MODEL, &at, folder.path()).is_none());
        let [problem] = &loaded.problems[..] else { panic!("{:?}", loaded.problems) };
        assert!(problem.message().contains(told), "{}", problem.message());
        assert!(!problem.may_pass(), "{name}");
    }
}
