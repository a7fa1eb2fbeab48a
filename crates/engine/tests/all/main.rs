//! The tests of loading and running Programs, in one program: linking one costs less than twenty.

mod cache_damage;
mod cache_limits;
mod cache_on_disk;
mod changed_splits;
mod devices;
mod failures;
mod held_weights;
mod hostile_programs;
mod hostile_records;
mod local_weights;
mod long_sequences;
mod lost_transfers;
mod not_finite;
mod overlap;
mod program_rules;
mod reconnect;
mod stalled_disk;
mod support;
mod wide_groups;
mod wire;
mod worlds;
