//! Node-API bindings.
