//! Message framing over the plaintext of a connection.
//!
//! A framing is a pure machine like the connection below it: it borrows the bytes that
//! arrived, reports how many it used, and does no I/O.

pub mod lines;
