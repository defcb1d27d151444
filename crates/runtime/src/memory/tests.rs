//! Sizes, and files of control groups as kernels write them.

use super::*;

#[test]
fn sizes_have_units() {
    for (text, size) in [
        ("0", Some(0)),
        ("1048576", Some(1 << 20)),
        ("512MiB", Some(512 << 20)),
        ("2 GiB", Some(2 << 30)),
        ("1kB", Some(1000)),
        ("7B", Some(7)),
        ("", None),
        ("MiB", None),
        ("-1MiB", None),
        ("1.5GiB", None),
        ("512mib", None),
        ("99999999999GiB", None),
    ] {
        assert_eq!(parse_size(text).ok(), size, "{text}");
    }
}

#[test]
fn this_process_is_in_memory() {
    assert!(resident().unwrap() > 1 << 20);
}

fn limit(files: &[(&str, &str)]) -> Option<u64> {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    limit_by(&|path| std::fs::read_to_string(root.path().join(path.strip_prefix("/").ok()?)).ok())
}

#[test]
fn the_smallest_limit_of_a_group_and_those_above_it_counts() {
    let second = ("proc/self/cgroup", "0::/a/b\n");
    let first = ("proc/self/cgroup", "5:cpu:/x\n4:memory,hugetlb:/docker/id\n0::/\n");
    let own = ("sys/fs/cgroup/a/b/memory.max", "200\n");
    let above = ("sys/fs/cgroup/a/memory.max", "100\n");
    assert_eq!(limit(&[second, own, above]), Some(100));
    assert_eq!(limit(&[second, own, ("sys/fs/cgroup/a/memory.max", "max\n")]), Some(200));
    assert_eq!(limit(&[second, ("sys/fs/cgroup/memory.max", "300\n")]), Some(300), "in a container");
    assert_eq!(
        limit(&[("proc/self/cgroup", "0::/../..\n"), ("sys/fs/cgroup/memory.max", "300\n")]),
        Some(300)
    );
    assert_eq!(limit(&[first, ("sys/fs/cgroup/memory/memory.limit_in_bytes", "400\n")]), Some(400));
    let none = ("sys/fs/cgroup/memory/docker/id/memory.limit_in_bytes", "9223372036854771712\n");
    assert_eq!(limit(&[first, none]), None);
    assert_eq!(limit(&[second]), None);
    assert_eq!(limit(&[]), None);
}
