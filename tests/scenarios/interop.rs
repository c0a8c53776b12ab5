//! With parts that others wrote: tokio-rustls at the other end, rmcp on top.
