//! `signalbox doctor`: tries the program itself.

pub mod guard;
pub mod soak;
