//! Links, handshake, collectives and slice transfer of dllama. Knows no models.
//!
//! A session has a root (rank 0) and workers, each connected with each other. The root calls
//! [`connect`], each worker [`Listener::accept`]; both get a [`Mesh`], over which all ranks call the
//! same collectives in the same order. Every sum comes out with the same bits on all ranks.
//!
//! | module | idea |
//! |---|---|
//! | `socket` | a non-blocking stream socket that counts its bytes |
//! | `frame`, `seal` | what a message looks like, in the clear and encrypted |
//! | `link` | one peer: where in which frame each direction stands |
//! | `exchange` | many frames at once, in both directions, by the calling thread |
//! | `collectives`, `control`, `slice` | what ranks say to each other, each one `exchange` |
//! | `connect`, `listener`, `handshake` | how a root and its workers become a mesh |
//! | `watch` | whom a rank waits for |
//! | `trust` | the key they share |
//! | `ending` | how a rank gives up, and tells why |
//! | `monitor` | heartbeats and closed connections while a rank computes |

#![forbid(unsafe_code)]

mod abort;
mod address;
mod codec;
mod collectives;
mod connect;
mod connection;
mod control;
mod ending;
mod error;
mod exchange;
mod frame;
#[cfg(fuzzing)]
pub mod fuzzing;
mod handshake;
mod in_memory;
mod limits;
mod link;
mod listener;
mod mesh;
mod monitor;
mod seal;
mod shared;
mod slice;
mod socket;
mod tcp;
mod traffic;
mod trust;
mod watch;

pub use codec::{Codec, F32Codec};
pub use collectives::{AllReduce, Reduction};
pub use connect::{ConnectOptions, connect};
pub use connection::Connection;
pub use error::Error;
pub use limits::{LinkOptions, MAX_WORLD_SIZE};
pub use listener::{Event, EventKind, Listener};
pub use mesh::Mesh;
pub use slice::Slice;
pub use traffic::Traffic;
pub use trust::{Key, MIN_TOKEN_BYTES, TokenTooShort, Trust};
pub use watch::{WaitedFor, Waiting, Watch};
