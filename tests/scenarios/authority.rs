//! The authority matrix: a session lives exactly as long as the policy that judged its peer.
//!
//! Every cell makes a session, builds both configurations anew as a reload does, with the same ticket keys or cache and
//! the same client sessions, and connects again.

pub(crate) mod tickets;

use std::fmt;

use ravelin_core::config::{ClientResumption, ServerResumption};
use ravelin_core::trust::pin::{Pin, PinSet};
use ravelin_core::{ClientAuth, ClientConfig, Event, ServerConfig, TrustAnchors};
use ravelin_tests::ca::{Ca, Issued, Leaf, NOT_AFTER, NOT_BEFORE, NOW};
use ravelin_tests::pair::{Pair, Side};
use ravelin_tests::parties::{self, Outcome};
use ravelin_tests::setup::{anchors, identity};

/// Within the lifetime of every ticket, beyond the validity of a short-lived certificate.
const LATER: u64 = NOW + 2 * 3600;

#[test]
fn a_session_lives_as_long_as_the_policy_that_judged_it() {
    let stores = [Store::Ticket, Store::Cache];
    println!(
        "{:22} {:9} {:7} {:28} outcome",
        "judge", "clients", "store", "change"
    );
    for judge in [Side::Server, Side::Client] {
        for mode in [Mode::None, Mode::Optional, Mode::Required] {
            for (store, change) in stores
                .iter()
                .flat_map(|store| CHANGES.map(|change| (*store, change)))
            {
                if judge == Side::Server && mode == Mode::None && !change.is_without_effect() {
                    // This server judges nobody: below, its mode changes instead.
                    continue;
                }
                let outcome = Cell { judge, mode, store }.run(change);
                let judge = format!("{judge:?}");
                println!("{judge:22} {mode:9} {store:7} {change:28} {outcome}");
            }
        }
    }
}

#[test]
fn a_session_does_not_survive_a_change_of_the_mode() {
    println!("{:22} {:20} {:7} outcome", "client", "mode", "store");
    let modes = [Mode::None, Mode::Optional, Mode::Required];
    for (before, after) in modes
        .iter()
        .flat_map(|before| modes.map(|after| (*before, after)))
    {
        for store in [Store::Ticket, Store::Cache] {
            for presents in [true, false] {
                if !presents && before == Mode::Required {
                    continue;
                }
                let reload = Reload::new(store);
                let world = World::new(None);
                let client = world.client(&reload, Change::Same, presents);
                let first = world.server(&reload, before, Change::Same);
                assert_eq!(Outcome::at(&client, &first, NOW), Outcome::Full);
                let second = world.server(&reload, after, Change::Same);
                let expected = match (before == after, presents, after) {
                    (true, _, _) => Outcome::Resumed,
                    (false, false, Mode::Required) => {
                        Outcome::by_server("E-CRT-07", "certificate_required")
                    }
                    (false, _, _) => Outcome::Full,
                };
                let mut pair = Pair::new(&client, &second);
                let outcome = Outcome::of(&mut pair);
                let name = if presents {
                    "with certificate"
                } else {
                    "without certificate"
                };
                println!(
                    "{name:22} {:20} {store:7} {outcome}",
                    format!("{before} -> {after}")
                );
                assert_eq!(outcome, expected);
                // A resumed client without a certificate is still one, and is still reported.
                let anonymous = pair.server.events.contains(&Event::PeerWithoutCertificate);
                let admitted = matches!(outcome, Outcome::Full | Outcome::Resumed);
                assert_eq!(anonymous, admitted && !presents && after == Mode::Optional);
            }
        }
    }
}

#[test]
fn a_client_never_resumes_as_somebody_else() {
    for store in [Store::Ticket, Store::Cache] {
        let reload = Reload::new(store);
        let world = World::new(None);
        let server = world.server(&reload, Mode::Optional, Change::Same);
        let alice = world.client(&reload, Change::Same, true);
        let nobody = world.client(&reload, Change::Same, false);
        for (client, expected, key) in [
            (&alice, Outcome::Full, Some(world.alice.spki_sha256())),
            (&nobody, Outcome::Full, None),
            (&alice, Outcome::Resumed, Some(world.alice.spki_sha256())),
            (&nobody, Outcome::Resumed, None),
        ] {
            let mut pair = Pair::new(client, &server);
            assert_eq!(Outcome::of(&mut pair), expected);
            let pin = pair.server.connection.peer().unwrap().leaf_pin();
            assert_eq!(pin, key.map(Pin::spki));
        }
    }
}

#[test]
fn equal_policies_have_equal_epochs() {
    let world = World::new(None);
    let server = |anchors: TrustAnchors, pins: PinSet| {
        parties::server(&world.server)
            .client_auth(ClientAuth::Required(anchors))
            .pins(pins)
            .build()
            .unwrap()
            .epoch()
    };
    let [a, b] = &world.client_cas;
    let (c, d) = (Ca::new("Client CA 3", 32), Ca::new("Client CA 2", 33));
    let (key, other) = (Pin::spki([1; 32]), Pin::spki([2; 32]));
    let third = Pin::spki([3; 32]);
    let base = server(anchors(a).and(anchors(b)), PinSet::new(key, other).unwrap());
    let three = |first: Pin, second: Pin| PinSet::new(key, first).unwrap().and(second).unwrap();
    for (name, equal, epoch) in [
        (
            "the same",
            true,
            server(anchors(a).and(anchors(b)), PinSet::new(key, other).unwrap()),
        ),
        (
            "another order",
            true,
            server(anchors(b).and(anchors(a)), PinSet::new(key, other).unwrap()),
        ),
        (
            "a CA given twice",
            true,
            server(
                anchors(b).and(anchors(a)).and(anchors(b)),
                PinSet::new(key, other).unwrap(),
            ),
        ),
        (
            "another CA",
            false,
            server(
                anchors(a).and(anchors(&c)),
                PinSet::new(key, other).unwrap(),
            ),
        ),
        (
            "another key of that name",
            false,
            server(
                anchors(a).and(anchors(&d)),
                PinSet::new(key, other).unwrap(),
            ),
        ),
        (
            "a CA less",
            false,
            server(anchors(a), PinSet::new(key, other).unwrap()),
        ),
        (
            "another primary",
            false,
            server(anchors(a).and(anchors(b)), PinSet::new(other, key).unwrap()),
        ),
        (
            "a pin more",
            false,
            server(anchors(a).and(anchors(b)), three(other, third)),
        ),
        (
            "report-only",
            false,
            server(
                anchors(a).and(anchors(b)),
                PinSet::new(key, other).unwrap().report_only(),
            ),
        ),
    ] {
        assert_eq!(epoch == base, equal, "{name}");
    }
    let both = || anchors(a).and(anchors(b));
    assert_eq!(
        server(both(), three(other, third)),
        server(both(), three(third, other)),
        "backups in another order"
    );
}

/// One row of the matrix: who judges whom, and where sessions are kept.
struct Cell {
    judge: Side,
    mode: Mode,
    store: Store,
}

impl Cell {
    /// Makes a session, changes the policy, connects again.
    fn run(&self, change: Change) -> Outcome {
        let reload = Reload::new(self.store);
        let world = World::new(change.is_expiry().then(|| self.judge.other()));
        let (client, server) = self.configurations(&world, &reload, Change::Same);
        assert_eq!(Outcome::at(&client, &server, NOW), Outcome::Full);
        assert_eq!(reload.client.len(), 1, "there is a session to resume");

        let (client, server) = self.configurations(&world, &reload, change);
        let at = if change == Change::Same { NOW } else { LATER };
        let mut pair = Pair::at(&client, &server, "localhost", at);
        let outcome = Outcome::of(&mut pair);
        assert_eq!(outcome, self.expected(change), "{change}");
        let reported = Self::resumptions(&pair);
        assert_eq!(
            reported,
            [outcome == Outcome::Resumed; 2],
            "counted on both sides"
        );
        if matches!(outcome, Outcome::Full | Outcome::Resumed) {
            // Under the new policy there are sessions again.
            assert_eq!(Outcome::at(&client, &server, at), Outcome::Resumed);
        }
        outcome
    }

    fn configurations(
        &self,
        world: &World,
        reload: &Reload,
        change: Change,
    ) -> (ClientConfig, ServerConfig) {
        match self.judge {
            Side::Server => (
                world.client(reload, change.for_presented(), true),
                world.server(reload, self.mode, change),
            ),
            Side::Client => (
                world.client(reload, change, true),
                world.server(reload, self.mode, change.for_presented()),
            ),
        }
    }

    fn expected(&self, change: Change) -> Outcome {
        let refused = |code, alert| match self.judge {
            Side::Server => Outcome::by_server(code, alert),
            Side::Client => Outcome::by_client(code, alert),
        };
        match change {
            Change::Same | Change::Time => Outcome::Resumed,
            Change::CaRemoved => refused("E-CRT-01", "unknown_ca"),
            Change::PinChanged => refused("E-PIN-02", "certificate_unknown"),
            Change::Expired => refused("E-CRT-02", "certificate_expired"),
            Change::OtherCaRemoved
            | Change::PinAdded
            | Change::Renewed
            | Change::PresentsRenewed => Outcome::Full,
        }
    }

    /// Whether the client and the server report a resumption.
    fn resumptions(pair: &Pair) -> [bool; 2] {
        [&pair.client, &pair.server].map(|end| {
            end.events
                .iter()
                .any(|event| matches!(event, Event::Established { resumed: true, .. }))
        })
    }
}

/// Everybody's certificates. Both sides trust two CAs and pin the key of the one peer that there is.
struct World {
    server_cas: [Ca; 2],
    client_cas: [Ca; 2],
    server: Issued,
    alice: Issued,
}

impl World {
    /// The certificate of `short_lived` has expired [`LATER`].
    fn new(short_lived: Option<Side>) -> Self {
        let until = |side| match short_lived {
            Some(short) if short == side => NOW + 3600,
            _ => NOT_AFTER,
        };
        let (server, alice) = (Leaf::server("localhost"), Leaf::client("alice"));
        let server_cas = ["Server CA 1", "Server CA 2"].map(|name| Ca::new(name, 31));
        let client_cas = ["Client CA 1", "Client CA 2"].map(|name| Ca::new(name, 32));
        Self {
            server: server_cas[0].issue(server.valid(NOT_BEFORE, until(Side::Server))),
            alice: client_cas[0].issue(alice.valid(NOT_BEFORE, until(Side::Client))),
            server_cas,
            client_cas,
        }
    }

    fn client(&self, reload: &Reload, change: Change, presents: bool) -> ClientConfig {
        let (trusted, pins) = change.policy(&self.server_cas, &self.server);
        let client = ClientConfig::builder(
            std::sync::Arc::new(ravelin_tests::provider::seeded(1)),
            trusted,
        )
        .pins(pins)
        .resumption(reload.client.clone());
        if !presents {
            return client.build().unwrap();
        }
        let alice = change.presented(&self.client_cas[0], &self.alice, Leaf::client("alice"));
        client.identity(identity(&alice)).build().unwrap()
    }

    fn server(&self, reload: &Reload, mode: Mode, change: Change) -> ServerConfig {
        let (trusted, pins) = change.policy(&self.client_cas, &self.alice);
        let localhost =
            change.presented(&self.server_cas[0], &self.server, Leaf::server("localhost"));
        let server = parties::server(&localhost).resumption(reload.server.clone());
        let server = match mode {
            Mode::None => server,
            Mode::Optional => server.client_auth(ClientAuth::Optional(trusted)).pins(pins),
            Mode::Required => server.client_auth(ClientAuth::Required(trusted)).pins(pins),
        };
        server.build().unwrap()
    }
}

/// What outlives a reload.
struct Reload {
    client: ClientResumption,
    server: ServerResumption,
}

impl Reload {
    fn new(store: Store) -> Self {
        Self {
            client: ClientResumption::default(),
            server: match store {
                Store::Ticket => ServerResumption::tickets(),
                Store::Cache => ServerResumption::cache(16),
            },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Same,
    /// The same policy two hours later: what expires is the certificate, not the ticket.
    Time,
    CaRemoved,
    OtherCaRemoved,
    PinChanged,
    PinAdded,
    Expired,
    Renewed,
    /// The side that presents a certificate has renewed it; its own policy is as it was.
    PresentsRenewed,
}

const CHANGES: [Change; 8] = [
    Change::Same,
    Change::Time,
    Change::CaRemoved,
    Change::OtherCaRemoved,
    Change::PinChanged,
    Change::PinAdded,
    Change::Expired,
    Change::Renewed,
];

impl Change {
    fn is_without_effect(self) -> bool {
        matches!(self, Self::Same | Self::Time)
    }

    fn is_expiry(self) -> bool {
        matches!(self, Self::Expired | Self::Renewed)
    }

    /// What this change means to the side that is judged.
    fn for_presented(self) -> Self {
        if self == Self::Renewed {
            Self::PresentsRenewed
        } else {
            Self::Same
        }
    }

    /// The policy after this change, about a peer `issued` by the first of `cas`.
    fn policy(self, cas: &[Ca; 2], issued: &Issued) -> (TrustAnchors, PinSet) {
        let [first, second] = cas;
        let trusted = match self {
            Self::CaRemoved => anchors(second),
            Self::OtherCaRemoved => anchors(first),
            // A reload may read the CAs in another order.
            Self::Time => anchors(second).and(anchors(first)),
            Self::Same
            | Self::PinChanged
            | Self::PinAdded
            | Self::Expired
            | Self::Renewed
            | Self::PresentsRenewed => anchors(first).and(anchors(second)),
        };
        let key = Pin::spki(issued.spki_sha256());
        let (new, backup) = (Pin::spki([0x11; 32]), Pin::spki([0x22; 32]));
        let pins = if self == Self::PinChanged {
            PinSet::new(new, backup)
        } else if self == Self::PinAdded {
            PinSet::new(key, new).and_then(|pins| pins.and(backup))
        } else {
            PinSet::new(key, backup)
        };
        (trusted, pins.unwrap())
    }

    /// What is presented after this change instead of `issued`.
    fn presented(self, ca: &Ca, issued: &Issued, leaf: Leaf) -> Issued {
        if self == Self::PresentsRenewed {
            ca.issue(leaf.key_of(issued).valid(NOT_BEFORE, NOT_AFTER))
        } else {
            issued.clone()
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Same => "same policy",
            Self::Time => "same policy, two hours later",
            Self::CaRemoved => "CA removed",
            Self::OtherCaRemoved => "another CA removed",
            Self::PinChanged => "pin changed",
            Self::PinAdded => "pin added",
            Self::Expired => "certificate expired",
            Self::Renewed => "certificate expired, renewed",
            Self::PresentsRenewed => "certificate renewed",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    None,
    Optional,
    Required,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "none",
            Self::Optional => "optional",
            Self::Required => "required",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Store {
    Ticket,
    Cache,
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ticket => "ticket",
            Self::Cache => "cache",
        })
    }
}
