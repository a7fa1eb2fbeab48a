//! `Engine`: a model on the root and its workers.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use dllama_engine::{Progress, Root, RootOptions};
use dllama_net::Trust;
use napi::bindgen_prelude::{AsyncTask, BigInt};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, ScopedTask, Status, Task};
use napi_derive::napi;

use crate::failure::{Failure, Outcome};
use crate::plan::{Measurement, Plan};
use crate::trust::trust;

/// What an engine is made from.
#[napi(object)]
pub struct EngineOptions {
    pub model_path: String,
    pub programs: Vec<String>,
    pub workers: Vec<String>,
    pub token: Option<String>,
    pub insecure: Option<bool>,
    pub n_threads: u32,
    pub plan: Option<Plan>,
}

/// How far loading has come, in bytes of weights of all ranks.
#[napi(object)]
pub struct LoadProgress {
    pub done_bytes: f64,
    pub total_bytes: f64,
}

/// Fingerprints of a rank's state, for tests: equal ones mean equal bits.
#[napi(object)]
pub struct RankDigest {
    pub replicated: BigInt,
    pub kv_cache: BigInt,
}

type OnProgress = ThreadsafeFunction<LoadProgress, (), LoadProgress, Status, false>;

/// Where an engine's root is until it is disposed of. Tasks under way keep it alive.
#[derive(Clone, Default)]
pub struct Handle(Arc<Mutex<Option<Arc<Root>>>>);

impl Handle {
    pub fn root(&self) -> Outcome<Arc<Root>> {
        let place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        place.clone().ok_or_else(|| Failure::disposed("engine"))
    }

    fn take(&self) -> Option<Arc<Root>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A model, loaded on all ranks. Released by `dispose()`, or with the object.
#[napi]
pub struct Engine {
    pub(crate) handle: Handle,
    isa: &'static str,
    plan: dllama_engine::Plan,
    measurement: Option<dllama_engine::Measurement>,
}

#[napi]
impl Engine {
    /// The instruction set that the root computes with.
    #[napi(getter)]
    pub fn isa(&self) -> &'static str {
        self.isa
    }

    /// What the ranks have agreed on.
    #[napi(getter)]
    pub fn plan(&self) -> Plan {
        self.plan.into()
    }

    /// What the plan was made from, if loading has measured.
    #[napi(getter)]
    pub fn measurement(&self) -> Option<Measurement> {
        self.measurement.map(Into::into)
    }

    /// Fingerprints of all ranks, in rank order.
    #[napi(ts_return_type = "Promise<RankDigest[]>")]
    pub fn digests(&self) -> AsyncTask<Digests> {
        AsyncTask::new(Digests(self.handle.clone()))
    }

    /// Says goodbye to the workers and gives all memory back, after what is under way.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn dispose(&self) -> AsyncTask<Dispose> {
        AsyncTask::new(Dispose(self.handle.take()))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(root) = self.handle.take() {
            // Ending threads and unmapping takes milliseconds that the JavaScript thread has not.
            std::thread::spawn(move || drop(root));
        }
    }
}

/// Connects to the workers and loads all ranks. `onProgress` is told how far it has come.
#[napi(ts_return_type = "Promise<Engine>")]
pub fn load_engine(options: EngineOptions, on_progress: Option<OnProgress>) -> AsyncTask<Load> {
    AsyncTask::new(Load {
        options: Some(options),
        on_progress,
    })
}

pub struct Load {
    options: Option<EngineOptions>,
    on_progress: Option<OnProgress>,
}

#[napi]
impl<'task> ScopedTask<'task> for Load {
    type Output = Outcome<Root>;
    type JsValue = Engine;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let Some(options) = self.options.take() else {
            return Ok(Err(Failure::disposed("task")));
        };
        // Without workers there is nobody to trust.
        let trust = match options.workers.is_empty() {
            true => Trust::Insecure,
            false => match trust(options.token.as_deref(), options.insecure) {
                Ok(trust) => trust,
                Err(failure) => return Ok(Err(failure)),
            },
        };
        let options = RootOptions {
            model: PathBuf::from(options.model_path),
            programs: options.programs,
            workers: options.workers,
            trust,
            n_threads: options.n_threads as usize,
            plan: options.plan.map(Into::into),
        };
        let on_progress = self.on_progress.take();
        let progress = |progress: Progress| {
            if let Some(on_progress) = &on_progress {
                let progress = LoadProgress {
                    done_bytes: progress.done_bytes as f64,
                    total_bytes: progress.total_bytes as f64,
                };
                on_progress.call(progress, ThreadsafeFunctionCallMode::NonBlocking);
            }
        };
        Ok(Root::load(options, &progress).map_err(Failure::from))
    }

    fn resolve(&mut self, env: &'task Env, output: Self::Output) -> napi::Result<Engine> {
        let root = output.map_err(|failure| failure.into_js(env))?;
        Ok(Engine {
            isa: root.isa().name(),
            plan: root.plan(),
            measurement: root.measurement(),
            handle: Handle(Arc::new(Mutex::new(Some(Arc::new(root))))),
        })
    }
}

pub struct Dispose(Option<Arc<Root>>);

#[napi]
impl Task for Dispose {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> napi::Result<()> {
        self.0 = None;
        Ok(())
    }

    fn resolve(&mut self, _: Env, (): ()) -> napi::Result<()> {
        Ok(())
    }
}

pub struct Digests(Handle);

#[napi]
impl<'task> ScopedTask<'task> for Digests {
    type Output = Outcome<Vec<dllama_engine::Digest>>;
    type JsValue = Vec<RankDigest>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let digests = || Ok(self.0.root()?.digests()?);
        Ok(digests())
    }

    fn resolve(&mut self, env: &'task Env, output: Self::Output) -> napi::Result<Vec<RankDigest>> {
        let digests = output.map_err(|failure| failure.into_js(env))?;
        let digests = digests.into_iter().map(|digest| RankDigest {
            replicated: digest.replicated.into(),
            kv_cache: digest.kv_cache.into(),
        });
        Ok(digests.collect())
    }
}
