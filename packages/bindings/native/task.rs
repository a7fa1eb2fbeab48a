//! Work on libuv's thread pool, for a promise.
//!
//! Node-API calls a task from C, where a panic would abort the process: whatever runs there runs here, behind
//! the engine's guard. A new kind of work implements [`Work`], and cannot do without the guard.

use dllama_engine::panic_points;
use napi::bindgen_prelude::{AsyncTask, ToNapiValue, TypeName};
use napi::{Env, ScopedTask};

use crate::failure::{Outcome, guarded};

/// What a promise stands for.
pub trait Work: Send + Sized + 'static {
    /// The export, for tests.
    const NAME: &'static str;
    type Output: Send + 'static;
    type Js<'env>: ToNapiValue + TypeName;

    /// Runs on the thread pool.
    fn run(self) -> Outcome<Self::Output>;

    /// Runs on the JavaScript thread.
    fn into_js<'env>(output: Self::Output, env: &'env Env) -> napi::Result<Self::Js<'env>>;
}

/// Queues `work`.
pub fn promise<W: Work>(work: W) -> AsyncTask<Guarded<W>> {
    AsyncTask::new(Guarded(Some(work)))
}

/// The one task that Node-API knows. It has its work until it is computed.
pub struct Guarded<W>(Option<W>);

impl<'task, W: Work> ScopedTask<'task> for Guarded<W> {
    type Output = Outcome<W::Output>;
    type JsValue = W::Js<'task>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let work = self.0.take();
        Ok(guarded(|| {
            panic_points::pass(W::NAME, 0);
            work.expect("a task is computed once").run()
        }))
    }

    fn resolve(&mut self, env: &'task Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        let js = output.and_then(|output| guarded(|| Ok(W::into_js(output, env))));
        js.unwrap_or_else(|failure| Err(failure.into_js(env)))
    }
}
