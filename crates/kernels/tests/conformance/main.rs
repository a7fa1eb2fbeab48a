//! Every operation, under every instruction set that this machine runs, against a
//! slow and obvious reference in f64, or against the rule it states.

mod attention;
mod candidates;
mod convert;
mod data;
mod elementwise;
mod exact;
mod isas;
mod matmul;
mod quantize;
mod reference;
mod rows;
