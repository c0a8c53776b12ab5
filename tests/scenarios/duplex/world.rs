//! Where a behaviour takes place: an executor, wires of a kind, and two ends that know each other.

use std::marker::PhantomData;
use std::time::Duration;

use ravelin_core::config::{Limits, Timeouts};
use ravelin_tests::light::light;
use ravelin_tests::setup::setup;

use super::column::Column;
use super::executor::{Executor, Join};
use super::io::flush;
use super::scripted::{Link, Reactor, Script, Scripted, Wakes, Wire};

/// Under which conditions a behaviour is played, and how often under each, in another order of events.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) conditions: &'static [Conditions],
    pub(crate) orders: u64,
}

/// How the wires of a run work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions {
    pub(crate) name: &'static str,
    pub(crate) to_server: Link,
    pub(crate) to_client: Link,
    pub(crate) wakes: Wakes,
}

/// For some hundred bytes.
pub(crate) const EVERY_BYTE: Scene = Scene {
    orders: 3,
    conditions: &[
        both("always ready", Link::FREE, Wakes::AtOnce),
        both("pending before every byte", BYTES, Wakes::AtOnce),
        both(
            "pending before every byte, woken later",
            BYTES,
            Wakes::Later,
        ),
        both("pending before every byte, woken last", BYTES, Wakes::Last),
        both(
            "one byte with every call",
            Link::scripted(Script::Byte),
            Wakes::Later,
        ),
        both("pending, then all", PAUSES, Wakes::Later),
        both("room for 1 byte", Link::holding(1), Wakes::AtOnce),
        both("room for 7 bytes", Link::holding(7), Wakes::Later),
        both(
            "room for 7 bytes, woken last",
            Link::holding(7),
            Wakes::Last,
        ),
        both(
            "room for 4096 bytes, woken last",
            Link::holding(4096),
            Wakes::Last,
        ),
        both("kept until flushed", SLOW_BUFFER, Wakes::Later),
        both("forgetful", Link::FREE.forgetful(), Wakes::Later),
        both(
            "room for 7 bytes, forgetful",
            Link::holding(7).forgetful(),
            Wakes::Later,
        ),
        both(
            "kept until flushed, forgetful",
            BUFFER.forgetful(),
            Wakes::Later,
        ),
        Conditions {
            name: "pending before every byte to the server",
            to_server: BYTES,
            to_client: Link::FREE,
            wakes: Wakes::Later,
        },
        Conditions {
            name: "pending before every byte to the client",
            to_server: Link::FREE,
            to_client: BYTES,
            wakes: Wakes::Later,
        },
    ],
};

/// For mebibytes that wait in the wires.
pub(crate) const UNBOUNDED: Scene = Scene {
    orders: 1,
    conditions: &[
        both("always ready", Link::FREE, Wakes::AtOnce),
        both("pending, then all, woken last", PAUSES, Wakes::Last),
    ],
};

/// For mebibytes that are read meanwhile.
pub(crate) const BOUNDED: Scene = Scene {
    orders: 1,
    conditions: &[
        both("room for 4096 bytes", Link::holding(4096), Wakes::Later),
        both(
            "room for 64 KiB, woken last",
            Link::holding(65_536),
            Wakes::Last,
        ),
    ],
};

/// For real time, which costs real time.
pub(crate) const TIMED: Scene = Scene {
    orders: 1,
    conditions: &[both("pending, then all", PAUSES, Wakes::Later)],
};

const fn both(name: &'static str, link: Link, wakes: Wakes) -> Conditions {
    Conditions {
        name,
        to_server: link,
        to_client: link,
        wakes,
    }
}

const BYTES: Link = Link::scripted(Script::PendingThenByte);
const PAUSES: Link = Link::scripted(Script::PendingThenAll);
const BUFFER: Link = Link {
    buffered: true,
    ..Link::FREE
};
const SLOW_BUFFER: Link = Link {
    buffered: true,
    ..PAUSES
};

/// Where one behaviour takes place, once.
pub(crate) struct World<C> {
    pub(crate) conditions: Conditions,
    executor: Executor,
    reactor: Reactor,
    column: PhantomData<C>,
}

/// Both ends of an established connection, and the wires between them.
pub(crate) struct Joined<C: Column> {
    pub(crate) client: C::Stream,
    pub(crate) server: C::Stream,
    pub(crate) to_server: Wire,
    pub(crate) to_client: Wire,
}

impl<C: Column> World<C> {
    pub(crate) fn new(conditions: Conditions, seed: u64) -> Self {
        let reactor = Reactor::new(conditions.wakes);
        Self {
            conditions,
            executor: Executor::new(reactor.clone(), seed),
            reactor,
            column: PhantomData,
        }
    }

    pub(crate) fn executor(&self) -> Executor {
        self.executor.clone()
    }

    pub(crate) fn spawn<T: 'static>(
        &self,
        name: &'static str,
        future: impl Future<Output = T> + 'static,
    ) -> Join<T> {
        self.executor.spawn(name, future)
    }

    /// Ready once no task can go on.
    pub(crate) async fn quiet(&self) {
        self.executor.quiet().await;
    }

    /// Gives a timer the time to fire.
    pub(crate) fn wait_for_timers(&self) {
        self.executor.wait_for_timers(Duration::from_secs(5));
    }

    /// A connection whose limits let few bytes block a writer. The conditions hold from its first byte.
    pub(crate) async fn joined_in_bad_conditions(&self) -> Joined<C> {
        let Conditions {
            to_server,
            to_client,
            ..
        } = self.conditions;
        self.connected([to_server, to_client], small(), NEVER).await
    }

    /// The same, but the conditions hold only once it is established.
    pub(crate) async fn joined(&self) -> Joined<C> {
        self.joined_with(small(), NEVER).await
    }

    /// The same with the limits that connections have by default.
    pub(crate) async fn joined_by_default(&self) -> Joined<C> {
        self.joined_with(Limits::default(), NEVER).await
    }

    pub(crate) async fn joined_with(&self, limits: Limits, timeouts: Timeouts) -> Joined<C> {
        let joined = self.connected([Link::FREE; 2], limits, timeouts).await;
        joined.to_server.set(self.conditions.to_server);
        joined.to_client.set(self.conditions.to_client);
        joined
    }

    /// The timeouts are the client's; the server has patience.
    async fn connected(&self, links: [Link; 2], limits: Limits, timeouts: Timeouts) -> Joined<C> {
        let client = setup().client(light(1)).limits(limits).timeouts(timeouts);
        let server = setup().mutual(light(2)).limits(limits).timeouts(NEVER);
        let [to_server, to_client] = links.map(|link| Wire::new(&self.reactor, link));
        let (near, far) = Scripted::pair(&to_server, &to_client);
        let accepting = self.spawn("server", C::accept(&server.build().unwrap(), far));
        let mut client = C::connect(&client.build().unwrap(), near).await.unwrap();
        flush(&mut client).await.unwrap();
        Joined {
            client,
            server: accepting.await.unwrap(),
            to_server,
            to_client,
        }
    }
}

/// With these few bytes block a writer.
pub(crate) fn small() -> Limits {
    Limits {
        outgoing: 400,
        fragment: 128,
        ..Limits::default()
    }
}

/// No wake-up may come from a timer, unless a behaviour is about timers.
pub(crate) const NEVER: Timeouts = Timeouts {
    handshake: Duration::from_secs(3600),
    record: Duration::from_secs(3600),
    idle: None,
    close: Duration::from_secs(3600),
};
