//! Node-API bindings of the engine: thin. What takes more than a millisecond is a promise; errors
//! have stable codes; results are copied into JavaScript's memory.

mod convert;
mod cores;
mod engine;
mod failure;
mod forward;
mod worker;
