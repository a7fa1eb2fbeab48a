//! One session of a worker: the Program, the slices, then forwards until the root says goodbye.

use std::sync::Arc;
use std::time::Instant;

use dllama_kernels::{Kernels, Pool};
use dllama_net::Mesh;

use super::device::DeviceFacts;
use super::keeper::Keeper;
use super::messages::{
    ACCEPTED, BYE, DEVICE, DIGEST, FORWARD, FULL_ROW, LOADED, MEASURE, PLAN, PROGRAM, RATES, TIMES,
    TRUNCATE,
};
use super::planning::Rounds;
use super::truncation;
use super::worker::WorkerEvent;
use crate::error::Error;
use crate::matmul_rates::MatmulRates;
use crate::memory::free_bytes;
use crate::ops::candidates;
use crate::plan::{MAX_PLAN_BYTES, Plan};
use crate::program::{MAX_PROGRAM_BYTES, ValidProgram};
use crate::rank::{Rank, RankMemory};
use crate::rows;
use crate::transfer::{Holdings, Interrupted, Receiver};

/// A session with one root.
pub(crate) struct Session<'a> {
    pub(crate) mesh: &'a Mesh,
    pub(crate) pool: &'a Pool,
    pub(crate) kernels: Kernels,
    pub(crate) n_threads: usize,
    /// Bytes that the session may take.
    pub(crate) max_memory: Option<u64>,
    pub(crate) keeper: &'a Keeper,
}

impl Session<'_> {
    /// Serves the root to its goodbye. `tell` is told of loading.
    ///
    /// # Errors
    ///
    /// Whatever ends the session otherwise. The slices then stay in memory for the next one.
    pub(crate) fn serve(&self, tell: &dyn Fn(WorkerEvent)) -> Result<(), Error> {
        let Some((rank, holdings)) = self.load(tell)? else {
            return Ok(());
        };
        let result = self.answer(rank);
        if result.is_err() {
            self.keeper.hold(holdings);
        }
        result
    }

    /// Forwards, until the root says goodbye.
    fn answer(&self, mut rank: Rank) -> Result<(), Error> {
        let mesh = self.mesh;
        let max_bytes = rows::max_encoded_bytes(&rank.program);
        loop {
            let before = mesh.traffic();
            let (tag, payload) = mesh.receive_control(0, max_bytes)?;
            mesh.begin_run();
            let start = Instant::now();
            match tag {
                FORWARD => {
                    let (class, rows) = rows::decode(&payload)?;
                    let rows = rank.check(class, rows)?;
                    let outcome = rank.forward(self.pool, mesh, &rows)?;
                    let traffic = mesh.traffic() - before;
                    rank.times
                        .add(class, &outcome.op_times, start.elapsed(), traffic);
                }
                FULL_ROW => {
                    let bytes = payload.as_slice().try_into();
                    let index = bytes.map_err(|_| unexpected(tag, "an index of 4 bytes"))?;
                    let index = rank.check_wanted(u32::from_le_bytes(index) as usize)?;
                    candidates::gather_row(&rank, mesh, index)?;
                }
                TRUNCATE => {
                    let all = truncation::decode(&payload);
                    for one in all.ok_or_else(|| unexpected(tag, "whole truncations"))? {
                        rank.truncate(one.sequence, one.length)?;
                    }
                }
                DIGEST => mesh.send_control(0, DIGEST, &rank.digest().encode())?,
                TIMES => mesh.send_control(0, TIMES, &rank.times.take().encode())?,
                BYE => return Ok(()),
                other => {
                    let expected = "forward, full row, truncate, digest, times or bye";
                    return Err(unexpected(other, expected));
                }
            }
            mesh.end_run();
        }
    }

    /// Tells what this device is and measures as often as the root asks, up to its plan; `None` if the
    /// root said goodbye instead.
    fn agree(&self) -> Result<Option<Plan>, Error> {
        let mesh = self.mesh;
        loop {
            let (tag, payload) = mesh.receive_control(0, MAX_PLAN_BYTES)?;
            match tag {
                MEASURE => {
                    let rounds = Rounds::decode(&payload)?;
                    mesh.begin_run();
                    rounds.run(mesh)?;
                    mesh.end_run();
                }
                DEVICE => {
                    mesh.begin_run();
                    let kept_bytes = self.keeper.kept_bytes();
                    let facts = DeviceFacts::of_this(self.n_threads, kept_bytes, self.max_memory);
                    mesh.send_control(0, DEVICE, &facts.encode())?;
                    mesh.end_run();
                }
                RATES => {
                    mesh.begin_run();
                    // Weights of the session before are in memory still.
                    let kept_bytes = self.keeper.kept_bytes();
                    let room = self.max_memory.map(|most| most.saturating_sub(kept_bytes));
                    let rates = MatmulRates::measure(self.kernels, self.pool, room)?;
                    mesh.send_control(0, RATES, &rates.encode())?;
                    mesh.end_run();
                }
                PLAN => {
                    // The Program follows, long perhaps: others that have theirs listen for signs of life.
                    mesh.begin_run();
                    let plan = Plan::decode(&payload);
                    return plan
                        .map(Some)
                        .ok_or_else(|| unexpected(tag, "a valid plan"));
                }
                BYE => return Ok(None),
                other => return Err(unexpected(other, "a plan")),
            }
        }
    }

    /// The Program and the slices; `None` if the root said goodbye instead.
    fn load(&self, tell: &dyn Fn(WorkerEvent)) -> Result<Option<(Rank, Arc<Holdings>)>, Error> {
        let mesh = self.mesh;
        let Some(plan) = self.agree()? else {
            return Ok(None);
        };
        let (tag, text) = mesh.receive_control(0, MAX_PROGRAM_BYTES)?;
        match tag {
            PROGRAM => {}
            BYE => return Ok(None),
            other => return Err(unexpected(other, "a program")),
        }
        let program = ValidProgram::parse(&text).map_err(|source| Error::Program {
            rank: mesh.rank(),
            source,
        })?;
        program.require_place(mesh.rank(), mesh.world_size())?;
        let held = self.keeper.take(&program);
        let memory = match self.accept(&program, held.as_ref(), tell) {
            Ok(memory) => memory,
            Err(error) => {
                // The next session may want them as much.
                if let Some(held) = held {
                    self.keeper.hold(Arc::new(held));
                }
                return Err(error);
            }
        };
        let receiver = Receiver {
            mesh,
            program: &program,
            stock: self.keeper.stock(),
            memory,
            max_memory: self.max_memory,
            n_threads: self.pool.n_threads(),
        };
        let (holdings, tally) = receiver.run(held).map_err(|interrupted| {
            let Interrupted { error, holdings } = interrupted;
            if let Some(holdings) = holdings {
                self.keeper.hold(holdings);
            }
            error
        })?;
        let rank = Rank::new(program, self.kernels, holdings.weights.clone(), plan)?;
        mesh.send_control(0, LOADED, &[])?;
        mesh.end_run();
        self.keeper.write(&holdings);
        tell(WorkerEvent::Loaded { tally });
        Ok(Some((rank, holdings)))
    }

    /// Tells the root that there is room for the Program, if there is. Returns what it takes.
    fn accept(
        &self,
        program: &ValidProgram,
        held: Option<&Holdings>,
        tell: &dyn Fn(WorkerEvent),
    ) -> Result<RankMemory, Error> {
        let stock_bytes = self.keeper.stock().own_bytes(program)?;
        let memory = RankMemory::of(program, stock_bytes)?;
        let held_bytes = held.map_or(0, Holdings::own_bytes);
        tell(WorkerEvent::Loading {
            memory,
            free_bytes: free_bytes(held_bytes, self.max_memory),
        });
        memory.require_beyond(held_bytes, self.max_memory)?;
        self.mesh.send_control(0, ACCEPTED, &[])?;
        Ok(memory)
    }
}

fn unexpected(tag: u8, expected: &str) -> Error {
    Error::Message {
        rank: 0,
        expected: expected.to_owned(),
        got: format!("a message with tag {tag}"),
    }
}
