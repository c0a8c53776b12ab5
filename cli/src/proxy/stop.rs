//! How a proxy that shall end tells its connections.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::watch;

/// How far the end of the proxy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(super) enum Phase {
    Serving,
    /// No new connections; those that are open go on.
    Draining,
    /// The connections end.
    Ending,
}

/// Shows the phase to a connection.
#[derive(Clone)]
pub(super) struct Stop(watch::Receiver<Phase>);

impl Stop {
    pub(super) fn new() -> (watch::Sender<Phase>, Self) {
        let (sender, receiver) = watch::channel(Phase::Serving);
        (sender, Self(receiver))
    }

    /// Waits for `phase`, or a later one.
    pub(super) async fn reached(mut self, phase: Phase) {
        // A proxy that is gone has ended, too.
        let _ = self.0.wait_for(|now| *now >= phase).await;
    }
}

/// A reader that has ended once the connections shall: the peer is treated as if it had closed.
pub(super) struct UntilEnding<R> {
    reader: R,
    ending: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<R> UntilEnding<R> {
    pub(super) fn new(reader: R, stop: Stop) -> Self {
        Self {
            reader,
            ending: Some(Box::pin(stop.reached(Phase::Ending))),
        }
    }

    pub(super) fn get_ref(&self) -> &R {
        &self.reader
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for UntilEnding<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let over = match &mut this.ending {
            Some(ending) => ending.as_mut().poll(cx).is_ready(),
            None => true,
        };
        if over {
            this.ending = None;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.reader).poll_read(cx, buf)
    }
}
