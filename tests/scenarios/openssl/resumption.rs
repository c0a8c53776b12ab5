//! The authority matrix once more, with sessions that `openssl` stores and brings back.

use std::time::{Duration, SystemTime};

use ravelin_core::config::ServerResumption;
use ravelin_core::trust::pin::{Pin, PinSet};
use ravelin_core::{ClientAuth, ClientConfig, Event, ServerConfig, provider};
use ravelin_tests::blocking::Clock;
use ravelin_tests::ca::{Ca, Issued, Leaf, NOT_AFTER, NOT_BEFORE};
use ravelin_tests::external::require;
use ravelin_tests::setup::{anchors, identity, setup};

use super::{Files, client, connect, exchange, refusal, s_server, serve_at};

#[test]
fn a_session_of_s_client_lives_as_long_as_the_policy() {
    if !require("openssl") {
        return;
    }
    println!("{:9} {:7} {:20} outcome", "clients", "store", "change");
    for mode in ["none", "optional", "required"] {
        for store in ["ticket", "cache"] {
            for change in [
                Change::Same,
                Change::CaRemoved,
                Change::OtherCaRemoved,
                Change::PinChanged,
                Change::Expired,
            ] {
                if mode == "none" && change != Change::Same {
                    // A server that judges nobody has nothing of this.
                    continue;
                }
                let outcome = cell(mode, store, change);
                println!("{mode:9} {store:7} {:20} {outcome}", format!("{change:?}"));
                assert_eq!(outcome, change.expected());
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Same,
    CaRemoved,
    OtherCaRemoved,
    PinChanged,
    Expired,
}

impl Change {
    const fn expected(self) -> &'static str {
        match self {
            Self::Same => "Reused",
            Self::CaRemoved => "E-CRT-01",
            Self::OtherCaRemoved => "New",
            Self::PinChanged => "E-PIN-02",
            Self::Expired => "E-CRT-02",
        }
    }
}

/// Has `s_client` make a session, changes the policy, and lets it come back: `Reused`, `New`, or the code of the refusal.
fn cell(mode: &str, store: &str, change: Change) -> String {
    let until = if change == Change::Expired {
        in_an_hour()
    } else {
        NOT_AFTER
    };
    let alice = setup()
        .ca
        .issue(Leaf::client("alice").valid(NOT_BEFORE, until));
    let files = Files::of(&alice);
    let session = files.scratch.path("session.pem");
    let resumption = match store {
        "ticket" => ServerResumption::tickets(),
        _ => ServerResumption::cache(8),
    };
    let arguments = ["-cert", &files.alice, "-key", &files.alice_key];

    let config = server(mode, Change::Same, &alice, &resumption);
    let keep = [&arguments[..], &["-sess_out", &session]].concat();
    let (mut ours, mut theirs) = serve_at(&config, &files, &keep, Clock::system());
    ours.establish().unwrap();
    // The ticket came before this answer.
    exchange(&mut ours, &mut theirs);
    assert_eq!(ours.connection.counters().tickets, 1);
    theirs.write("Q\n");
    ours.wait_for_close().unwrap();
    ours.close().unwrap();
    drop(ours);
    let said = theirs.finish().1;
    assert!(said.contains("New, TLSv1.3"), "{said}");

    let config = server(mode, change, &alice, &resumption);
    let hours = if change == Change::Expired { 2 } else { 0 };
    let clock = Clock::ahead(Duration::from_secs(hours * 3600));
    let again = [&arguments[..], &["-sess_in", &session]].concat();
    let (mut ours, mut theirs) = serve_at(&config, &files, &again, clock);
    if let Err(error) = ours.establish() {
        let refused = refusal(Err(error));
        theirs.wait_for("alert");
        return refused.code().to_owned();
    }
    exchange(&mut ours, &mut theirs);
    let resumed = ours.connection.peer().unwrap().is_resumed();
    let expected =
        |event: &Event| matches!(event, Event::Established { resumed: is, .. } if *is == resumed);
    assert!(ours.events.iter().any(expected));
    theirs.write("Q\n");
    ours.wait_for_close().unwrap();
    ours.close().unwrap();
    drop(ours);
    let said = theirs.finish().1;
    let kind = if resumed { "Reused" } else { "New" };
    assert!(
        said.contains(&format!("{kind}, TLSv1.3")),
        "both sides say the same: {said}"
    );
    kind.to_owned()
}

fn server(
    mode: &str,
    change: Change,
    alice: &Issued,
    resumption: &ServerResumption,
) -> ServerConfig {
    let other = Ca::new("Another CA", 8);
    let trusted = match change {
        Change::CaRemoved => anchors(&other),
        Change::OtherCaRemoved => setup().anchors(),
        Change::Same | Change::PinChanged | Change::Expired => {
            setup().anchors().and(anchors(&other))
        }
    };
    let key = if change == Change::PinChanged {
        Pin::spki([1; 32])
    } else {
        Pin::spki(alice.spki_sha256())
    };
    let pins = PinSet::new(key, Pin::spki([2; 32])).unwrap();
    let server = super::server().resumption(resumption.clone());
    let server = match mode {
        "none" => server,
        "optional" => server.client_auth(ClientAuth::Optional(trusted)).pins(pins),
        _ => server.client_auth(ClientAuth::Required(trusted)).pins(pins),
    };
    server.build().unwrap()
}

#[test]
fn our_client_resumes_with_s_server_under_the_same_policy_only() {
    if !require("openssl") {
        return;
    }
    let files = Files::new();
    let mut theirs = s_server(&files, &[]);
    let config = client().build().unwrap();
    let sessions = config.resumption().clone();
    let mut meet = |config: &ClientConfig, clock: Clock| {
        let mut ours = connect(config, &mut theirs, clock);
        ours.establish()?;
        theirs.write("hello\n");
        assert_eq!(ours.read_exact(6)?, b"hello\n");
        let resumed = ours.connection.peer().unwrap().is_resumed();
        ours.close()?;
        ours.wait_for_close()?;
        Ok::<_, std::io::Error>(resumed)
    };
    assert!(!meet(&config, Clock::system()).unwrap());
    assert!(!sessions.is_empty(), "s_server hands out tickets");
    assert!(meet(&config, Clock::system()).unwrap());

    let rebuilt = client().resumption(sessions.clone()).build().unwrap();
    assert!(
        meet(&rebuilt, Clock::system()).unwrap(),
        "the same policy, read again"
    );

    let more = setup().anchors().and(anchors(&Ca::new("Another CA", 8)));
    let changed = ClientConfig::builder(provider::aws_lc_rs(), more).resumption(sessions.clone());
    assert!(
        !meet(&changed.build().unwrap(), Clock::system()).unwrap(),
        "another policy"
    );

    let removed = ClientConfig::builder(provider::aws_lc_rs(), anchors(&Ca::new("Another CA", 8)));
    let removed = removed.resumption(sessions.clone()).build().unwrap();
    let refused = meet(&removed, Clock::system()).map(drop);
    assert_eq!(refusal(refused).code(), "E-CRT-01");

    let pins = PinSet::without_backup(Pin::spki([1; 32]));
    let pinned = client()
        .pins(pins)
        .resumption(sessions.clone())
        .build()
        .unwrap();
    let refused = meet(&pinned, Clock::system()).map(drop);
    assert_eq!(refusal(refused).code(), "E-PIN-02");

    let somebody = client()
        .identity(identity(&setup().client))
        .resumption(sessions);
    assert!(
        !meet(&somebody.build().unwrap(), Clock::system()).unwrap(),
        "another identity"
    );
}

fn in_an_hour() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap().as_secs() + 3600
}
