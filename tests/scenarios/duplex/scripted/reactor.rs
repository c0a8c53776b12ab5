//! When a direction becomes ready, and who learns of it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// When somebody is woken who waits for a direction that became ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wakes {
    /// In the very call that made it ready.
    AtOnce,
    /// At any later time.
    Later,
    /// Only when no task can run any more.
    Last,
}

/// Directions that became ready, and whose users have not been woken yet.
#[derive(Clone, Debug)]
pub(crate) struct Reactor(Rc<Events>);

#[derive(Debug)]
struct Events {
    wakes: Wakes,
    waiting: RefCell<Vec<Readiness>>,
}

impl Reactor {
    pub(crate) fn new(wakes: Wakes) -> Self {
        Self(Rc::new(Events {
            wakes,
            waiting: RefCell::default(),
        }))
    }

    pub(crate) fn wakes(&self) -> Wakes {
        self.0.wakes
    }

    /// How many events wait.
    pub(crate) fn waiting(&self) -> usize {
        self.0.waiting.borrow().len()
    }

    /// Lets the event at `index` happen.
    pub(crate) fn deliver(&self, index: usize) {
        let readiness = self.0.waiting.borrow_mut().swap_remove(index);
        readiness.0.scheduled.set(false);
        readiness.become_ready();
    }

    /// A direction that nobody uses yet.
    pub(crate) fn direction(&self) -> Readiness {
        Readiness(Rc::new(Direction {
            reactor: self.clone(),
            ready: Cell::new(false),
            scheduled: Cell::new(false),
            waker: Cell::new(None),
            pendings: Cell::new(0),
            wakes: Cell::new(0),
        }))
    }
}

/// What one direction of one end knows of its user.
#[derive(Clone, Debug)]
pub(crate) struct Readiness(Rc<Direction>);

struct Direction {
    reactor: Reactor,
    ready: Cell<bool>,
    scheduled: Cell<bool>,
    waker: Cell<Option<Waker>>,
    pendings: Cell<u64>,
    wakes: Cell<u64>,
}

impl Readiness {
    /// How often its user had to wait.
    pub(crate) fn pendings(&self) -> u64 {
        self.0.pendings.get()
    }

    /// How often its user was woken.
    pub(crate) fn wakes(&self) -> u64 {
        self.0.wakes.get()
    }

    /// Remembers whom to wake, and forgets who was remembered before.
    pub(super) fn park<T>(&self, cx: &Context<'_>) -> Poll<T> {
        self.0.waker.set(Some(cx.waker().clone()));
        self.0.pendings.set(self.pendings() + 1);
        Poll::Pending
    }

    /// Forgets whom to wake.
    pub(super) fn forget(&self) {
        self.0.waker.set(None);
    }

    /// Ready once for each event. One is on its way afterwards.
    pub(super) fn poll_event(&self, cx: &Context<'_>) -> Poll<()> {
        if self.0.ready.take() {
            return Poll::Ready(());
        }
        let pending = self.park(cx);
        self.schedule();
        pending
    }

    /// Whoever waits may find now what it waits for.
    pub(super) fn notify(&self) {
        let waker = self.0.waker.take();
        let waited_for = waker.is_some();
        self.0.waker.set(waker);
        if waited_for {
            self.schedule();
        }
    }

    fn schedule(&self) {
        if self.0.reactor.wakes() == Wakes::AtOnce {
            self.become_ready();
        } else if !self.0.scheduled.replace(true) {
            self.0.reactor.0.waiting.borrow_mut().push(self.clone());
        }
    }

    fn become_ready(&self) {
        self.0.ready.set(true);
        if let Some(waker) = self.0.waker.take() {
            self.0.wakes.set(self.wakes() + 1);
            waker.wake();
        }
    }
}

impl std::fmt::Debug for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Direction")
            .field("pendings", &self.pendings)
            .field("wakes", &self.wakes)
            .finish_non_exhaustive()
    }
}
