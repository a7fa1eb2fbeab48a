//! Weights from a root's file to a worker's memory, unit by unit, and only those that the worker lacks.
//!
//! For some units at a time, in their order, the root says their hashes and the worker where it has each
//! ([`Source`]); then the root sends those that are missing, joined where they follow each other. Hashes
//! of the next units are under way while these come, so that nobody waits for an answer. What the worker
//! receives or reads is hashed where it lies; what it read and is damaged, it asks for at the end.

mod filling;
mod holdings;
mod jobs;
pub(crate) mod manifest;
mod receive;
mod send;
mod stock;
mod tally;

pub(crate) use holdings::Holdings;
pub(crate) use receive::{Interrupted, Receiver};
pub(crate) use send::{Sender, Step};
pub(crate) use stock::{LocalModel, Stock};
pub use tally::Tally;
