use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::*;

const LIMITS: Limits = Limits { bytes: 10_000, entries: 10 };

#[derive(Clone, Copy)]
enum Item<'a> {
    File(&'a str, &'a [u8]),
    Folder(&'a str),
    Link(&'a str, &'a str),
    Other(EntryType, &'a str, &'a str),
}

fn header(kind: EntryType, path: &str, target: &str, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(size);
    let old = header.as_old_mut();
    old.name[..path.len()].copy_from_slice(path.as_bytes());
    old.linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.set_cksum();
    header
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn tar(items: &[Item<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for item in items {
        let (kind, path, target, content) = match *item {
            Item::File(path, content) => (EntryType::Regular, path, "", content),
            Item::Folder(path) => (EntryType::Directory, path, "", &b""[..]),
            Item::Link(path, target) => (EntryType::Symlink, path, target, &b""[..]),
            Item::Other(kind, path, target) => (kind, path, target, &b""[..]),
        };
        builder.append(&header(kind, path, target, content.len() as u64), content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn refusal(bytes: &[u8]) -> Option<Refusal> {
    match check(bytes, LIMITS, Path::new("")) {
        Ok(_) => None,
        Err(ArchiveError::Refused(refusal)) => Some(refusal),
        Err(ArchiveError::Unreadable(error)) => panic!("{error}"),
    }
}

#[track_caller]
fn check_items(items: &[Item<'_>], expected: Option<(&str, &'static str)>) {
    let expected = expected.map(|(path, reason)| Refusal::Entry { path: format!("{path:?}"), reason });
    assert_eq!(refusal(&gzip(&tar(items))), expected);
}

#[test]
fn ordinary_archives_pass() {
    check_items(
        &[
            Item::Folder("./"),
            Item::File("./main.tf", b"a"),
            Item::Folder("modules/net"),
            Item::File("modules/net/main.tf", b"b"),
            Item::Link("modules/net/shared.tf", "../../main.tf"),
            Item::Link("latest", "./modules"),
            Item::Link("dangling", "nowhere"),
            Item::File(".terraform.lock.hcl", b"c"),
            Item::File("main.tf", b"packed again"),
        ],
        None,
    );
    check_items(&[], None);
}

#[test]
fn paths_that_leave_the_tree_are_refused() {
    check_items(&[Item::File("../x", b"")], Some(("../x", "its path has ..")));
    check_items(&[Item::File("a/../../x", b"")], Some(("a/../../x", "its path has ..")));
    check_items(&[Item::Folder("..")], Some(("..", "its path has ..")));
    check_items(&[Item::File("/etc/x", b"")], Some(("/etc/x", "its path is absolute")));
    check_items(&[Item::File(".terraform/../../x", b"")], Some((".terraform/../../x", "its path has ..")));
}

#[test]
fn links_that_leave_the_tree_are_refused() {
    check_items(&[Item::Link("x", "/etc/passwd")], Some(("x", "it links to an absolute path")));
    check_items(&[Item::Link("x", "..")], Some(("x", "it links out of the tree")));
    check_items(&[Item::Link("a/x", "../../y")], Some(("a/x", "it links out of the tree")));
    check_items(&[Item::Link("a/x", "./.././../y")], Some(("a/x", "it links out of the tree")));
    check_items(&[Item::Link("x", "")], Some(("x", "it is a link to nothing")));
}

#[test]
fn chains_of_links_are_refused() {
    // d/l leads to the root, so that d/l/.. would be outside.
    let chain = [Item::Link("d/l", ".."), Item::Link("x", "d/l/..")];
    check_items(&chain, Some(("x", "its target has .. behind a name")));
    let through = [Item::Link("a", "b"), Item::File("a/x", b"1")];
    check_items(&through, Some(("a/x", "it lies behind a link")));
    let backwards = [Item::File("a/x", b"1"), Item::Link("a", "b")];
    check_items(&backwards, Some(("a/x", "it lies behind a link")));
    // Seen from where a really is, b would be outside.
    let deeper = [Item::Folder("d"), Item::Link("e/a", "../d"), Item::Link("e/a/b", "..")];
    check_items(&deeper, Some(("e/a/b", "it lies behind a link")));
}

#[test]
fn a_path_is_one_thing_only() {
    let twice = "it is there twice, as different kinds of things";
    check_items(&[Item::File("a", b""), Item::Link("./a", "b")], Some(("a", twice)));
    check_items(&[Item::Link("a", "b"), Item::File("a", b"")], Some(("a", twice)));
    check_items(&[Item::Folder("a"), Item::File("a", b"")], Some(("a", twice)));
    check_items(&[Item::Link("a", "b"), Item::Link("a", "c")], Some(("a", "it is there twice as a link")));
    check_items(&[Item::File("a", b""), Item::File("a/b", b"")], Some(("a/b", "it lies below a file")));
}

#[test]
fn hard_links_and_devices_are_refused() {
    let hard = "it is a hard link; pack the file itself";
    check_items(&[Item::Other(EntryType::Link, "x", "/etc/shadow")], Some(("x", hard)));
    check_items(&[Item::File("a", b""), Item::Other(EntryType::Link, "x", "a")], Some(("x", hard)));
    for kind in [EntryType::Fifo, EntryType::Char, EntryType::Block] {
        let reason = "only files, folders and symbolic links are taken";
        check_items(&[Item::Other(kind, "x", "")], Some(("x", reason)));
    }
}

#[test]
fn what_agents_leave_out_may_be_anything() {
    let providers = ".terraform/providers/x";
    check_items(
        &[Item::Link(providers, "/plugin-cache/x"), Item::Other(EntryType::Fifo, "m/.terraform/p", "")],
        None,
    );
}

#[test]
fn long_names_and_targets_are_judged_whole() {
    let folder = format!("{}/", "d".repeat(120));
    let escape = format!("{folder}{}", "../".repeat(3));
    let mut builder = Builder::new(Vec::new());
    let mut link = Header::new_gnu();
    link.set_entry_type(EntryType::Symlink);
    link.set_size(0);
    builder.append_link(&mut link, format!("{folder}x"), &escape).unwrap();
    let found = refusal(&gzip(&builder.into_inner().unwrap()));
    assert!(
        matches!(found, Some(Refusal::Entry { reason: "its target has .. behind a name", .. })),
        "{found:?}"
    );

    let mut builder = Builder::new(Vec::new());
    let long = format!("{folder}{}", "n".repeat(256));
    builder.append_data(&mut header(EntryType::Regular, "", "", 1), &long, &b"x"[..]).unwrap();
    let found = refusal(&gzip(&builder.into_inner().unwrap()));
    assert!(matches!(found, Some(Refusal::Entry { reason: "its name is too long", .. })), "{found:?}");
    assert!(found.unwrap().to_string().len() < 300);
}

#[test]
fn extended_headers_are_judged() {
    let with_pax = |key: &str, value: &[u8]| {
        let mut builder = Builder::new(Vec::new());
        builder.append_pax_extensions([(key, value)]).unwrap();
        builder.append(&header(EntryType::Regular, "main.tf", "", 1), &b"x"[..]).unwrap();
        gzip(&builder.into_inner().unwrap())
    };
    assert_eq!(refusal(&with_pax("comment", b"harmless")), None);
    let escape = Refusal::Entry { path: "\"../../x\"".to_owned(), reason: "its path has .." };
    assert_eq!(refusal(&with_pax("path", b"../../x")), Some(escape));
    assert_eq!(refusal(&with_pax("size", b"99999999999")), Some(Refusal::TooLarge(LIMITS.bytes)));
    let found = refusal(&with_pax("path", b"a\0b"));
    assert!(matches!(found, Some(Refusal::Entry { reason: "its path has a zero byte", .. })), "{found:?}");
}

#[test]
fn an_extended_target_is_judged() {
    let mut builder = Builder::new(Vec::new());
    builder.append_pax_extensions([("linkpath", &b"../../etc"[..])]).unwrap();
    builder.append(&header(EntryType::Symlink, "d/x", "harmless", 0), &b""[..]).unwrap();
    let expected = Refusal::Entry { path: "\"d/x\"".to_owned(), reason: "it links out of the tree" };
    assert_eq!(refusal(&gzip(&builder.into_inner().unwrap())), Some(expected));
}

#[test]
fn a_header_that_would_fill_the_memory_is_refused() {
    for kind in [EntryType::XHeader, EntryType::GNULongName, EntryType::GNULongLink] {
        let mut builder = Builder::new(Vec::new());
        let size = 2 * meter::MAX_HEADER;
        builder.append(&header(kind, "x", "", size), io::repeat(b'1').take(size)).unwrap();
        let archive = gzip(&builder.into_inner().unwrap());
        let limits = Limits { bytes: 1 << 30, entries: 10 };
        let found = check(&archive[..], limits, Path::new(""));
        assert!(matches!(found, Err(ArchiveError::Refused(Refusal::LongHeader(_)))), "{kind:?} {found:?}");
    }
}

#[test]
fn bombs_are_refused() {
    let large = vec![0; 10_001];
    assert_eq!(refusal(&gzip(&tar(&[Item::File("a", &large)]))), Some(Refusal::TooLarge(10_000)));
    let half = vec![0; 6_000];
    let two = [Item::File("a", &half), Item::File("b", &half)];
    assert_eq!(refusal(&gzip(&tar(&two))), Some(Refusal::TooLarge(10_000)));
    // A size that nothing stands behind.
    let mut lie = header(EntryType::Regular, "a", "", u64::MAX / 2).as_bytes().to_vec();
    lie.extend_from_slice(&[0; 1024]);
    assert_eq!(refusal(&gzip(&lie)), Some(Refusal::TooLarge(10_000)));
    // Zeros behind the end of the archive count, too.
    let mut tail = tar(&[Item::File("a", b"1")]);
    tail.resize(tail.len() + 1_000_000, 0);
    assert_eq!(refusal(&gzip(&tail)), Some(Refusal::TooLarge(10_000)));
}

#[test]
fn a_sparse_file_counts_as_what_it_unpacks_to() {
    let sparse = |real_size: u64| {
        let mut header = header(EntryType::GNUSparse, "holes", "", 512);
        let gnu = header.as_gnu_mut().unwrap();
        let octal = |field: &mut [u8; 12], value: u64| {
            field[..11].copy_from_slice(format!("{value:011o}").as_bytes());
        };
        octal(&mut gnu.sparse[0].offset, real_size - 512);
        octal(&mut gnu.sparse[0].numbytes, 512);
        octal(&mut gnu.realsize, real_size);
        header.set_cksum();
        let mut builder = Builder::new(Vec::new());
        builder.append(&header, &[1; 512][..]).unwrap();
        gzip(&builder.into_inner().unwrap())
    };
    assert_eq!(refusal(&sparse(4096)), None);
    assert_eq!(refusal(&sparse(1 << 30)), Some(Refusal::TooLarge(10_000)));
}

#[test]
fn too_many_entries_are_refused() {
    let names: Vec<String> = (0..11).map(|number| format!("f{number}")).collect();
    let items: Vec<Item<'_>> = names.iter().map(|name| Item::File(name, b"")).collect();
    assert_eq!(refusal(&gzip(&tar(&items[..10]))), None);
    assert_eq!(refusal(&gzip(&tar(&items))), Some(Refusal::TooManyEntries(10)));
}

#[test]
fn what_is_no_archive_is_refused() {
    for bytes in [&b""[..], b"\x1f", b"PK\x03\x04 a zip archive, not gzip", &[0; 4096]] {
        assert_eq!(refusal(bytes), Some(Refusal::NotGzip));
    }
    let text = gzip(&b"resource \"x\" \"y\" {}\n".repeat(60));
    assert!(matches!(refusal(&text), Some(Refusal::NotTar(_))));
    assert!(matches!(refusal(&gzip(b"short")), Some(Refusal::NotTar(_))));
}

#[test]
fn a_cut_archive_is_refused_wherever_it_is_cut() {
    let content: Vec<u8> =
        (0..9_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let whole = gzip(&tar(&[Item::File("a.tf", &content)]));
    assert_eq!(refusal(&whole), None);
    for length in (20..whole.len()).step_by(97).chain([whole.len() - 1]) {
        assert!(refusal(&whole[..length]).is_some(), "cut at {length}");
    }
    let mut damaged = whole;
    let checksum = damaged.len() - 5;
    damaged[checksum] ^= 1;
    assert!(matches!(refusal(&damaged), Some(Refusal::Damaged(_))));
}

#[test]
fn a_failing_disk_is_not_the_fault_of_the_archive() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("no disk"))
        }
    }
    let whole = gzip(&tar(&[Item::File("a.tf", b"1")]));
    let found = check(whole[..30].chain(Failing), LIMITS, Path::new(""));
    assert!(matches!(found, Err(ArchiveError::Unreadable(_))), "{found:?}");
}

#[test]
fn the_text_of_the_folder_wins_over_that_of_the_root() {
    let items = [
        Item::File("other/README.md", b"other"),
        Item::File("./readme.md", b"# Root"),
        Item::File("net/README.md", b"# Net"),
    ];
    let archive = gzip(&tar(&items));
    let found = |folder: &str| check(&archive[..], LIMITS, Path::new(folder)).unwrap();
    assert_eq!(found("net").as_deref(), Some("# Net"));
    assert_eq!(found("").as_deref(), Some("# Root"));
    assert_eq!(found("elsewhere").as_deref(), Some("# Root"));
    let binary = gzip(&tar(&[Item::File("README.md", b"\xff\xfe"), Item::Folder("net")]));
    assert_eq!(check(&binary[..], LIMITS, Path::new("")).unwrap(), None);
}
