//! Ravelin streams, acceptors and listeners for async-std
