//! The root: has the model file, loads all ranks, asks for forwards.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dllama_kernels::{Isa, Kernels, Pool};
use dllama_net::{AllReduce, ConnectOptions, Mesh, Trust, connect};

use super::loading::{Loading, Progress, parse};
use super::messages::{BYE, DIGEST, FORWARD, FULL_ROW, expect};
use super::planning::{announce, measure};
use crate::error::Error;
use crate::ops::candidates;
use crate::plan::{Measurement, Plan};
use crate::rank::{Digest, OpTimes, Rank, RowResult};
use crate::rows::{self, Row, RowClass};
use crate::weights::{ModelFile, ReadAhead, WeightPlan};

/// What a root is made from.
pub struct RootOptions {
    /// The file that the Programs' weights lie in.
    pub model: PathBuf,
    /// A Program for each rank, in rank order, as JSON.
    pub programs: Vec<String>,
    /// `host:port` of the workers; the first is rank 1.
    pub workers: Vec<String>,
    /// Which workers are trusted.
    pub trust: Trust,
    /// Threads of the root.
    pub n_threads: usize,
    /// What the ranks are to agree on; `None` has them measure the network first.
    pub plan: Option<Plan>,
}

/// What a forward gave, and what it took.
#[derive(Debug, Clone)]
pub struct ForwardReport {
    /// One for each row that wants something, in the rows' order.
    pub rows: Vec<RowResult>,
    /// Wall time of the forward without `transfer`.
    pub inference: Duration,
    /// Wall time in which the forward waited for the network alone.
    pub transfer: Duration,
    /// Where the root's time went.
    pub op_times: OpTimes,
    /// Bytes given to the sockets, framing included.
    pub sent_bytes: u64,
    /// Bytes taken from the sockets, framing included.
    pub received_bytes: u64,
}

/// A model, loaded on all ranks and ready for forwards.
pub struct Root {
    mesh: Mesh,
    pool: Pool,
    rank: Mutex<Option<Rank>>,
    isa: Isa,
    plan: Plan,
    measurement: Option<Measurement>,
    /// Reads the model while the first forwards run.
    _read_ahead: ReadAhead,
}

impl Root {
    /// Connects to the workers, sends them their Programs and slices, and loads the root's own.
    /// `progress` is called from several threads.
    ///
    /// # Errors
    ///
    /// Those of [`Error`]; the workers are then free for the next root.
    pub fn load(options: RootOptions, progress: &(dyn Fn(Progress) + Sync)) -> Result<Self, Error> {
        let programs = parse(&options.programs, options.workers.len() + 1)?;
        let file = Arc::new(ModelFile::open(&options.model)?);
        let kernels = Kernels::detect()?;
        let weight_plan = WeightPlan::for_root(&programs[0])?;
        Rank::require_memory(&programs[0], weight_plan.owned_bytes)?;
        let pool = Pool::new(options.n_threads)?;
        let mesh = connect(ConnectOptions::new(options.workers, options.trust))?;
        let (plan, measurement) = agree(&mesh, options.plan)?;
        let loading = Loading::new(&mesh, &programs, &options.programs, &file, progress);
        let weights = loading.run()?;
        // Loading has checked that the weights are within the file.
        let read_ahead = ReadAhead::start(&programs[0], &weight_plan, file.clone());
        let own = programs.into_iter().next().expect("one program a rank");
        let rank = Rank::new(own, kernels, weights, plan)?;
        Ok(Self {
            mesh,
            pool,
            rank: Mutex::new(Some(rank)),
            isa: kernels.isa(),
            plan,
            measurement,
            _read_ahead: read_ahead,
        })
    }

    /// The instruction set that the root computes with.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// What the ranks have agreed on.
    pub fn plan(&self) -> Plan {
        self.plan
    }

    /// What the plan was made from, if this session has measured.
    pub fn measurement(&self) -> Option<Measurement> {
        self.measurement
    }

    /// Computes rows on all ranks.
    ///
    /// # Errors
    ///
    /// [`Error::Row`] and [`Error::Forward`] leave everything as it was; any other error ends the
    /// engine, and later calls give [`Error::Ended`].
    pub fn forward(&self, class: RowClass, rows: Vec<Row>) -> Result<ForwardReport, Error> {
        let before = self.mesh.traffic();
        let start = Instant::now();
        let message = rows::encode(class, &rows);
        let (results, op_times) = self.run(
            FORWARD,
            &message,
            |rank| rank.check(class, rows),
            |rank, rows| rank.forward(&self.pool, &self.mesh, &rows),
        )?;
        let after = self.mesh.traffic();
        let transfer = after.waited - before.waited;
        Ok(ForwardReport {
            rows: results,
            inference: start.elapsed().saturating_sub(transfer),
            transfer,
            op_times,
            sent_bytes: after.sent_bytes - before.sent_bytes,
            received_bytes: after.received_bytes - before.received_bytes,
        })
    }

    /// All logits of wanted row `index` of the last forward.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward).
    pub fn full_row(&self, index: u32) -> Result<Vec<f32>, Error> {
        let row = self.run(
            FULL_ROW,
            &index.to_le_bytes(),
            |rank| rank.check_wanted(index as usize),
            |rank, index| candidates::gather_row(rank, &self.mesh, index),
        )?;
        row.ok_or(Error::Ended)
    }

    /// Fingerprints of all ranks' state, in rank order.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward).
    pub fn digests(&self) -> Result<Vec<Digest>, Error> {
        self.run(
            DIGEST,
            &[],
            |rank| Ok(rank.digest()),
            |_, own| {
                let workers = 1..self.mesh.world_size();
                let theirs = workers.map(|rank| {
                    let bytes = expect(&self.mesh, rank, DIGEST, "a digest")?;
                    Digest::decode(&bytes).ok_or_else(|| Error::Message {
                        rank,
                        expected: "a digest of 16 bytes".to_owned(),
                        got: format!("{} bytes", bytes.len()),
                    })
                });
                std::iter::once(Ok(own)).chain(theirs).collect()
            },
        )
    }

    /// Sends a message to all workers and does the root's `part`. `prepare` may still refuse.
    fn run<P, T>(
        &self,
        tag: u8,
        message: &[u8],
        prepare: impl FnOnce(&mut Rank) -> Result<P, Error>,
        part: impl FnOnce(&mut Rank, P) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut place = self.rank.lock().unwrap_or_else(PoisonError::into_inner);
        let rank = place.as_mut().ok_or(Error::Ended)?;
        let prepared = prepare(rank)?;
        self.mesh.begin_run();
        let sent = (1..self.mesh.world_size())
            .try_for_each(|worker| self.mesh.send_control(worker, tag, message));
        let result = sent
            .map_err(Error::from)
            .and_then(|()| part(rank, prepared));
        self.mesh.end_run();
        if let Err(error) = &result {
            // The ranks are out of step: nothing that follows could be right.
            self.mesh.fail(error.code(), &error.to_string());
            *place = None;
        }
        result
    }
}

/// Makes all ranks follow one plan: the one that is wanted, or the one that a measurement gives.
fn agree(mesh: &Mesh, wanted: Option<Plan>) -> Result<(Plan, Option<Measurement>), Error> {
    let agreed = match wanted {
        Some(plan) => Ok((plan, None)),
        None if mesh.world_size() == 1 => Ok((Plan::always(AllReduce::Direct), None)),
        None => measure(mesh).map(|measurement| {
            let plan = Plan::of(mesh.world_size(), &measurement);
            (plan, Some(measurement))
        }),
    };
    let announced = agreed.and_then(|(plan, measurement)| {
        announce(mesh, plan)?;
        Ok((plan, measurement))
    });
    if let Err(error) = &announced {
        mesh.fail(error.code(), &error.to_string());
    }
    announced
}

/// Workers give their memory back before they close; one that does not answer is not waited for.
const GOODBYE_WAIT: Duration = Duration::from_secs(1);

impl Drop for Root {
    fn drop(&mut self) {
        for worker in 1..self.mesh.world_size() {
            // A worker that is gone needs no goodbye.
            let _ = self.mesh.send_control(worker, BYE, &[]);
        }
        self.mesh.wait_for_end(GOODBYE_WAIT);
    }
}
