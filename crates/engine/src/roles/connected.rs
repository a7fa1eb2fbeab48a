//! A root between its workers' joining and their loading: it asks what they are, and decides.

use std::time::Duration;

use dllama_kernels::{Kernels, Pool};
use dllama_net::{ConnectOptions, Mesh, Trust, connect};

use super::device::DeviceFacts;
use super::messages::{BYE, DEVICE, RATES, expect};
use crate::error::Error;
use crate::guard::guarded;
use crate::matmul_rates::MatmulRates;

/// Ranks that have met and have nothing to compute yet. Dropping it says goodbye to the workers.
pub struct Connected {
    trust: Trust,
    n_threads: usize,
    /// There until a root takes them.
    parts: Option<(Mesh, Pool)>,
}

impl Connected {
    /// Connects to the workers that are trusted, `host:port` each; the first is rank 1.
    ///
    /// # Errors
    ///
    /// [`Error::Net`], [`Error::System`] without threads.
    pub fn connect(workers: Vec<String>, trust: Trust, n_threads: usize) -> Result<Self, Error> {
        let pool = Pool::new(n_threads)?;
        let mesh = connect(ConnectOptions::new(workers, trust.clone()))?;
        Ok(Self {
            trust,
            n_threads,
            parts: Some((mesh, pool)),
        })
    }

    /// Which workers are trusted.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// What the ranks' devices tell of themselves, in rank order.
    ///
    /// # Errors
    ///
    /// [`Error::Net`] and [`Error::Message`], after which the ranks are of no more use.
    pub fn devices(&self) -> Result<Vec<DeviceFacts>, Error> {
        let own = |_: &Pool| Ok(DeviceFacts::of_this(self.n_threads, 0, None));
        self.ask(DEVICE, "facts of a device", own, DeviceFacts::decode)
    }

    /// Has all ranks measure how fast they multiply, at the same time. Takes less than two seconds.
    ///
    /// # Errors
    ///
    /// As [`devices`](Self::devices).
    pub fn measure_rates(&self) -> Result<Vec<MatmulRates>, Error> {
        let kernels = Kernels::detect()?;
        let own = |pool: &Pool| MatmulRates::measure(kernels, pool, None);
        self.ask(RATES, "two rates", own, MatmulRates::decode)
    }

    /// Asks all workers, does the root's `own` part meanwhile, and waits for the answers.
    fn ask<T>(
        &self,
        tag: u8,
        what: &str,
        own: impl FnOnce(&Pool) -> Result<T, Error>,
        decode: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let (mesh, pool) = self.parts.as_ref().ok_or(Error::Ended)?;
        let workers = 1..mesh.world_size();
        let ask_all = || {
            for rank in workers.clone() {
                mesh.send_control(rank, tag, &[])?;
            }
            let mut all = vec![own(pool)?];
            for rank in workers {
                let bytes = expect(mesh, rank, tag, what)?;
                all.push(decode(&bytes).ok_or_else(|| Error::Message {
                    rank,
                    expected: what.to_owned(),
                    got: format!("{bytes:02x?}"),
                })?);
            }
            Ok(all)
        };
        mesh.begin_run();
        let result = guarded(ask_all);
        mesh.end_run();
        if let Err(error) = &result {
            let error: &Error = error;
            mesh.fail(error.code(), &error.to_string());
        }
        result
    }

    /// For a root that goes on to load.
    pub(super) fn into_parts(mut self) -> Result<(Mesh, Pool), Error> {
        self.parts.take().ok_or(Error::Ended)
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        if let Some((mesh, _)) = &self.parts {
            say_goodbye(mesh);
        }
    }
}

/// Workers give their memory back before they close; one that does not answer is not waited for.
const GOODBYE_WAIT: Duration = Duration::from_secs(1);

/// Ends the session of all workers.
pub(super) fn say_goodbye(mesh: &Mesh) {
    for worker in 1..mesh.world_size() {
        // A worker that is gone needs no goodbye.
        let _ = mesh.send_control(worker, BYE, &[]);
    }
    mesh.wait_for_end(GOODBYE_WAIT);
}
