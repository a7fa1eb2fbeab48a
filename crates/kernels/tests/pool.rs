//! The pool: barriers, chunks, stops, panics, and its end.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use dllama_kernels::{Flow, Pool, Team};

const COUNTS: [usize; 4] = [1, 2, 3, 8];

fn pools() -> impl Iterator<Item = Pool> {
    COUNTS.into_iter().map(|n| Pool::new(n).unwrap())
}

/// Work whose length differs between threads and steps.
fn uneven(thread: usize, step: usize) {
    for _ in 0..(thread * 7 + step * 13) % 50 * 20 {
        std::hint::spin_loop();
    }
}

#[test]
fn no_threads_is_an_error() {
    let error = Pool::new(0).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}

#[test]
fn every_thread_runs_the_job_once() {
    for pool in pools() {
        let n = pool.n_threads();
        let ran: Vec<AtomicUsize> = (0..n).map(|_| AtomicUsize::new(0)).collect();
        let caller = std::thread::current().id();
        pool.run(|team| {
            assert_eq!(team.n_threads(), n);
            assert_eq!(
                team.thread() == 0,
                std::thread::current().id() == caller,
                "the caller is thread 0"
            );
            ran[team.thread()].fetch_add(1, Ordering::Relaxed);
        });
        assert!(ran.iter().all(|ran| ran.load(Ordering::Relaxed) == 1));
    }
}

#[test]
fn a_thousand_short_runs() {
    for pool in pools() {
        let ran = AtomicUsize::new(0);
        for _ in 0..1000 {
            pool.run(|_| {
                ran.fetch_add(1, Ordering::Relaxed);
            });
        }
        assert_eq!(ran.into_inner(), 1000 * pool.n_threads());
    }
}

#[test]
fn no_thread_passes_a_barrier_before_all_are_there() {
    for pool in pools() {
        let n = pool.n_threads();
        let arrived = AtomicUsize::new(0);
        pool.run(|team| {
            for step in 0..500 {
                uneven(team.thread(), step);
                arrived.fetch_add(1, Ordering::Relaxed);
                assert_eq!(team.barrier(), Flow::Continue);
                assert_eq!(arrived.load(Ordering::Relaxed), (step + 1) * n);
                assert_eq!(team.barrier(), Flow::Continue);
            }
        });
    }
}

/// Runs some steps in which all threads visit the pieces that `pieces` hands them of `0..n`: every item is to be
/// in one piece a step. `check` sees a thread's piece with the one before it in the same step.
fn covers_exactly_once(
    pool: &Pool,
    n: usize,
    pieces: impl for<'a> Fn(&'a Team<'a>) -> Box<dyn Iterator<Item = Range<usize>> + 'a> + Sync,
    check: impl Fn(&Range<usize>, Option<&Range<usize>>) + Sync,
) {
    const STEPS: usize = 20;
    let seen: Vec<AtomicUsize> = (0..n).map(|_| AtomicUsize::new(0)).collect();
    pool.run(|team| {
        for step in 0..STEPS {
            let mut before = None;
            for range in pieces(team) {
                assert!(!range.is_empty());
                check(&range, before.as_ref());
                uneven(range.start, step);
                for i in range.clone() {
                    seen[i].fetch_add(1, Ordering::Relaxed);
                }
                before = Some(range);
            }
            assert_eq!(team.barrier(), Flow::Continue);
        }
    });
    assert!(
        seen.iter()
            .all(|seen| seen.load(Ordering::Relaxed) == STEPS)
    );
}

#[test]
fn chunks_cover_a_range_exactly_once_in_every_step() {
    for pool in pools() {
        for (n, chunk) in [
            (0, 1),
            (1, 1),
            (1, 64),
            (100, 7),
            (64, 64),
            (65, 64),
            (5, usize::MAX),
        ] {
            let check = |range: &Range<usize>, _: Option<&Range<usize>>| {
                assert!(range.len() <= chunk);
                assert_eq!(range.start % chunk, 0, "chunks begin at multiples");
            };
            covers_exactly_once(&pool, n, |team| Box::new(team.chunks(n, chunk)), check);
        }
    }
}

#[test]
fn shares_cover_a_range_exactly_once_and_become_smaller() {
    for pool in pools() {
        for (n, unit) in [
            (0, 1),
            (1, 1),
            (1, 64),
            (100, 7),
            (64, 64),
            (65, 64),
            (10_000, 32),
        ] {
            let check = |range: &Range<usize>, before: Option<&Range<usize>>| {
                assert!(before.is_none_or(|before| range.len() <= before.len()));
                assert_eq!(range.start % unit, 0, "shares begin at multiples");
            };
            covers_exactly_once(&pool, n, |team| Box::new(team.shares(n, unit)), check);
        }
    }
}

#[test]
fn a_stop_reaches_all_threads_at_the_same_barrier() {
    for pool in pools() {
        let n = pool.n_threads();
        let steps: Vec<AtomicUsize> = (0..n).map(|_| AtomicUsize::new(0)).collect();
        pool.run(|team| {
            for step in 0.. {
                uneven(team.thread(), step);
                if step == 17 && team.thread() == n - 1 {
                    team.stop();
                }
                if team.barrier() == Flow::Stop {
                    break;
                }
                steps[team.thread()].fetch_add(1, Ordering::Relaxed);
            }
            assert_eq!(team.barrier(), Flow::Stop, "a stop lasts");
        });
        assert!(
            steps
                .iter()
                .all(|steps| steps.load(Ordering::Relaxed) == 17)
        );
        pool.run(|team| assert_eq!(team.barrier(), Flow::Continue, "but for its run alone"));
    }
}

/// Steps until the end or a stop, as a forward does.
fn walk(team: &Team, step: impl Fn(usize)) -> Flow {
    for i in 0..100 {
        step(i);
        if team.barrier() == Flow::Stop {
            return Flow::Stop;
        }
    }
    Flow::Continue
}

#[test]
fn a_stop_deep_inside_ends_the_loops_around_it() {
    for pool in pools() {
        let layers = AtomicUsize::new(0);
        pool.run(|team| {
            for layer in 0..10 {
                let flow = walk(team, |step| {
                    if layer == 3 && step == 50 {
                        team.stop();
                    }
                });
                if flow == Flow::Stop {
                    return;
                }
                layers.fetch_add(1, Ordering::Relaxed);
            }
        });
        assert_eq!(layers.into_inner(), 3 * pool.n_threads());
    }
}

#[test]
fn a_panic_on_any_thread_stops_the_others_and_reaches_the_caller() {
    for pool in pools() {
        for victim in 0..pool.n_threads() {
            let run = AssertUnwindSafe(|| {
                pool.run(|team| {
                    let _ = walk(team, |step| {
                        if step == 5 && team.thread() == victim {
                            std::panic::resume_unwind(Box::new(victim));
                        }
                    });
                });
            });
            let payload = catch_unwind(run).unwrap_err();
            assert_eq!(payload.downcast_ref::<usize>(), Some(&victim));
            pool.run(|team| assert_eq!(team.barrier(), Flow::Continue, "the pool goes on"));
        }
    }
}

/// Were a later panic's payload dropped on its thread, that would panic there again, and leave the others alone.
#[test]
fn panics_that_panic_when_they_are_dropped_end_a_run_like_others() {
    struct Bomb(usize);
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("the payload of thread {}", self.0);
        }
    }
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let pool = Pool::new(3).unwrap();
        let all_are_here = std::sync::Barrier::new(3);
        let run = AssertUnwindSafe(|| {
            pool.run(|team| {
                all_are_here.wait();
                std::panic::panic_any(Bomb(team.thread()));
            });
        });
        let first = catch_unwind(run).expect_err("a panic");
        std::mem::forget(first.downcast::<Bomb>().expect("the payload"));
        let runs = AtomicUsize::new(0);
        pool.run(|_| {
            runs.fetch_add(1, Ordering::Relaxed);
        });
        tell.send(runs.into_inner()).unwrap();
    });
    let patience = std::time::Duration::from_secs(60);
    assert_eq!(
        told.recv_timeout(patience),
        Ok(3),
        "threads of the next run"
    );
}

#[test]
fn a_thread_that_returns_is_not_waited_for() {
    for pool in pools() {
        let steps = AtomicUsize::new(0);
        pool.run(|team| {
            for step in 0..50 {
                if team.thread() == 1 && step == 10 {
                    return;
                }
                assert_eq!(team.barrier(), Flow::Continue);
                steps.fetch_add(1, Ordering::Relaxed);
            }
        });
        let n = pool.n_threads();
        let expected = if n == 1 { 50 } else { (n - 1) * 50 + 10 };
        assert_eq!(steps.into_inner(), expected);
    }
}

#[test]
fn a_run_inside_a_run_of_the_same_pool_panics() {
    let pool = Pool::new(2).unwrap();
    let other = Pool::new(2).unwrap();
    let nested = |inner: &Pool| {
        let run = AssertUnwindSafe(|| pool.run(|_| inner.run(|_| {})));
        catch_unwind(run).is_err()
    };
    assert!(nested(&pool));
    assert!(!nested(&other));
}

#[test]
fn callers_on_several_threads_take_turns() {
    let pool = Pool::new(3).unwrap();
    let inside = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    pool.run(|team| {
                        if team.thread() == 0 {
                            assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
                        }
                        assert_eq!(team.barrier(), Flow::Continue);
                        if team.thread() == 0 {
                            inside.fetch_sub(1, Ordering::Relaxed);
                        }
                    });
                }
            });
        }
    });
}

#[test]
fn a_dropped_pool_has_ended_its_threads() {
    thread_local! {
        static ON_EXIT: std::cell::RefCell<Option<Exit>> = const { std::cell::RefCell::new(None) };
    }
    static EXITED: AtomicUsize = AtomicUsize::new(0);
    struct Exit;
    impl Drop for Exit {
        fn drop(&mut self) {
            EXITED.fetch_add(1, Ordering::SeqCst);
        }
    }
    let pool = Pool::new(4).unwrap();
    pool.run(|team| {
        if team.thread() > 0 {
            ON_EXIT.set(Some(Exit));
        }
    });
    assert_eq!(EXITED.load(Ordering::SeqCst), 0);
    drop(pool);
    assert_eq!(EXITED.load(Ordering::SeqCst), 3);
}
