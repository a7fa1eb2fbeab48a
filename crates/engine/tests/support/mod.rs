//! A Llama small enough for every test: a model file of seeded numbers and its Programs.

#![allow(dead_code, reason = "each test file uses its own part of it")]

pub mod model;
pub mod tiny;

use dllama_engine::{Error, Root, RootOptions, Row, Want};

use model::ModelFile;

/// A row of sequence 0 that wants candidates.
pub fn row(token: u32, position: u32) -> Row {
    Row {
        token,
        position,
        sequence: 0,
        want: Want::Candidates,
        temperature: 1.0,
    }
}

/// Loads a model for one rank.
pub fn load(file: &ModelFile, program: &str, n_threads: usize) -> Result<Root, Error> {
    let options = RootOptions {
        model: file.path().to_owned(),
        programs: vec![program.to_owned()],
        workers: vec![],
        n_threads,
    };
    Root::load(options, &|_| {})
}
