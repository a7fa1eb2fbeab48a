//! `Connection`: ranks that have met, before a model is shared out over them.

use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use dllama_engine::Connected;
use napi::Env;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;

use crate::failure::{Failure, Outcome};
use crate::task::{Guarded, Work, promise};
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
    pub fn measure_rates(&self) -> AsyncTask<Guarded<MeasureRates>> {
        promise(MeasureRates(self.handle.clone()))
    }

    /// Lets the workers go.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn close(&self) -> AsyncTask<Guarded<Close>> {
        promise(Close(self.handle.clone()))
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
            // Saying goodbye takes time that the JavaScript thread does not have. Without a thread it takes it here.
            let _ = std::thread::Builder::new().spawn(move || drop(connected));
        }
    }
}

/// Connects to the workers and asks what all devices are.
#[napi(ts_return_type = "Promise<Connection>")]
pub fn connect_ranks(options: ConnectOptions) -> AsyncTask<Guarded<Connect>> {
    promise(Connect(options))
}

pub struct Connect(ConnectOptions);

impl Work for Connect {
    const NAME: &'static str = "connectRanks";
    type Output = (Connected, Vec<dllama_engine::DeviceFacts>);
    type Js<'env> = Connection;

    fn run(self) -> Outcome<Self::Output> {
        let trust = trust(self.0.token.as_deref(), self.0.insecure)?;
        let connected = Connected::connect(self.0.workers, trust, self.0.n_threads as usize)?;
        let devices = connected.devices()?;
        Ok((connected, devices))
    }

    fn into_js((connected, devices): Self::Output, _: &Env) -> napi::Result<Connection> {
        let handle = Handle(Arc::new(Mutex::new(Some(connected))));
        Ok(Connection { handle, devices })
    }
}

pub struct MeasureRates(Handle);

impl Work for MeasureRates {
    const NAME: &'static str = "measureRates";
    type Output = Vec<dllama_engine::MatmulRates>;
    type Js<'env> = Vec<MatmulRates>;

    fn run(self) -> Outcome<Self::Output> {
        let place = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*place {
            Some(connected) => Ok(connected.measure_rates()?),
            None => Err(Failure::disposed("connection")),
        }
    }

    fn into_js(rates: Self::Output, _: &Env) -> napi::Result<Vec<MatmulRates>> {
        let rates = rates.into_iter().map(|rates| MatmulRates {
            bytes_per_second: rates.bytes_per_second,
            ops_per_second: rates.ops_per_second,
        });
        Ok(rates.collect())
    }
}

pub struct Close(Handle);

impl Work for Close {
    const NAME: &'static str = "connection.close";
    type Output = ();
    type Js<'env> = ();

    fn run(self) -> Outcome<()> {
        drop(self.0.take());
        Ok(())
    }

    fn into_js((): (), _: &Env) -> napi::Result<()> {
        Ok(())
    }
}
