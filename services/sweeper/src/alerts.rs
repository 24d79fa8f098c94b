//! The alerts of an Alertmanager: gather -> decide -> apply -> announce.

pub mod decide;
pub mod gather;
pub mod learn;
pub mod record;
pub mod round;
