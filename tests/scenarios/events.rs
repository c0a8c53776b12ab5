//! Every event happens somewhere, and its code and severity are those of docs/codes.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use ravelin_core::trust::pin::{Pin, PinSet};
use ravelin_core::{
    Alert, CertificateError, ClientAuth, ClientConfig, Deadline, Error, Event, LocalError,
    PeerError, ServerConfig, Severity, Version,
};
use ravelin_tests::light::light;
use ravelin_tests::pair::{Pair, Side};
use ravelin_tests::setup::setup;

/// A session between these two, with a bit of everything; what happened on both sides.
fn session(client: &ClientConfig, server: &ServerConfig) -> Vec<Event> {
    let mut pair = Pair::new(client, server);
    pair.establish();
    pair.update_keys(Side::Server);
    for side in [Side::Client, Side::Server] {
        pair.send(side, b"x");
    }
    pair.drive();
    pair.close(Side::Client);
    pair.drive();
    pair.hang_up(Side::Server);
    pair.drive();
    [pair.client.events, pair.server.events].concat()
}

/// A client with a set that has the server's key, as `Some(place)` in it, or not.
fn pinning(place: Option<usize>) -> ClientConfig {
    let [first, second] = [1, 2].map(|byte| Pin::spki([byte; 32]));
    let servers = Pin::spki(setup().server.spki_sha256());
    let pins = match place {
        Some(0) => PinSet::new(servers, first),
        Some(_) => PinSet::new(first, servers),
        None => PinSet::new(first, second),
    };
    let pins = pins.unwrap();
    let pins = match place {
        Some(_) => pins,
        None => pins.report_only(),
    };
    setup().client(light(1)).pins(pins).build().unwrap()
}

/// Everything that can happen, at least once.
fn everything() -> Vec<Event> {
    let mutual = setup().mutual(light(2)).build().unwrap();
    let optional = ClientAuth::Optional(setup().anchors());
    let optional = setup().server(light(2)).client_auth(optional);
    let optional = optional.build().unwrap();
    let nobody = ClientConfig::builder(Arc::new(light(1)), setup().anchors());
    let nobody = nobody.allow_truncation().build().unwrap();
    let mut events = Vec::new();
    for client in [pinning(Some(0)), pinning(Some(1)), pinning(None)] {
        events.extend(session(&client, &mutual));
    }
    events.extend(session(&nobody, &optional));

    // Left undrained.
    let mut pair = Pair::new(&nobody, &optional);
    pair.establish();
    let now = pair.now;
    for _ in 0..17 {
        pair.client.connection.update_keys(now).unwrap();
    }
    pair.client.settle(now);
    events.extend(pair.client.events);
    events
}

#[test]
fn every_event_happens_and_is_documented() {
    let happened: BTreeSet<&str> = everything().iter().map(Event::code).collect();
    let documented = documented_events();
    // A failure has its error's code, and those have a table of their own.
    let happened: BTreeSet<String> = happened
        .into_iter()
        .filter(|code| !code.starts_with("E-"))
        .map(str::to_owned)
        .collect();
    let documented: BTreeSet<String> = documented.into_keys().collect();
    assert_eq!(happened, documented);
    assert_eq!(
        happened,
        codes_in("core/src/event.rs", |code| !code.contains(' '))
    );
}

#[test]
fn severities_are_those_of_the_page() {
    let documented = documented_events();
    for event in everything() {
        if let Event::Failed(_) = event {
            assert_eq!(event.severity(), Severity::Error);
            continue;
        }
        let backup = matches!(event, Event::PinMatched { index } if index > 0);
        let said = match documented[event.code()].split_once("; a backup: ") {
            Some((_, said)) if backup => said,
            Some((said, _)) => said,
            None => &documented[event.code()],
        };
        let severity = match said {
            "info" => Severity::Info,
            "warning" => Severity::Warning,
            other => panic!("{other} is no severity"),
        };
        assert_eq!(event.severity(), severity, "{event:?}");
    }
    assert!(Severity::Info < Severity::Warning && Severity::Warning < Severity::Error);
}

/// The order of a session's events, on both sides.
#[test]
fn events_come_in_order() {
    let mut pair = Pair::new(
        &pinning(Some(0)),
        &setup().mutual(light(2)).build().unwrap(),
    );
    pair.establish();
    pair.update_keys(Side::Client);
    pair.close(Side::Server);
    pair.drive();
    pair.close(Side::Client);
    pair.drive();
    let codes = |events: &[Event]| events.iter().map(Event::code).collect::<Vec<_>>();
    let client = [
        "peer-verified",
        "pin-matched",
        "established",
        "ticket-stored",
        "keys-updated",
        "peer-closed",
    ];
    assert_eq!(codes(&pair.client.events), client);
    let server = [
        "peer-verified",
        "established",
        "tickets-sent",
        "peer-closed",
    ];
    assert_eq!(codes(&pair.server.events), server);

    let Some(Event::Established {
        version,
        suite,
        group,
        resumed,
        ..
    }) = pair.client.events.get(2)
    else {
        panic!("{:?}", pair.client.events);
    };
    let peer = pair.client.connection.peer().unwrap();
    assert_eq!(*version, Version::Tls13);
    assert_eq!((*suite, *group), (peer.suite(), peer.group()));
    assert_eq!((*suite, *group, *resumed), (0x1301, 29, false));
    let leaf = Pin::spki(setup().server.spki_sha256());
    assert_eq!(pair.client.events[0], Event::PeerVerified { leaf });
    assert_eq!(pair.client.events[3], Event::TicketStored);
    assert_eq!(pair.server.events[2], Event::TicketsSent { count: 1 });
}

/// Every error of a connection: each has a code of its own, and a text that names a cause and a remedy.
#[test]
fn errors_have_codes_of_their_own() {
    let errors: Vec<Error> = [
        LocalError::Closed,
        LocalError::NotEstablished,
        LocalError::NoKeyUpdate,
        LocalError::KeysExhausted,
        LocalError::Provider,
    ]
    .map(Error::from)
    .into_iter()
    .chain(
        [
            PeerError::Alert(Alert(40)),
            PeerError::Truncated,
            PeerError::Protocol,
            PeerError::NotTls,
            PeerError::Decrypt,
            PeerError::Incompatible,
            PeerError::NoApplicationProtocol,
            PeerError::RecordTooLarge {
                announced: 2,
                capacity: 1,
            },
            PeerError::HandshakeTooLarge { limit: 1 },
            PeerError::PinMismatch { presented: None },
            PeerError::PinIsCertificateHash { presented: None },
        ]
        .map(Error::from),
    )
    .chain(
        [
            CertificateError::UnknownIssuer,
            CertificateError::Expired,
            CertificateError::NotYetValid,
            CertificateError::WrongName,
            CertificateError::BadSignature,
            CertificateError::WrongPurpose,
            CertificateError::Missing,
            CertificateError::ChainTooLarge { limit: 1 },
            CertificateError::Malformed,
            CertificateError::NotJudged,
        ]
        .map(Error::from),
    )
    .chain(
        [
            Deadline::Handshake,
            Deadline::Record,
            Deadline::Idle,
            Deadline::Close,
        ]
        .map(Error::Timeout),
    )
    .collect();
    let codes: BTreeSet<String> = errors.iter().map(|error| error.code().to_owned()).collect();
    assert_eq!(codes.len(), errors.len());
    assert_eq!(
        codes,
        codes_in("core/src/error.rs", |code| code.starts_with("E-"))
    );
    for error in errors {
        let text = error.to_string();
        assert!(text.contains("; "), "{text}");
        assert!(
            text.starts_with(char::is_lowercase) || text.starts_with("TLS"),
            "{text}"
        );
        assert!(!text.ends_with('.'), "{text}");
        assert_eq!(Event::Failed(error).code(), error.code());
    }
}

#[test]
fn no_code_means_two_things() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in sources(&root().join("core/src")) {
        for code in arms(&fs::read_to_string(&file).unwrap()) {
            if code.starts_with("E-") {
                places.entry(code).or_default().push(file.clone());
            }
        }
    }
    assert!(places.len() > 50, "{places:?}");
    places.retain(|_, files| files.len() > 1);
    assert!(places.is_empty(), "{places:?}");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The events of docs/codes.md, with what is said of their severity.
fn documented_events() -> BTreeMap<String, String> {
    let page = fs::read_to_string(root().join("docs/codes.md")).unwrap();
    let (_, table) = page
        .split_once("\n## Events\n")
        .expect("a section of events");
    let table = table.split("\n## ").next().unwrap_or_default();
    let rows = table.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let code = cells.next()?.trim_end_matches('`');
        Some((code.to_owned(), cells.next()?.to_owned()))
    });
    rows.collect()
}

/// The codes that a source file gives, as far as they look like that.
fn codes_in(path: &str, like: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(path)).unwrap();
    arms(&text).into_iter().filter(|code| like(code)).collect()
}

/// The texts that arms of `code` functions give: `Self::This => "text",`.
fn arms(source: &str) -> Vec<String> {
    let mut codes = Vec::new();
    for body in source.split("fn code(").skip(1) {
        let body = body.split("\n    }\n").next().unwrap_or_default();
        codes.extend(body.lines().filter_map(|line| {
            let (_, text) = line.trim().strip_prefix("Self::")?.split_once("=> \"")?;
            Some(text.trim_end_matches("\",").to_owned())
        }));
    }
    codes
}

fn sources(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path.display().to_string());
        }
    }
    found
}
