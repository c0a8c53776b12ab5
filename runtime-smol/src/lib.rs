//! Ravelin streams, acceptors and listeners for smol
