//! `Connection`: ranks that have met, before a model is shared out over them.

use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use dllama_engine::Connected;
use napi::bindgen_prelude::AsyncTask;
use napi::{Env, ScopedTask, Task};
use napi_derive::napi;

use crate::failure::{Failure, Outcome};
use crate::trust::trust;

/// Who is to meet.
#[napi(object)]
pub struct ConnectOptions {
    pub workers: Vec<String>,
    pub n_threads: u32,
    pub token: Option<String>,
    pub insecure: Option<bool>,
}

/// What a device tells of itself.
#[napi(object, use_nullable = true)]
pub struct DeviceFacts {
    pub n_threads: u32,
    pub n_cores: u32,
    pub free_bytes: Option<f64>,
}

/// What a device delivers.
#[napi(object)]
pub struct MatmulRates {
    pub bytes_per_second: f64,
    pub ops_per_second: f64,
}

/// Where the ranks are until an engine takes them.
#[derive(Clone)]
struct Handle(Arc<Mutex<Option<Connected>>>);

impl Handle {
    /// Waits for a measurement that is under way.
    fn take(&self) -> Option<Connected> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Does not wait: for the JavaScript thread.
    fn try_take(&self) -> Outcome<Connected> {
        let connected = match self.0.try_lock() {
            Ok(mut place) => place.take(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().take(),
            Err(TryLockError::WouldBlock) => return Err(Failure::busy("connection")),
        };
        connected.ok_or_else(|| Failure::disposed("connection"))
    }
}

/// Ranks that have met. Released by `close()`, by loading an engine over them, or with the object.
#[napi]
pub struct Connection {
    handle: Handle,
    devices: Vec<dllama_engine::DeviceFacts>,
}

#[napi]
impl Connection {
    /// What the devices are, in rank order.
    #[napi(getter)]
    pub fn devices(&self) -> Vec<DeviceFacts> {
        let facts = self.devices.iter().map(|facts| DeviceFacts {
            n_threads: facts.n_threads,
            n_cores: facts.n_cores,
            free_bytes: facts.free_bytes.map(|n_bytes| n_bytes as f64),
        });
        facts.collect()
    }

    /// Has all ranks measure their matmuls at the same time.
    #[napi(ts_return_type = "Promise<MatmulRates[]>")]
    pub fn measure_rates(&self) -> AsyncTask<MeasureRates> {
        AsyncTask::new(MeasureRates(self.handle.clone()))
    }

    /// Lets the workers go.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn close(&self) -> AsyncTask<Close> {
        AsyncTask::new(Close(self.handle.clone()))
    }

    /// For an engine that is loaded over them.
    pub(crate) fn take(&self) -> Outcome<Connected> {
        self.handle.try_take()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A task that still measures has the handle, too, and drops it in its thread's time.
        if let Ok(connected) = self.handle.try_take() {
            // Saying goodbye takes time that the JavaScript thread has not.
            std::thread::spawn(move || drop(connected));
        }
    }
}

/// Connects to the workers and asks what all devices are.
#[napi(ts_return_type = "Promise<Connection>")]
pub fn connect_ranks(options: ConnectOptions) -> AsyncTask<Connect> {
    AsyncTask::new(Connect(options))
}

pub struct Connect(ConnectOptions);

#[napi]
impl<'task> ScopedTask<'task> for Connect {
    type Output = Outcome<(Connected, Vec<dllama_engine::DeviceFacts>)>;
    type JsValue = Connection;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let workers = std::mem::take(&mut self.0.workers);
        let connect = || {
            let trust = trust(self.0.token.as_deref(), self.0.insecure)?;
            let connected = Connected::connect(workers, trust, self.0.n_threads as usize)?;
            let devices = connected.devices()?;
            Ok((connected, devices))
        };
        Ok(connect())
    }

    fn resolve(&mut self, env: &'task Env, output: Self::Output) -> napi::Result<Connection> {
        let (connected, devices) = output.map_err(|failure| failure.into_js(env))?;
        let handle = Handle(Arc::new(Mutex::new(Some(connected))));
        Ok(Connection { handle, devices })
    }
}

pub struct MeasureRates(Handle);

#[napi]
impl<'task> ScopedTask<'task> for MeasureRates {
    type Output = Outcome<Vec<dllama_engine::MatmulRates>>;
    type JsValue = Vec<MatmulRates>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let place = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match &*place {
            Some(connected) => connected.measure_rates().map_err(Failure::from),
            None => Err(Failure::disposed("connection")),
        })
    }

    fn resolve(&mut self, env: &'task Env, output: Self::Output) -> napi::Result<Vec<MatmulRates>> {
        let rates = output.map_err(|failure| failure.into_js(env))?;
        let rates = rates.into_iter().map(|rates| MatmulRates {
            bytes_per_second: rates.bytes_per_second,
            ops_per_second: rates.ops_per_second,
        });
        Ok(rates.collect())
    }
}

pub struct Close(Handle);

#[napi]
impl Task for Close {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> napi::Result<()> {
        drop(self.0.take());
        Ok(())
    }

    fn resolve(&mut self, _: Env, (): ()) -> napi::Result<()> {
        Ok(())
    }
}
