//! With parts that others wrote: tokio-rustls at the other end, rmcp on top.

mod mcp;
mod rustls_peer;

use std::time::Duration;

/// What takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);
