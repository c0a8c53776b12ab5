//! Ravelin streams, acceptors and listeners for tokio
