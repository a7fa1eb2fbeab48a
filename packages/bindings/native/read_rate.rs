//! `readRate`: what this machine's memory can deliver.

use napi::Env;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;

use crate::failure::Outcome;
use crate::task::{Guarded, Work, promise};

/// Bytes a second that a plain loop reads from a buffer of `nBytes` with `nThreads`.
#[napi(ts_return_type = "Promise<number>")]
pub fn read_rate(n_bytes: f64, n_threads: u32) -> AsyncTask<Guarded<ReadRate>> {
    promise(ReadRate { n_bytes, n_threads })
}

pub struct ReadRate {
    n_bytes: f64,
    n_threads: u32,
}

impl Work for ReadRate {
    const NAME: &'static str = "readRate";
    type Output = f64;
    type Js<'env> = f64;

    fn run(self) -> Outcome<f64> {
        // A cast of a float ends at the borders of the integer, and NaN gives 0.
        let rate = dllama_engine::read_rate(self.n_bytes as usize, self.n_threads as usize);
        Ok(rate?)
    }

    fn into_js(rate: f64, _: &Env) -> napi::Result<f64> {
        Ok(rate)
    }
}
