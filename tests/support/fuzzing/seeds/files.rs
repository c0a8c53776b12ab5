//! Seeds of the targets about paths.

use super::super::{Scene, Settings};

const READ: u8 = 0;
const CREATE: u8 = 1;
const REPLACE: u8 = 2;
const APPEND: u8 = 3;
const LIST: u8 = 4;
const RENAME: u8 = 6;
const REMOVE: u8 = 7;
const MAKE_DIRECTORY: u8 = 8;

/// Settings, an operation, and a path.
pub(super) fn paths() -> Vec<(&'static str, Vec<u8>)> {
    let path = |settings: Settings, operation, path: &str| {
        let [high, low] = settings.0.to_be_bytes();
        [&[high, low, operation], path.as_bytes()].concat()
    };
    let roots = Settings::ROOT.and(Settings::INNER_ROOT);
    let lists = Settings::FORBIDS
        .and(Settings::ALLOWS)
        .and(Settings::SUBTREES);
    // The same with this one of the stricter settings.
    let against = |stricter: u8, operation: u8| 9 * stricter + operation;
    vec![
        (
            "nested-roots",
            path(roots, against(6, READ), "/srv/notes/2024/may.md"),
        ),
        (
            "windows-root",
            path(
                roots.and(Settings::WINDOWS),
                against(5, READ),
                r"c:\SRV\notes\a/b.md",
            ),
        ),
        (
            "directory",
            path(Settings::TOP.and(Settings::ABSOLUTE), LIST, "/srv/"),
        ),
        ("root-itself", path(roots, LIST, "/srv")),
        ("lists", path(lists, against(1, CREATE), ".a/b.TAR.gz")),
        ("subtree", path(lists, READ, ".GIT/config.md")),
        (
            "around-a-subtree",
            path(roots.and(lists), REMOVE, "private/"),
        ),
        (
            "bytes",
            [
                path(Settings::POSIX.and(Settings::BYTES), READ, "a\\b:"),
                b"\xff/..a".to_vec(),
            ]
            .concat(),
        ),
        ("parent", path(Settings::POSIX, READ, "a/b/../c")),
        (
            "device",
            path(Settings::WINDOWS, READ, "dir\\com\u{b9} .txt"),
        ),
        ("short-name", path(Settings(0), READ, "a/PROGRA~1.md")),
        ("look-alike", path(Settings(0), READ, "a\u{2044}b%2f/c")),
    ]
}

/// A scene, an operation, paths, and answers.
pub(super) fn openings() -> Vec<(&'static str, Vec<u8>)> {
    let opening = |scene: Scene, operation, paths: &[&str], answers: &[u8]| {
        let [high, low] = scene.0.to_be_bytes();
        let mut bytes = vec![high, low, operation];
        for path in paths {
            bytes.push(path.len() as u8);
            bytes.extend(path.as_bytes());
        }
        bytes.extend(answers);
        bytes
    };
    let at_once = Scene::ONE_SHOT.and(Scene::CACHED);
    let links = Scene::LINKS;
    vec![
        ("at-once", opening(at_once, READ, &["a/b"], &[WOULD_BLOCK])),
        (
            "walk-behind-races",
            opening(at_once, APPEND, &["a/b"], &[RACE; 17]),
        ),
        (
            "link-up",
            opening(
                links.and(Scene::LISTS),
                READ,
                &["a/b/c"],
                b"\0\x08\x09\x06../d/x\0\0\0\0",
            ),
        ),
        (
            "link-loop",
            opening(links.and(Scene::AGAIN), READ, &["a/b"], b"\x08\x09\x01l"),
        ),
        (
            "link-in-no-room",
            opening(
                links.and(Scene::TIGHT).and(Scene::AGAIN),
                LIST,
                &["a/b"],
                b"\0\x08\x09\x32../a/a-name-of-the-length-of-all-that-is-kept-here",
            ),
        ),
        (
            "fifo-behind-a-mount",
            opening(
                Scene::DEVICES.and(Scene::FORBIDDEN),
                READ,
                &["a/b"],
                b"\x06\x40\x02\x06\0\x04",
            ),
        ),
        ("replace", opening(Scene(0), REPLACE, &["a/b"], &[])),
        (
            "replace-abandoned",
            opening(Scene::ABANDONS, REPLACE, &["b"], b"\x0a\0"),
        ),
        (
            "rename",
            opening(Scene::WINDOWS, RENAME, &[r"a\b", "c/d/e"], &[]),
        ),
        (
            "link-past-a-list",
            opening(links.and(Scene::LISTS), READ, &["a"], b"\x08\x09\x03f/x"),
        ),
        (
            "make-directory",
            opening(Scene::NO_MOUNT, MAKE_DIRECTORY, &["a"], &[]),
        ),
        (
            "other-question",
            opening(Scene(0), CREATE, &["a"], &[FINISHED]),
        ),
    ]
}

/// Kinds of answers.
const RACE: u8 = 11;
const FINISHED: u8 = 12;
const WOULD_BLOCK: u8 = 13;

/// A dialect, and a URI or a path.
pub(super) fn file_uris() -> Vec<(&'static str, &'static str)> {
    vec![
        ("plain", "\0file:///srv/a.txt"),
        ("encoded", "\u{1}FILE://LocalHost/a%20b%C3%BC%25"),
        ("encoded-twice", "\0file:/a%252f%252e"),
        ("drive", "\u{2}file:///C:/srv/a.txt"),
        ("drive-encoded", "\u{2}file:///%43%3a/srv"),
        ("no-drive", "\0file:///c:/srv"),
        ("separator", "\0file:///a%2fb%5C"),
        ("query", "\0file:///a?b#c"),
        ("host", "\0file://server/a"),
        ("nul-and-bytes", "\0file:///a%00%ff"),
        ("path", "\0/srv/Z\u{fc}rich 100%.txt"),
        ("path-with-drive", "\u{2}C:\\srv/a:b"),
    ]
}
