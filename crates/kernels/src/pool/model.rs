//! The protocol in all its orders, or in all that matter. Only under loom: `scripts/test-pool-model.sh`.

use loom::sync::Arc;
use loom::thread;

use super::barrier::Barrier;
use super::chunks::Dispenser;
use super::gate::Gate;
use super::sync::{AtomicUsize, Ordering};
use super::team::Flow;

/// Where all orders are too many: those with at most this many threads stopped in the middle of
/// something. Bugs need one or two (Musuvathi and Qadeer, "Iterative Context Bounding", PLDI 2007).
const PREEMPTIONS: usize = 3;

fn model_bounded(test: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(PREEMPTIONS);
    model.check(test);
}

/// A sleeper is woken, and sees what was written before.
#[test]
fn nobody_sleeps_through_an_advance() {
    loom::model(|| {
        let gate = Arc::new(Gate::new(false));
        let written = Arc::new(AtomicUsize::new(0));
        let old = gate.value();
        let opener = {
            let (gate, written) = (gate.clone(), written.clone());
            thread::spawn(move || {
                written.store(7, Ordering::Relaxed);
                gate.advance();
            })
        };
        gate.wait_while(old);
        assert_eq!(written.load(Ordering::Relaxed), 7);
        opener.join().unwrap();
    });
}

#[test]
fn two_sleepers_are_woken_by_one_advance() {
    loom::model(|| {
        let gate = Arc::new(Gate::new(false));
        let old = gate.value();
        let sleeper = {
            let gate = gate.clone();
            thread::spawn(move || gate.wait_while(old))
        };
        let opener = {
            let gate = gate.clone();
            thread::spawn(move || gate.advance())
        };
        gate.wait_while(old);
        sleeper.join().unwrap();
        opener.join().unwrap();
    });
}

/// Two threads, two steps: what either wrote before a barrier, the other sees after it, and the work
/// of a step is handed out once.
#[test]
fn a_barrier_parts_two_steps() {
    model_bounded(|| {
        let shared = Arc::new((
            Barrier::new(false),
            Dispenser::new(),
            [0, 0].map(AtomicUsize::new),
        ));
        shared.0.reset(2);
        shared.1.reset();
        let run = |shared: &(Barrier, Dispenser, [AtomicUsize; 2])| {
            let (barrier, dispenser, done) = shared;
            for step in done {
                for piece in dispenser.shares(2, 1, 2) {
                    step.fetch_add(piece.start + 1, Ordering::Relaxed);
                }
                assert_eq!(barrier.wait(|| dispenser.reset()), Flow::Continue);
                assert_eq!(step.load(Ordering::Relaxed), 3);
            }
        };
        let other = {
            let shared = shared.clone();
            thread::spawn(move || run(&shared))
        };
        run(&shared);
        other.join().unwrap();
    });
}

/// One leaves while the other waits: it is let through, and all hear of the stop at the same barrier.
#[test]
fn a_departure_opens_the_barrier() {
    loom::model(|| {
        let barrier = Arc::new(Barrier::new(false));
        barrier.reset(2);
        let leaver = {
            let barrier = barrier.clone();
            thread::spawn(move || {
                barrier.request_stop();
                barrier.leave(|| ())
            })
        };
        assert_eq!(barrier.wait(|| ()), Flow::Stop);
        assert!(!leaver.join().unwrap());
        assert!(barrier.leave(|| ()));
    });
}

/// Three arrive, one of them to leave at once.
#[test]
fn three_members_agree() {
    model_bounded(|| {
        let barrier = Arc::new(Barrier::new(false));
        barrier.reset(3);
        let waiter = {
            let barrier = barrier.clone();
            thread::spawn(move || barrier.wait(|| ()))
        };
        let leaver = {
            let barrier = barrier.clone();
            thread::spawn(move || barrier.leave(|| ()))
        };
        assert_eq!(barrier.wait(|| ()), Flow::Continue);
        assert_eq!(waiter.join().unwrap(), Flow::Continue);
        assert!(!leaver.join().unwrap());
    });
}
