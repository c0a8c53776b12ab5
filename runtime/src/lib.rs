//! What Ravelin needs from an operating system, without choosing an executor
