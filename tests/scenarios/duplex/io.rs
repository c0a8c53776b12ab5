//! What tasks do with streams.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use super::column::{Sink, Source};

pub(crate) async fn read(stream: &mut impl Source, buf: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| stream.poll_read(cx, buf)).await
}

/// Reads `len` bytes, or as many as there are before the end.
pub(crate) async fn read_up_to(stream: &mut impl Source, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buf = vec![0; len.min(1 << 16)];
    while bytes.len() < len {
        let room = buf.len().min(len - bytes.len());
        match read(stream, &mut buf[..room]).await? {
            0 => break,
            more => bytes.extend_from_slice(&buf[..more]),
        }
    }
    Ok(bytes)
}

pub(crate) async fn read_to_end(stream: &mut impl Source) -> io::Result<Vec<u8>> {
    read_up_to(stream, usize::MAX).await
}

/// Writes all of `bytes` and flushes.
pub(crate) async fn write_all(stream: &mut impl Sink, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let len = poll_fn(|cx| stream.poll_write(cx, bytes)).await?;
        assert!(len > 0, "nothing accepted and no error");
        bytes = &bytes[len..];
    }
    flush(stream).await
}

pub(crate) async fn flush(stream: &mut impl Sink) -> io::Result<()> {
    poll_fn(|cx| stream.poll_flush(cx)).await
}

pub(crate) async fn close(stream: &mut impl Sink) -> io::Result<()> {
    poll_fn(|cx| stream.poll_close(cx)).await
}

pub(crate) async fn write_all_and_close(stream: &mut impl Sink, bytes: &[u8]) -> io::Result<()> {
    write_all(stream, bytes).await?;
    close(stream).await
}

/// Gives back all that it reads, until the end.
pub(crate) async fn echo(mut stream: impl Source + Sink) -> io::Result<()> {
    let mut buf = [0; 500];
    loop {
        match read(&mut stream, &mut buf).await? {
            0 => return close(&mut stream).await,
            len => write_all(&mut stream, &buf[..len]).await?,
        }
    }
}

/// A future of `poll`, dropped where it is pending for the first time.
pub(crate) async fn cancelled<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    poll_fn(|cx| {
        Poll::Ready(match poll(cx) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        })
    })
    .await
}

/// Lets other tasks go first, perhaps.
pub(crate) async fn yield_now() {
    cancelled(|cx| {
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    })
    .await;
    woken().await;
}

/// Ready once somebody wakes the task.
pub(crate) async fn woken() {
    let mut polled = false;
    poll_fn(|_| {
        if polled {
            return Poll::Ready(());
        }
        polled = true;
        Poll::Pending
    })
    .await;
}

/// Bytes of which no two neighbours could be exchanged unnoticed.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at / 251 + at % 251) as u8).collect()
}
