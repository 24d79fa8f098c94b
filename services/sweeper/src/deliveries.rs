//! The deliveries of a webhook of GitHub: gather -> decide -> apply -> announce.

pub mod apply;
pub mod decide;
pub mod fetch;
pub mod gather;
pub mod record;
pub mod redeliver;
pub mod round;
