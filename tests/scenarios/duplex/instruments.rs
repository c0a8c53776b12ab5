//! The executor and the transport do what the matrix relies on.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_io::{AsyncRead as _, AsyncWrite as _};

use super::executor::{Executor, Stuck};
use super::scripted::{Link, Reactor, Script, Scripted, Wakes, Wire};

fn executor(wakes: Wakes) -> (Executor, Reactor) {
    let reactor = Reactor::new(wakes);
    (Executor::new(reactor.clone(), 1), reactor)
}

#[test]
fn a_task_that_nobody_wakes_is_found() {
    let (executor, _) = executor(Wakes::Later);
    let forgotten = executor.spawn("forgotten", pending::<()>());
    let stuck = executor.run(forgotten).unwrap_err();
    assert_eq!(
        stuck,
        Stuck::LostWake(vec!["forgotten", "the behaviour itself"])
    );
}

#[test]
fn tasks_that_wake_each_other_for_ever_are_found() {
    let (executor, _) = executor(Wakes::Later);
    let restless = executor.spawn("restless", async {
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        })
        .await;
    });
    assert_eq!(executor.run(restless).unwrap_err(), Stuck::Busy);
}

#[test]
fn wakes_are_counted() {
    let (executor, _) = executor(Wakes::Later);
    let mut polls = 0;
    let task = executor.spawn("task", async move {
        poll_fn(|cx| {
            polls += 1;
            if polls <= 5 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    });
    let done = executor.clone();
    executor
        .run(async move {
            done.quiet().await;
            assert_eq!(task.wakes(), 5);
        })
        .unwrap();
}

#[test]
fn the_order_follows_from_the_seed() {
    let order = |seed| {
        let executor = Executor::new(Reactor::new(Wakes::Later), seed);
        let order = Rc::new(Cell::new(0));
        for digit in 1..=8 {
            let order = Rc::clone(&order);
            drop(executor.spawn("task", async move { order.set(order.get() * 10 + digit) }));
        }
        let quiet = executor.clone();
        executor.run(async move { quiet.quiet().await }).unwrap();
        order.get()
    };
    assert_eq!(order(1), order(1));
    assert_ne!(order(1), order(2));
}

#[test]
fn a_wire_pauses_before_every_byte() {
    let (executor, reactor) = executor(Wakes::Later);
    let link = Link::scripted(Script::PendingThenByte);
    let [there, back] = [link; 2].map(|link| Wire::new(&reactor, link));
    let (mut near, mut far) = Scripted::pair(&there, &back);
    let writing = executor.spawn("writer", async move {
        let mut sent = 0;
        while sent < 100 {
            let bytes = [7; 100];
            sent += poll_fn(|cx| Pin::new(&mut near).poll_write(cx, &bytes[sent..]))
                .await
                .unwrap();
        }
        near
    });
    executor
        .run(async move {
            let mut buf = [0; 100];
            for _ in 0..100 {
                let read = poll_fn(|cx| Pin::new(&mut far).poll_read(cx, &mut buf)).await;
                assert_eq!(read.unwrap(), 1);
            }
            drop(writing.await);
        })
        .unwrap();
    for end in [there.writer(), there.reader()] {
        assert!(end.pendings() >= 100, "{end:?}");
        assert!(end.wakes() >= 100, "{end:?}");
    }
}

#[test]
fn a_direction_remembers_the_last_waker_only() {
    let (_, reactor) = executor(Wakes::AtOnce);
    let [there, back] = [Link::FREE; 2].map(|link| Wire::new(&reactor, link));
    let (mut near, mut far) = Scripted::pair(&there, &back);
    let [evicted, kept] = [0; 2].map(|_| Arc::new(Woken::default()));
    for woken in [&evicted, &kept] {
        let waker = Waker::from(Arc::clone(woken));
        let mut cx = Context::from_waker(&waker);
        assert!(Pin::new(&mut far).poll_read(&mut cx, &mut [0]).is_pending());
    }
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut near).poll_write(&mut cx, b"!").is_ready());
    assert!(!evicted.0.load(Ordering::SeqCst));
    assert!(kept.0.load(Ordering::SeqCst));
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
