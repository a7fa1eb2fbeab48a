//! The tests over links, in one program: linking one costs less than twenty. `tests/descriptors.rs` stays its own,
//! because it counts what its process has open.

mod authentication;
mod closing;
mod collectives;
mod every_world;
mod evicted_roots;
mod handshake;
mod hostile_frames;
mod idle;
mod lost_peers;
mod reasons;
mod sealed_records;
mod signs_of_life;
mod silence;
mod slices;
mod strangers;
mod support;
mod traffic;
mod watch;
