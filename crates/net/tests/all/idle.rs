//! Between runs a rank waits without end and without work; within a run it may compute for long.

use std::time::Duration;

use crate::support::{KINDS, on_all_ranks};
use dllama_net::{AllReduce, F32Codec, LinkOptions, Mesh};

/// Heartbeats often; silence so long that a busy machine's threads are not taken for lost.
const QUICK: LinkOptions = LinkOptions {
    heartbeat: Duration::from_millis(10),
    silence: Duration::from_secs(1),
    socket_buffer_bytes: None,
};

/// Waits until ten heartbeats' time passes without one; where they never end, for ten seconds.
fn wait_for_rest(mesh: &Mesh) {
    for _ in 0..100 {
        let before = mesh.monitor_wakeups();
        std::thread::sleep(QUICK.heartbeat * 10);
        if mesh.monitor_wakeups() == before {
            return;
        }
    }
}

#[test]
fn an_idle_mesh_is_silent_and_its_monitor_sleeps() {
    for kind in KINDS {
        on_all_ranks(kind.meshes(3, &QUICK), |mesh| {
            let pause = || std::thread::sleep(Duration::from_millis(300));
            pause();
            assert_eq!(mesh.monitor_wakeups(), 0, "before the first run");

            mesh.begin_run();
            pause();
            assert!(mesh.monitor_wakeups() > 3, "in a run");
            // All ranks end the run before any of them measures.
            mesh.all_reduce(AllReduce::Direct, &F32Codec, &[1.0], &mut [0.0])
                .expect("all-reduce");
            mesh.end_run();
            wait_for_rest(&mesh);

            let (wakeups, sent_bytes) = (mesh.monitor_wakeups(), mesh.traffic().sent_bytes);
            pause();
            assert_eq!(mesh.monitor_wakeups(), wakeups, "after a run");
            assert_eq!(mesh.traffic().sent_bytes, sent_bytes, "after a run");
        });
    }
}

#[test]
fn a_message_between_runs_may_take_longer_than_the_limit_of_silence() {
    for kind in KINDS {
        on_all_ranks(kind.meshes(2, &QUICK), |mesh| {
            if mesh.rank() == 0 {
                std::thread::sleep(QUICK.silence * 2);
                mesh.send_control(1, 3, b"next").expect("sent");
            } else {
                assert_eq!(
                    mesh.receive_control(0, 10).expect("waited"),
                    (3, b"next".to_vec())
                );
            }
        });
    }
}

/// With the default limits, of which the larger is 2 s, over both kinds of link at the same time.
#[test]
fn a_rank_that_computes_for_thirty_seconds_is_not_lost() {
    let run = |kind: crate::support::Links| {
        on_all_ranks(kind.meshes(3, &LinkOptions::default()), |mesh| {
            mesh.begin_run();
            if mesh.rank() == 2 {
                std::thread::sleep(Duration::from_secs(30));
            }
            let mut sum = [0.0; 64];
            mesh.all_reduce(AllReduce::Direct, &F32Codec, &[1.0; 64], &mut sum)
                .expect("not lost");
            mesh.end_run();
            assert_eq!(sum, [3.0; 64]);
            // It closes when all have ended their run.
            mesh
        });
    };
    std::thread::scope(|scope| {
        for kind in KINDS {
            scope.spawn(move || run(kind));
        }
    });
}
