//! dllama-engine
