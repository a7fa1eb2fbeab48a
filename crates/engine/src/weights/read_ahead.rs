//! Reading a mapped model ahead of the first forward, in its order and in large pieces. Its threads alone
//! would ask for little at a time, here and there.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::model_file::ModelFile;
use super::plan::{WeightPlace, WeightPlan, n_bytes};
use crate::memory::available_bytes;
use crate::program::{Op, ValidProgram};

/// Bytes that are asked for at a time: the thread ends soon when it is no longer wanted.
const PIECE: usize = 8 << 20;

/// A thread that reads weights in the order in which forwards use them. Dropping it ends it.
pub(crate) struct ReadAhead {
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ReadAhead {
    /// Reads the weights of a root that stay in `file`; nothing where memory does not hold them all, for
    /// then what is read first has gone before it is used.
    pub(crate) fn start(program: &ValidProgram, plan: &WeightPlan, file: Arc<ModelFile>) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let ranges = in_file(program, plan);
        let total: usize = ranges.iter().map(ExactSizeIterator::len).sum();
        if available_bytes().is_some_and(|available| total as u64 > available) {
            return Self {
                stopped,
                thread: None,
            };
        }
        let is_stopped = stopped.clone();
        let read = move || {
            for range in ranges {
                for start in range.clone().step_by(PIECE) {
                    if is_stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    file.will_read(start, PIECE.min(range.end - start));
                }
            }
        };
        let thread = thread::Builder::new()
            .name("dllama-read".into())
            .spawn(read);
        Self {
            stopped,
            // Without the thread, pages are read when they are used.
            thread: thread.ok(),
        }
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has no panic to tell of: it only gives advice.
            let _ = thread.join();
        }
    }
}

/// The matrices that stay in the file, by first use. Of the embedding a forward reads single rows.
fn in_file(program: &ValidProgram, plan: &WeightPlan) -> Vec<Range<usize>> {
    let mut ranges = Vec::with_capacity(program.weights.len());
    for step in &program.steps {
        let Op::MatMul { products, .. } = &step.op else {
            continue;
        };
        for product in products {
            let index = product.weight as usize;
            let n_bytes = n_bytes(&program.weights[index]).unwrap_or(0);
            if let WeightPlace::Mapped(start) = plan.places[index] {
                ranges.push(start..start + n_bytes);
            }
        }
    }
    ranges
}
