//! Trees to resolve paths in. Written for this comparison, after the ideas of the tests of Go's `os.Root` and of
//! libpathrs.

use std::collections::BTreeSet;

use Entry::{Directory, Fifo, File, HardLink, Link, Socket};

/// A file that is in every layout: what is renamed to the path in question.
pub const SOURCE: &str = "source";

/// Something in a tree, by its path below the root. `{root}` and `{top}` in a link's target are the absolute paths of
/// the root and of the directory that it is in.
#[derive(Clone, Copy, Debug)]
pub enum Entry {
    /// It holds its own path.
    File(&'static str),
    Directory(&'static str),
    Link(&'static str, &'static str),
    /// Another name of a file that is there.
    HardLink(&'static str, &'static str),
    Fifo(&'static str),
    Socket(&'static str),
}

impl Entry {
    pub const fn path(self) -> &'static str {
        match self {
            File(path)
            | Directory(path)
            | Link(path, _)
            | HardLink(path, _)
            | Fifo(path)
            | Socket(path) => path,
        }
    }
}

/// A tree, and the paths that are of interest in it beside those of its entries.
#[derive(Clone, Debug)]
pub struct Layout {
    pub name: &'static str,
    pub entries: Vec<Entry>,
    asked: &'static [&'static str],
}

impl Layout {
    /// Every path that is asked for: each entry and each path of interest by several spellings, and some that are the
    /// same everywhere.
    pub fn paths(&self, root: &str) -> BTreeSet<String> {
        let mut paths: BTreeSet<String> = [
            "",
            ".",
            "..",
            "/",
            "./",
            "../",
            "//",
            "fresh/",
            "missing",
            "missing/x",
            "../canary.txt",
            "../tree/source",
            SOURCE,
            "source/",
            "source/x",
            "/source",
            "/../source",
            "a/../../canary.txt",
            "outside/canary.txt",
        ]
        .map(String::from)
        .into();
        paths.extend([
            root.to_owned(),
            format!("{root}/"),
            format!("{root}-private/canary.txt"),
        ]);
        let entries = self.entries.iter().map(|entry| entry.path());
        for path in entries.chain(self.asked.iter().copied()) {
            paths.extend([
                path.to_owned(),
                format!("{path}/"),
                format!("{path}//"),
                format!("{path}/."),
                format!("{path}/.."),
                format!("{path}/new"),
                format!("{path}/new/"),
                format!("./{path}"),
                format!("/{path}"),
                format!("../tree/{path}"),
                format!("{root}/{path}"),
                format!("{root}/../tree/{path}"),
            ]);
        }
        paths
    }

    fn new(name: &'static str, entries: &[Entry], asked: &'static [&'static str]) -> Self {
        let entries = entries.to_vec();
        Self {
            name,
            entries,
            asked,
        }
    }
}

/// All layouts.
pub fn layouts() -> Vec<Layout> {
    let mut all = plain();
    all.extend(links());
    all.extend(links_that_leave());
    all.extend(special());
    all.extend(names());
    all.extend(chains());
    all
}

fn plain() -> Vec<Layout> {
    vec![
        Layout::new("a file", &[File("a")], &["b", "a/b"]),
        Layout::new("a directory", &[Directory("d")], &["d/d"]),
        Layout::new(
            "a file in a directory",
            &[File("d/a")],
            &["d", "d//a", "d/./a", "d/../d/a", "e/../d/a"],
        ),
        Layout::new(
            "a deep file",
            &[File("b/c/d/e/f")],
            &[
                "b/c",
                "b/c/d/e",
                "b/c/../c/d/e/f",
                "b/c/../../../canary.txt",
            ],
        ),
        Layout::new(
            "a directory that is not empty",
            &[File("d/a"), Directory("d/e")],
            &["d"],
        ),
        Layout::new(
            "a file for a directory",
            &[File("a"), Directory("d")],
            &["a/../d", "a/./", "a/b/c"],
        ),
        Layout::new(
            "a root inside a root",
            &[
                File("tree/a"),
                File("outside/canary.txt"),
                File("canary.txt"),
            ],
            &["tree"],
        ),
    ]
}

fn links() -> Vec<Layout> {
    vec![
        Layout::new("a link to a file", &[File("a"), Link("l", "a")], &[]),
        Layout::new(
            "a link to a directory",
            &[File("d/a"), Link("l", "d")],
            &["l/a", "l/../d/a"],
        ),
        Layout::new(
            "a link in a directory",
            &[File("d/a"), Link("d/l", "a")],
            &[],
        ),
        Layout::new(
            "a link with a slash to a directory",
            &[File("d/a"), Link("l", "d/")],
            &["l/a"],
        ),
        Layout::new(
            "a link with a slash to a file",
            &[File("a"), Link("l", "a/")],
            &[],
        ),
        Layout::new(
            "a link with a dot to a file",
            &[File("a"), Link("l", "a/.")],
            &[],
        ),
        Layout::new(
            "a link with dots inside",
            &[File("d/e/a"), Link("d/l", "./e/.//a"), Link("d/m", "./.")],
            &["d/m/e/a"],
        ),
        Layout::new(
            "a link up and down",
            &[
                File("d/a"),
                File("e/b"),
                Link("d/l", "../e/b"),
                Link("d/m", "../d/../e"),
            ],
            &["d/m/b"],
        ),
        Layout::new(
            "a link up through a link",
            &[
                File("a"),
                File("d/a"),
                File("d/e/f/b"),
                Link("l", "d/e/f"),
                Link("m", "l/../../a"),
            ],
            &["l/b"],
        ),
        Layout::new(
            "a link to its directory",
            &[File("d/a"), Link("d/l", ".")],
            &["d/l/l/l/a"],
        ),
        Layout::new(
            "a link to the root",
            &[File("a"), Link("l", "."), Link("d/l", "..")],
            &["l/a", "d/l/a", "d/l/d/l/l/a"],
        ),
        Layout::new(
            "a link to the parent",
            &[File("d/e/a"), Link("d/e/l", "..")],
            &["d/e/l/e/a"],
        ),
        Layout::new(
            "links to links",
            &[
                File("a"),
                Link("l1", "a"),
                Link("l2", "l1"),
                Link("l3", "l2"),
            ],
            &[],
        ),
        Layout::new(
            "links to links in directories",
            &[
                File("x/y/a"),
                Link("d/l", "e/l"),
                Link("d/e/l", "../../x/l"),
                Link("x/l", "y/a"),
            ],
            &[],
        ),
        Layout::new(
            "links as steps",
            &[
                File("d/e/f/a"),
                Link("l1", "d"),
                Link("d/l2", "e"),
                Link("d/e/l3", "f"),
            ],
            &["l1/l2/l3/a", "l1/l2/l3"],
        ),
        Layout::new("a link to itself", &[Link("l", "l")], &["l/l"]),
        Layout::new(
            "links to each other",
            &[Link("l", "d/m"), Link("d/m", "../l")],
            &[],
        ),
        Layout::new("a link below itself", &[Link("l", "l/x")], &[]),
        Layout::new("a dangling link", &[Link("l", "missing")], &["missing"]),
        Layout::new(
            "a link that dangles in a directory",
            &[
                Directory("d"),
                Link("l", "d/missing"),
                Link("m", "missing/x"),
            ],
            &[],
        ),
        Layout::new(
            "a link through a file",
            &[File("a"), Link("l", "a/../a"), Link("m", "a/x")],
            &[],
        ),
    ]
}

fn links_that_leave() -> Vec<Layout> {
    vec![
        Layout::new(
            "a link out",
            &[Link("l", "../canary.txt"), Link("m", "..")],
            &["m/canary.txt", "m/tree/source"],
        ),
        Layout::new(
            "a link out of a directory",
            &[Link("d/l", "../../canary.txt"), Link("d/m", "../..")],
            &["d/m/outside/canary.txt"],
        ),
        Layout::new(
            "a link out and back",
            &[File("a"), Link("l", "../tree/a"), Link("d/m", "../../tree")],
            &["d/m/a"],
        ),
        Layout::new(
            "a link out by many steps",
            &[File("a"), Link("l", "../../../../../../../../a")],
            &[],
        ),
        Layout::new(
            "a link out through a link",
            &[
                File("a"),
                Directory("d"),
                Link("l", "d/m/../canary.txt"),
                Link("d/m", ".."),
            ],
            &["d/m/canary.txt"],
        ),
        Layout::new(
            "an absolute link out",
            &[Link("l", "{top}/canary.txt"), Link("m", "{top}/outside")],
            &["m/canary.txt"],
        ),
        Layout::new(
            "an absolute link inside",
            &[File("d/a"), Link("l", "{root}/d/a"), Link("m", "{root}/d")],
            &["m/a"],
        ),
        Layout::new(
            "an absolute link as seen from the root",
            &[
                File("d/a"),
                Link("l", "/d/a"),
                Link("m", "/d"),
                Link("d/n", "/"),
            ],
            &["m/a", "d/n/d/a"],
        ),
        Layout::new(
            "an absolute link with steps up",
            &[File("d/a"), Link("l", "/../../d/a"), Link("m", "//d")],
            &["m/a"],
        ),
        Layout::new(
            "a link to the kernel",
            &[
                Link("l", "/proc/self/environ"),
                Link("m", "/proc/self/root"),
            ],
            &["m/etc/passwd"],
        ),
        Layout::new(
            "a link to a neighbour with the same beginning",
            &[Link("l", "../tree-private"), Link("m", "{root}-private")],
            &["l/canary.txt", "m/canary.txt"],
        ),
    ]
}

fn special() -> Vec<Layout> {
    vec![
        Layout::new("a FIFO", &[Fifo("p"), Link("l", "p")], &[]),
        Layout::new("a FIFO in a directory", &[Fifo("d/p")], &[]),
        Layout::new("a socket", &[Socket("s"), Link("l", "s")], &[]),
        Layout::new(
            "a hard link",
            &[File("a"), HardLink("b", "a"), Link("l", "b")],
            &[],
        ),
        Layout::new(
            "a hard link to a file outside",
            &[
                HardLink("h", "../canary.txt"),
                HardLink("d/h", "../outside/canary.txt"),
            ],
            &[],
        ),
    ]
}

fn names() -> Vec<Layout> {
    vec![
        Layout::new(
            "names of dots",
            &[File("..."), File("d/..a"), Directory("....")],
            &[".../x", "..a"],
        ),
        Layout::new(
            "names that Windows takes for others",
            &[
                File("nul"),
                File("com1.txt"),
                File("a."),
                File("a "),
                File("a::$DATA"),
                File("LONGNA~1"),
            ],
            &[],
        ),
        Layout::new(
            "names with backslashes",
            &[
                File("d\\a"),
                File("..\\a"),
                Directory("e\\"),
                Link("l", "d\\a"),
            ],
            &["d/a", "e\\/..\\a"],
        ),
        Layout::new(
            "names that are encoded",
            &[File("%2e%2e/a"), File("%2fa"), File("..%2f")],
            &["..%2fa"],
        ),
        Layout::new(
            "names that are not ASCII",
            &[
                File("caf\u{e9}"),
                File("cafe\u{301}"),
                File("\u{2025}/a"),
                File("a\u{2044}b"),
                File("a\nb"),
            ],
            &[],
        ),
        Layout::new(
            "names that differ in case",
            &[File("a"), File("A"), Link("l", "A")],
            &[],
        ),
    ]
}

fn chains() -> Vec<Layout> {
    const DEEP: [&str; 3] = [
        "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/28/29/30/31/a",
        "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/28/29/30/31/32/a",
        "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/28/29/30/31/32/33/a",
    ];
    const NAMES: [&str; 45] = [
        "l00", "l01", "l02", "l03", "l04", "l05", "l06", "l07", "l08", "l09", "l10", "l11", "l12",
        "l13", "l14", "l15", "l16", "l17", "l18", "l19", "l20", "l21", "l22", "l23", "l24", "l25",
        "l26", "l27", "l28", "l29", "l30", "l31", "l32", "l33", "l34", "l35", "l36", "l37", "l38",
        "l39", "l40", "l41", "l42", "l43", "l44",
    ];
    // Through `l40` forty links are followed: that many, and not one more.
    let mut chain = vec![File("l00/a")];
    chain.extend(NAMES.windows(2).filter_map(|pair| match pair {
        [target, link] => Some(Link(link, target)),
        _ => None,
    }));
    let chain = Layout::new(
        "a chain of 44 links",
        &chain,
        &["l39/a", "l40/a", "l41/a", "l44/a"],
    );
    vec![chain, Layout::new("deep directories", &DEEP.map(File), &[])]
}
