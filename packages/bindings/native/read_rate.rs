//! `readRate`: what this machine's memory can deliver.

use napi::bindgen_prelude::AsyncTask;
use napi::{Env, ScopedTask};
use napi_derive::napi;

use crate::failure::{Failure, Outcome};

/// Bytes a second that a plain loop reads from a buffer of `nBytes` with `nThreads`.
#[napi(ts_return_type = "Promise<number>")]
pub fn read_rate(n_bytes: f64, n_threads: u32) -> AsyncTask<ReadRate> {
    AsyncTask::new(ReadRate { n_bytes, n_threads })
}

pub struct ReadRate {
    n_bytes: f64,
    n_threads: u32,
}

#[napi]
impl<'task> ScopedTask<'task> for ReadRate {
    type Output = Outcome<f64>;
    type JsValue = f64;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        // A cast of a float ends at the borders of the integer, and NaN gives 0.
        let rate = dllama_engine::read_rate(self.n_bytes as usize, self.n_threads as usize);
        Ok(rate.map_err(Failure::from))
    }

    fn resolve(&mut self, env: &'task Env, output: Self::Output) -> napi::Result<f64> {
        output.map_err(|failure| failure.into_js(env))
    }
}
