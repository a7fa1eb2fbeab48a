//! Node-API bindings.

mod convert;
