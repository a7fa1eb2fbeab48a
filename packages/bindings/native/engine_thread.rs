//! The thread of an engine: serves what JavaScript asks of it, one after the other, in order.
//!
//! Between two jobs it sleeps, so that an idle engine costs nothing. Staying awake for the next forward was
//! tried: `docs/decisions/0024-engine-thread.md` has the figures.
//!
//! The thread owns the engine's root. A promise is settled through a deferred of Node-API, which keeps
//! the process alive while something is under way; the thread itself does not.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use dllama_engine::{Root, panic_points};
use napi::Env;
use napi::JsValue;
use napi::bindgen_prelude::{Object, PromiseRaw, ToNapiValue};
use napi::sys::{napi_env, napi_value};

use crate::failure::{Failure, Outcome, guarded};

/// What is asked of the thread. Without a root the engine has been disposed of.
type Job = Box<dyn FnOnce(&mut Option<Root>) + Send>;

/// A result on its way to JavaScript, where `into_js` copies it.
pub trait Answer: Send + 'static {
    type Js<'env>: ToNapiValue;

    fn into_js<'env>(self, env: &'env Env) -> napi::Result<Self::Js<'env>>;
}

impl Answer for () {
    type Js<'env> = ();

    fn into_js(self, _: &Env) -> napi::Result<()> {
        Ok(())
    }
}

/// A root with its thread. Dropping it lets the thread end after what it was asked before.
pub struct EngineThread {
    queue: Arc<Queue>,
    root: Arc<Mutex<Option<Root>>>,
}

impl EngineThread {
    /// Starts the thread.
    pub fn start(root: Root) -> Outcome<Self> {
        let queue = Arc::new(Queue::default());
        let root = Arc::new(Mutex::new(Some(root)));
        let (served, its_root) = (Arc::clone(&queue), Arc::clone(&root));
        let serve = move || {
            while let Some(job) = served.next() {
                job(&mut lock(&its_root));
                served.state().n_under_way -= 1;
            }
            // Ending threads and unmapping takes milliseconds that the JavaScript thread does not have.
            *lock(&its_root) = None;
        };
        let thread = thread::Builder::new().name("dllama-engine".to_owned());
        match thread.spawn(serve) {
            Ok(_) => Ok(Self { queue, root }),
            Err(error) => Err(dllama_engine::Error::from(error).into()),
        }
    }

    /// Has the thread do `work`, and returns the promise of what it gives.
    pub fn ask<'env, T: Answer>(
        &self,
        env: &'env Env,
        work: impl FnOnce(&Root) -> Outcome<T> + Send + 'static,
    ) -> napi::Result<Object<'env>> {
        self.promise(env, |root| with_root(root, work))
    }

    /// Whether the thread has nothing to do.
    pub fn is_idle(&self) -> bool {
        self.queue.state().n_under_way == 0
    }

    /// Does `work` on this thread, for which the other one has to be idle, and returns a promise that is
    /// settled.
    pub fn do_here<'env, T: Answer>(
        &self,
        env: &'env Env,
        work: impl FnOnce(&Root) -> Outcome<T>,
    ) -> napi::Result<Object<'env>> {
        let outcome = guarded(|| with_root(&mut lock(&self.root), work));
        let promise = match outcome {
            Ok(_) => PromiseRaw::resolve(env, Settled(outcome))?,
            Err(failure) => PromiseRaw::reject(env, failure.into_js(env))?,
        };
        Ok(Object::from_raw(env.raw(), promise.raw()))
    }

    /// As [`do_here`](Self::do_here), but the promise is settled from the event loop, which has its turn first.
    pub fn do_here_in_turn<'env, T: Answer>(
        &self,
        env: &'env Env,
        work: impl FnOnce(&Root) -> Outcome<T>,
    ) -> napi::Result<Object<'env>> {
        let (deferred, promise) = env.create_deferred()?;
        let outcome = guarded(|| with_root(&mut lock(&self.root), work));
        // What is asked meanwhile is answered later.
        self.queue.state().n_under_way += 1;
        let queue = Arc::clone(&self.queue);
        deferred.resolve(move |_| {
            queue.state().n_under_way -= 1;
            Ok(Settled(outcome))
        });
        Ok(promise)
    }

    /// Has the thread give the root's memory back and end.
    pub fn dispose<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let promise = self.promise(env, |root| {
            *root = None;
            Ok(())
        });
        self.queue.close();
        promise
    }

    fn promise<'env, T: Answer>(
        &self,
        env: &'env Env,
        work: impl FnOnce(&mut Option<Root>) -> Outcome<T> + Send + 'static,
    ) -> napi::Result<Object<'env>> {
        let (deferred, promise) = env.create_deferred()?;
        self.queue.push(Box::new(move |root| {
            let outcome = guarded(|| work(root));
            deferred.resolve(move |_| Ok(Settled(outcome)));
        }));
        Ok(promise)
    }
}

fn lock(root: &Mutex<Option<Root>>) -> MutexGuard<'_, Option<Root>> {
    root.lock().unwrap_or_else(PoisonError::into_inner)
}

fn with_root<T>(root: &mut Option<Root>, work: impl FnOnce(&Root) -> Outcome<T>) -> Outcome<T> {
    match root {
        Some(root) => work(root),
        None => Err(Failure::disposed("engine")),
    }
}

impl Drop for EngineThread {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// What a promise is settled with.
struct Settled<T>(Outcome<T>);

impl<T: Answer> ToNapiValue for Settled<T> {
    unsafe fn to_napi_value(raw: napi_env, settled: Self) -> napi::Result<napi_value> {
        let env = Env::from_raw(raw);
        let into_js = |answer: T| {
            panic_points::pass("answer", 0);
            Ok(answer.into_js(&env))
        };
        let answer = settled.0.and_then(|answer| guarded(|| into_js(answer)));
        let value = answer.unwrap_or_else(|failure| Err(failure.into_js(&env)))?;
        // SAFETY: the caller's `raw` is that of the call under way on this thread.
        unsafe { ToNapiValue::to_napi_value(raw, value) }
    }
}

/// Jobs that wait for the thread.
#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Jobs, and the one that the thread is at.
    n_under_way: usize,
    is_closed: bool,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a job. After the end it is run at once, without a root.
    fn push(&self, job: Job) {
        let mut state = self.state();
        if state.is_closed {
            drop(state);
            return job(&mut None);
        }
        state.jobs.push_back(job);
        state.n_under_way += 1;
        drop(state);
        self.changed.notify_one();
    }

    /// Lets the thread end after the jobs that there are.
    fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_one();
    }

    /// The next job; `None` at the end.
    fn next(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.is_closed {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
