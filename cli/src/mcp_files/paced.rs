//! A client that sends requests and reads no answers is no longer listened to, so that answers cannot pile up.

use std::io;
use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::model::{GetExtensions as _, JsonRpcMessage};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

/// Requests that are worked on at a time.
const CONCURRENT: usize = 8;
/// Bytes of one message of the client; a request carries little more than a path.
const LINE_LIMIT: usize = 1024 * 1024;

/// rmcp's newline-delimited transport, which by itself reads on without a bound while its answers wait to be written.
pub(super) struct Paced<R: AsyncRead, W: AsyncWrite> {
    lines: AsyncRwTransport<RoleServer, R, W>,
    working: Arc<Semaphore>,
    /// Fair: whoever asks for it waits for every answer that queued before.
    writing: Arc<Mutex<()>>,
}

impl<R, W> Paced<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    pub(super) fn new(input: R, output: W) -> Self {
        Self {
            lines: AsyncRwTransport::new_server(input, output).with_max_line_length(LINE_LIMIT),
            working: Arc::new(Semaphore::new(CONCURRENT)),
            writing: Arc::new(Mutex::new(())),
        }
    }
}

impl<R, W> Transport<RoleServer> for Paced<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), io::Error>> + Send + 'static {
        let sending = self.lines.send(item);
        let writing = Arc::clone(&self.writing);
        async move {
            let _turn = writing.lock_owned().await;
            sending.await
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        // Dropped in between, all of this begins anew: a permit goes back, and a partial line stays in `lines`.
        let permit = Arc::clone(&self.working).acquire_owned().await.ok()?;
        drop(self.writing.lock().await);
        let mut message = self.lines.receive().await?;
        if let JsonRpcMessage::Request(request) = &mut message {
            // Lives as long as the work on the request: rmcp drops both together, however the work ends.
            request
                .request
                .extensions_mut()
                .insert(Working(Arc::new(permit)));
        }
        Some(message)
    }

    async fn close(&mut self) -> Result<(), io::Error> {
        self.lines.close().await
    }
}

#[derive(Clone)]
struct Working(#[expect(dead_code, reason = "held, never read")] Arc<OwnedSemaphorePermit>);
