//! The root: has the model file, loads all ranks, asks for forwards.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dllama_kernels::{Isa, Kernels, Pool};
use dllama_net::{ConnectOptions, Trust, connect};

use super::connected::{Connected, say_goodbye};
use super::loading::{Loading, Progress, parse};
use super::messages::{FORWARD, TRUNCATE};
use super::place::Place;
use super::planning::agree;
use super::truncation;
use super::watch::RootWatch;
use crate::cache::KeptHashes;
use crate::error::Error;
use crate::guard::guarded;
use crate::plan::{Measurement, Plan};
use crate::rank::{NotFinite, OpTimes, Rank, RankMemory, RowResult};
use crate::rows::{self, Row, RowClass};
use crate::weights::{ModelFile, ReadAhead, WeightPlan};

/// What a root is made from.
#[derive(Clone)]
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
    /// Where hashes of the model file are kept; none reads the file through at each start with workers.
    pub cache_folder: Option<PathBuf>,
}

/// What a forward gave, and what it took.
#[derive(Debug, Clone)]
pub struct ForwardReport {
    /// One for each row that wants something, in the rows' order; none for a row of `failures`.
    pub rows: Vec<Option<RowResult>>,
    /// The rows whose numbers have ended, wanted or not, in the rows' order. Each of their sequences ends before
    /// the first of its failed rows now, on all ranks, and may go on from there. Other sequences are as they
    /// would be without them, to the bit.
    pub failures: Vec<NotFinite>,
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
    options: RootOptions,
    file: Arc<ModelFile>,
    hashes: KeptHashes,
    pool: Pool,
    place: Mutex<Place>,
    watch: RootWatch,
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
        Self::load_over(None, options, progress)
    }

    /// The same over ranks that have met already: `options.workers`.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_over(
        connected: Option<Connected>,
        options: RootOptions,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Self, Error> {
        // The workers see the end of the links, which a panic lets go of.
        guarded(|| Self::try_load_over(connected, options, progress))
    }

    fn try_load_over(
        connected: Option<Connected>,
        options: RootOptions,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Self, Error> {
        let programs = parse(&options.programs, options.workers.len() + 1)?;
        let file = Arc::new(ModelFile::open(&options.model)?);
        // From the plan on workers count this rank's silence, and a disk may stall for longer.
        let hashes = KeptHashes::of(options.cache_folder.as_deref(), &file);
        let kernels = Kernels::detect()?;
        let weight_plan = WeightPlan::for_root(&programs[0])?;
        RankMemory::of(&programs[0], weight_plan.owned_bytes)?.require(None)?;
        let connected = match connected {
            Some(connected) => connected,
            None => Connected::connect(
                options.workers.clone(),
                options.trust.clone(),
                options.n_threads,
            )?,
        };
        let (mesh, pool) = connected.into_parts()?;
        let (plan, measurement) = agree(&mesh, options.plan)?;
        let loading = Loading {
            mesh: &mesh,
            programs: &programs,
            texts: &options.programs,
            file: &file,
            hashes: &hashes,
            progress,
        };
        let weights = loading.run()?;
        // Loading has checked that the weights are within the file.
        let read_ahead = ReadAhead::start(&programs[0], &weight_plan, file.clone());
        let own = programs.into_iter().next().expect("one program a rank");
        let rank = Rank::new(own, kernels, Arc::new(weights), plan)
            .inspect_err(|error| mesh.fail(error.code(), &error.to_string()))?;
        let place = Place::new(mesh, rank);
        Ok(Self {
            options,
            file,
            hashes,
            pool,
            watch: RootWatch::of(&place.mesh),
            place: Mutex::new(place),
            isa: kernels.isa(),
            plan,
            measurement,
            _read_ahead: read_ahead,
        })
    }

    /// Connects to the workers anew, after an error that has ended the engine, and has them load again. The
    /// root keeps its own weights, and all ranks the plan. Afterwards every rank's KV cache is empty.
    ///
    /// A worker gets `patience` to answer. After an error this may be called again.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load).
    pub fn reconnect(
        &self,
        patience: Duration,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<(), Error> {
        guarded(|| self.try_reconnect(patience, progress))
    }

    fn try_reconnect(
        &self,
        patience: Duration,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<(), Error> {
        let programs = parse(&self.options.programs, self.options.workers.len() + 1)?;
        let mut place = self.place();
        // Workers serve one session at a time: they have to see the end of the old one.
        place.end_for("ABORTED", "the root connects anew");
        let mut connection = self.options.connection();
        connection.hello_timeout = connection.hello_timeout.min(patience);
        let mesh = connect(connection)?;
        agree(&mesh, Some(self.plan))?;
        let texts = &self.options.programs;
        let loading = Loading {
            mesh: &mesh,
            programs: &programs,
            texts,
            file: &self.file,
            hashes: &self.hashes,
            progress,
        };
        loading.run_again()?;
        self.watch.turn_to(&mesh);
        place.turn_to(mesh);
        Ok(())
    }

    /// The instruction set that the root computes with.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Number of ranks, this one included.
    pub fn world_size(&self) -> usize {
        self.options.workers.len() + 1
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
    /// engine, and later calls give [`Error::OutOfStep`].
    pub fn forward(&self, class: RowClass, rows: Vec<Row>) -> Result<ForwardReport, Error> {
        let mut place = self.place();
        let before = place.mesh.traffic();
        let start = Instant::now();
        let message = rows::encode(class, &rows);
        let (outcome, traffic) = place.run(
            FORWARD,
            &message,
            |rank| rank.check(class, rows),
            |rank, mesh, rows| {
                let outcome = rank.forward(&self.pool, mesh, &rows)?;
                let shorter = truncation::of(&outcome.failures);
                if !shorter.is_empty() {
                    mesh.send_control_to_all(TRUNCATE, &truncation::encode(&shorter))?;
                    for one in shorter {
                        rank.truncate(one.sequence, one.length)?;
                    }
                }
                let traffic = mesh.traffic() - before;
                rank.times
                    .add(class, &outcome.op_times, start.elapsed(), traffic);
                Ok((outcome, traffic))
            },
        )?;
        Ok(ForwardReport {
            rows: outcome.rows,
            failures: outcome.failures,
            inference: start.elapsed().saturating_sub(traffic.waited),
            transfer: traffic.waited,
            op_times: outcome.op_times,
            sent_bytes: traffic.sent_bytes,
            received_bytes: traffic.received_bytes,
        })
    }

    /// The address of a rank, as the root knows it.
    ///
    /// # Panics
    ///
    /// If there is no such rank.
    pub fn address(&self, rank: usize) -> String {
        self.place().mesh.address(rank).to_owned()
    }

    /// Tells other threads whom a forward waits for.
    pub fn watch(&self) -> RootWatch {
        self.watch.clone()
    }

    pub(super) fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RootOptions {
    fn connection(&self) -> ConnectOptions {
        ConnectOptions::new(self.workers.clone(), self.trust.clone())
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        say_goodbye(&self.place().mesh);
    }
}
