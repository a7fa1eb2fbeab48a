//! `WorkerServer`: this device as a worker.

use std::path::PathBuf;

use dllama_engine::{Storage, Worker, WorkerEvent, WorkerOptions};
use napi::bindgen_prelude::AsyncTask;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;

use crate::failure::Outcome;
use crate::task::{Guarded, Work, promise};
use crate::trust::trust;
use crate::weight_sources::WeightSources;

/// What a worker lends, and to whom.
#[napi(object)]
pub struct ServerOptions {
    pub address: String,
    pub n_threads: u32,
    pub token: Option<String>,
    pub insecure: Option<bool>,
    pub max_memory: Option<f64>,
    pub cache_folder: Option<String>,
    pub max_cache_bytes: Option<f64>,
    pub model_path: Option<String>,
}

/// Something that a worker has to tell; the fields that a kind has are documented in TypeScript.
#[napi(object)]
pub struct ServerEvent {
    pub kind: String,
    pub address: Option<String>,
    pub rank: Option<u32>,
    pub world_size: Option<u32>,
    pub n_bytes: Option<f64>,
    pub sources: Option<WeightSources>,
    pub weight_bytes: Option<f64>,
    pub kv_cache_bytes: Option<f64>,
    pub buffer_bytes: Option<f64>,
    pub scratch_bytes: Option<f64>,
    pub turn_bytes: Option<f64>,
    pub free_bytes: Option<f64>,
    pub code: Option<String>,
    pub message: Option<String>,
}

type OnEvent = ThreadsafeFunction<ServerEvent, (), ServerEvent, Status, false>;

/// A worker that listens. Released by `close()`, or with the object.
#[napi]
pub struct WorkerServer {
    worker: Option<Worker>,
    host: String,
    port: u16,
}

#[napi]
impl WorkerServer {
    /// The address that it listens on.
    #[napi(getter)]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port that it listens on.
    #[napi(getter)]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Closes the port and ends the session.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn close(&mut self) -> AsyncTask<Guarded<Close>> {
        promise(Close(self.worker.take()))
    }
}

impl Drop for WorkerServer {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            // Waiting for its threads takes time that the JavaScript thread does not have. Without one more it waits.
            let _ = std::thread::Builder::new().spawn(move || drop(worker));
        }
    }
}

/// Listens and serves one root after another.
#[napi(ts_return_type = "Promise<WorkerServer>")]
pub fn start_worker(options: ServerOptions, on_event: OnEvent) -> AsyncTask<Guarded<Start>> {
    promise(Start { options, on_event })
}

pub struct Start {
    options: ServerOptions,
    on_event: OnEvent,
}

impl Work for Start {
    const NAME: &'static str = "startWorker";
    type Output = Worker;
    type Js<'env> = WorkerServer;

    fn run(self) -> Outcome<Worker> {
        let Self { options, on_event } = self;
        let tell = move |event| {
            on_event.call(describe(event), ThreadsafeFunctionCallMode::NonBlocking);
        };
        let storage = Storage {
            cache_folder: options.cache_folder.map(PathBuf::from),
            // A cast of a float ends at the borders of the integer.
            max_cache_bytes: options.max_cache_bytes.map(|n_bytes| n_bytes as u64),
            model: options.model_path.map(PathBuf::from),
        };
        let options = WorkerOptions {
            address: options.address,
            n_threads: options.n_threads as usize,
            trust: trust(options.token.as_deref(), options.insecure)?,
            // A cast of a float ends at the borders of the integer.
            max_memory: options.max_memory.map(|n_bytes| n_bytes as u64),
            storage,
        };
        Ok(Worker::start(options, tell)?)
    }

    fn into_js(worker: Worker, _: &Env) -> napi::Result<WorkerServer> {
        let address = worker.address();
        Ok(WorkerServer {
            worker: Some(worker),
            host: address.ip().to_string(),
            port: address.port(),
        })
    }
}

fn describe(event: WorkerEvent) -> ServerEvent {
    let mut described = ServerEvent {
        kind: String::new(),
        address: None,
        rank: None,
        world_size: None,
        n_bytes: None,
        sources: None,
        weight_bytes: None,
        kv_cache_bytes: None,
        buffer_bytes: None,
        scratch_bytes: None,
        turn_bytes: None,
        free_bytes: None,
        code: None,
        message: None,
    };
    match event {
        WorkerEvent::SessionBegan {
            root,
            rank,
            world_size,
        } => {
            described.kind = "sessionBegan".to_owned();
            described.address = Some(root);
            described.rank = Some(rank as u32);
            described.world_size = Some(world_size as u32);
        }
        WorkerEvent::Loading { memory, free_bytes } => {
            described.kind = "loading".to_owned();
            described.n_bytes = Some(memory.total_bytes() as f64);
            described.weight_bytes = Some(memory.weight_bytes as f64);
            described.kv_cache_bytes = Some(memory.kv_cache_bytes as f64);
            described.buffer_bytes = Some(memory.buffer_bytes as f64);
            described.scratch_bytes = Some(memory.scratch_bytes as f64);
            described.turn_bytes = Some(memory.turn_bytes as f64);
            described.free_bytes = free_bytes.map(|n_bytes| n_bytes as f64);
        }
        WorkerEvent::Loaded { tally } => {
            described.kind = "loaded".to_owned();
            described.sources = Some(tally.into());
        }
        WorkerEvent::CacheFailed { message } => {
            described.kind = "cacheFailed".to_owned();
            described.message = Some(message);
        }
        WorkerEvent::SessionEnded => described.kind = "sessionEnded".to_owned(),
        WorkerEvent::SessionFailed { code, message } => {
            described.kind = "sessionFailed".to_owned();
            described.code = Some(code.to_owned());
            described.message = Some(message);
        }
        WorkerEvent::Port {
            kind,
            address,
            message,
        } => {
            described.kind = kind.to_owned();
            described.address = Some(address);
            described.message = Some(message);
        }
    }
    described
}

pub struct Close(Option<Worker>);

impl Work for Close {
    const NAME: &'static str = "server.close";
    type Output = ();
    type Js<'env> = ();

    fn run(self) -> Outcome<()> {
        drop(self.0);
        Ok(())
    }

    fn into_js((): (), _: &Env) -> napi::Result<()> {
        Ok(())
    }
}
