//! Writes the TypeScript types of the Program, a file a type, into the folder given.
//!
//! ```text
//! cargo run -p dllama-engine --features typescript --example export_types -- FOLDER
//! ```

use std::process::ExitCode;

use dllama_engine::program::Program;
use ts_rs::{Config, TS};

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("usage: export_types FOLDER");
        return ExitCode::from(2);
    };
    let config = Config::from_env().with_out_dir(folder);
    match Program::export_all(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write the types: {error}");
            ExitCode::FAILURE
        }
    }
}
