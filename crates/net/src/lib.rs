//! dllama-net
