//! The kinds of objects that are watched: each says how it is read, what a transition is, and how it is told.

pub mod application;
