//! dllama-kernels
