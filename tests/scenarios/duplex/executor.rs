//! A single-threaded executor whose order follows from a seed, and which knows when nothing can go on.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::scripted::{Reactor, Wakes};

/// More steps than any behaviour needs.
const MOST_STEPS: u64 = 1_000_000;

pub(crate) type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// Why a run did not end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stuck {
    /// These tasks wait, and nobody will ever wake them.
    LostWake(Vec<&'static str>),
    /// Tasks wake each other for ever.
    Busy,
}

/// Runs tasks. Clones are the same executor.
#[derive(Clone)]
pub(crate) struct Executor(Rc<State>);

struct State {
    reactor: Reactor,
    random: Cell<u64>,
    patience: Cell<Duration>,
    tasks: RefCell<Vec<Rc<Task>>>,
    /// Those who wait until nothing can go on.
    quiet: RefCell<Vec<Waker>>,
}

struct Task {
    name: &'static str,
    future: RefCell<Option<LocalFuture<()>>>,
    flag: Arc<Flag>,
    waker: Waker,
}

/// Whether a task was woken.
struct Flag {
    woken: AtomicBool,
    wakes: AtomicU64,
    thread: Thread,
}

impl Executor {
    /// The order of everything that happens follows from `seed`.
    pub(crate) fn new(reactor: Reactor, seed: u64) -> Self {
        Self(Rc::new(State {
            reactor,
            random: Cell::new(seed),
            patience: Cell::new(Duration::ZERO),
            tasks: RefCell::default(),
            quiet: RefCell::default(),
        }))
    }

    /// When no task can go on, waits so long for a timer. Without it there is no waiting: only tasks wake tasks.
    pub(crate) fn wait_for_timers(&self, patience: Duration) {
        self.0.patience.set(patience);
    }

    /// Begins a task.
    pub(crate) fn spawn<T: 'static>(
        &self,
        name: &'static str,
        future: impl Future<Output = T> + 'static,
    ) -> Join<T> {
        let outcome = Rc::new(Outcome::default());
        let join = Join {
            outcome: Rc::clone(&outcome),
            flag: Flag::new(),
        };
        let flag = Arc::clone(&join.flag);
        let future = Box::pin(async move {
            let value = future.await;
            outcome.value.set(Some(value));
            if let Some(waker) = outcome.waker.take() {
                waker.wake();
            }
        });
        self.0.tasks.borrow_mut().push(Rc::new(Task {
            name,
            future: RefCell::new(Some(future)),
            waker: Waker::from(Arc::clone(&flag)),
            flag,
        }));
        join
    }

    /// Ready once no task can go on.
    pub(crate) async fn quiet(&self) {
        let mut registered = false;
        std::future::poll_fn(|cx| {
            if registered {
                return Poll::Ready(());
            }
            registered = true;
            self.0.quiet.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Runs until `future` is ready, which it must be whenever nothing else can happen.
    pub(crate) fn run<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> Result<T, Stuck> {
        let mut join = self.spawn("the behaviour itself", future);
        let outcome = self.run_until(|| join.take());
        // Their futures hold this executor.
        drop(self.0.tasks.take());
        outcome
    }

    fn run_until<T>(&self, mut done: impl FnMut() -> Option<T>) -> Result<T, Stuck> {
        for _ in 0..MOST_STEPS {
            if let Some(value) = done() {
                return Ok(value);
            }
            if !self.step() {
                let waiting = self.unfinished().map(|task| task.name).collect();
                return Err(Stuck::LostWake(waiting));
            }
        }
        Err(Stuck::Busy)
    }

    /// Lets something happen. False when nothing can.
    fn step(&self) -> bool {
        let runnable: Vec<_> = self
            .unfinished()
            .filter(|task| task.flag.is_woken())
            .collect();
        let reactor = &self.0.reactor;
        let events = match reactor.wakes() {
            Wakes::Last if !runnable.is_empty() => 0,
            Wakes::AtOnce | Wakes::Later | Wakes::Last => reactor.waiting(),
        };
        if runnable.is_empty() && events == 0 {
            let quiet = self.0.quiet.take();
            if quiet.is_empty() {
                return self.wait_for_a_timer();
            }
            quiet.into_iter().for_each(Waker::wake);
            return true;
        }
        let choice = self.choose(runnable.len() + events);
        match runnable.get(choice) {
            Some(task) => task.poll(),
            None => reactor.deliver(choice - runnable.len()),
        }
        true
    }

    fn wait_for_a_timer(&self) -> bool {
        let deadline = Instant::now() + self.0.patience.get();
        loop {
            if self.unfinished().any(|task| task.flag.is_woken()) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            thread::park_timeout(left);
        }
    }

    fn unfinished(&self) -> impl Iterator<Item = Rc<Task>> {
        let mut tasks = self.0.tasks.borrow_mut();
        tasks.retain(|task| task.future.borrow().is_some());
        tasks.clone().into_iter()
    }

    /// A number below `bound` (SplitMix64).
    fn choose(&self, bound: usize) -> usize {
        let state = self.0.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

impl Task {
    fn poll(&self) {
        self.flag.woken.store(false, Ordering::SeqCst);
        let Some(mut future) = self.future.take() else {
            return;
        };
        let mut cx = Context::from_waker(&self.waker);
        if future.as_mut().poll(&mut cx).is_pending() {
            self.future.replace(Some(future));
        }
    }
}

impl Flag {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            woken: AtomicBool::new(true),
            wakes: AtomicU64::new(0),
            thread: thread::current(),
        })
    }

    fn is_woken(&self) -> bool {
        self.woken.load(Ordering::SeqCst)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
        self.woken.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// What a task will give. Dropping it lets the task run on.
pub(crate) struct Join<T> {
    outcome: Rc<Outcome<T>>,
    flag: Arc<Flag>,
}

struct Outcome<T> {
    value: Cell<Option<T>>,
    waker: Cell<Option<Waker>>,
}

impl<T> Default for Outcome<T> {
    fn default() -> Self {
        Self {
            value: Cell::new(None),
            waker: Cell::new(None),
        }
    }
}

impl<T> Join<T> {
    /// How often the task was woken.
    pub(crate) fn wakes(&self) -> u64 {
        self.flag.wakes.load(Ordering::SeqCst)
    }

    fn take(&mut self) -> Option<T> {
        self.outcome.value.take()
    }
}

impl<T> Future for Join<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if let Some(value) = self.take() {
            return Poll::Ready(value);
        }
        self.outcome.waker.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LostWake(tasks) => write!(f, "lost wake-up: {} wait for ever", tasks.join(", ")),
            Self::Busy => f.write_str("tasks wake each other for ever"),
        }
    }
}
