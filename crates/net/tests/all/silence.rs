//! A rank that falls silent without a word: its device has no power, its cable is out, its process is stopped.
//! Every rank that is at work learns of it, whatever it is doing, and nobody takes a rank that is done for lost.

use std::io::IoSliceMut;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use crate::support::faulty_peer::quick;
use crate::support::raw::{CONTROL, HEARTBEAT, mesh_with_raw_peers};
use crate::support::{KINDS, on_all_ranks, watched};
use dllama_net::{AllReduce, Error, F32Codec, Mesh};

type Wait = fn(&Mesh) -> Result<(), Error>;

fn sum(how: AllReduce, mesh: &Mesh) -> Result<(), Error> {
    mesh.all_reduce(how, &F32Codec, &[1.0; 300], &mut [0.0; 300])
}

/// Each with the rank that is silent in it, which is one that others wait for.
const WAITS: [(&str, usize, Wait); 9] = [
    ("all-reduce", 2, |mesh| sum(AllReduce::Direct, mesh)),
    ("reduce-scatter", 2, |mesh| sum(AllReduce::Scattered, mesh)),
    ("all-gather", 1, |mesh| {
        mesh.all_gather(&[1; 8], &mut [0; 24], &[8, 8, 8])
    }),
    ("broadcast", 0, |mesh| mesh.broadcast(0, &mut [0; 100])),
    ("gather", 2, |mesh| match mesh.rank() {
        0 => mesh.gather(0, &[1; 8], &mut [0; 24]),
        // It waits for nobody in the gather itself, but for the root's next word.
        _ => {
            mesh.gather(0, &[1; 8], &mut [])?;
            mesh.receive_control(0, 8).map(drop)
        }
    }),
    ("control message", 0, |mesh| {
        mesh.receive_control(0, 8).map(drop)
    }),
    ("control message that is not read", 1, |mesh| {
        mesh.send_control(1, 0, &vec![1; 30 << 20])
    }),
    ("slice transfer", 0, |mesh| {
        mesh.receive_slice(0, vec![IoSliceMut::new(&mut [0; 1000])])
    }),
    ("computation", 1, |mesh| {
        loop {
            std::thread::sleep(Duration::from_millis(5));
            if let Some(error) = mesh.lost() {
                return Err(error);
            }
        }
    }),
];

#[test]
fn every_rank_loses_a_silent_one_whatever_it_waits_in() {
    for kind in KINDS {
        for (name, silent, wait) in WAITS {
            let over = Arc::new(Barrier::new(3));
            let lost = on_all_ranks(kind.meshes(3, &quick()), move |mesh| {
                if mesh.rank() == silent {
                    // It does not begin a run, so that nothing comes from it, and keeps its connections.
                    over.wait();
                    return None;
                }
                mesh.begin_run();
                let error = wait(&mesh).expect_err("a rank is silent");
                mesh.fail(error.code(), &error.to_string());
                over.wait();
                Some(error)
            });
            for error in lost.into_iter().flatten() {
                let Error::PeerLost { rank, .. } = &error else {
                    panic!("{kind:?} {name}: {error}");
                };
                assert_eq!(*rank, silent, "{kind:?} {name}: {error}");
            }
        }
    }
}

/// The limit itself: what comes before it is no loss, and the reason names it.
#[test]
fn the_reason_names_the_limit_and_no_loss_is_reported_before_it() {
    for kind in KINDS {
        watched(move || {
            let (mesh, _peers) = mesh_with_raw_peers(kind, 1, &quick());
            let start = Instant::now();
            mesh.begin_run();
            let error = mesh.receive_control(1, 8).expect_err("a silent peer");
            assert!(start.elapsed() >= quick().silence);
            assert!(
                error.to_string().ends_with("nothing came for 300ms"),
                "{error}"
            );
        });
    }
}

/// A frame that this rank does not read yet must not hide that nothing follows it.
#[test]
fn a_peer_that_falls_silent_behind_an_unread_frame_is_lost_to_a_rank_that_computes() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 1, &quick());
            mesh.begin_run();
            peers[0].send(CONTROL, &[7; 500]);
            let error = loop {
                std::thread::sleep(Duration::from_millis(5));
                if let Some(error) = mesh.lost() {
                    break error;
                }
            };
            assert!(matches!(error, Error::PeerLost { rank: 1, .. }), "{error}");
        });
    }
}

/// Rank 1 has ended its run long before the others, which must not lose it; when the root has ended its own,
/// all are silent and at rest.
#[test]
fn a_rank_that_is_done_early_is_not_lost() {
    for kind in KINDS {
        let ended = Arc::new(Barrier::new(3));
        on_all_ranks(kind.meshes(3, &quick()), move |mesh| {
            mesh.begin_run();
            if mesh.rank() == 1 {
                mesh.end_run();
            } else {
                std::thread::sleep(quick().silence * 4);
                assert!(mesh.lost().is_none());
                // Rank 2 tells the root that it has looked.
                let tell = |mesh: &Mesh| match mesh.rank() {
                    0 => mesh.receive_control(2, 1).map(drop),
                    _ => mesh.send_control(0, 0, &[]),
                };
                tell(&mesh).expect("nobody is lost");
            }
            mesh.end_run();
            ended.wait();
            std::thread::sleep(quick().heartbeat * 20);
            let (wakeups, sent_bytes) = (mesh.monitor_wakeups(), mesh.traffic().sent_bytes);
            std::thread::sleep(quick().silence * 2);
            assert_eq!(mesh.monitor_wakeups(), wakeups, "at rest");
            assert_eq!(mesh.traffic().sent_bytes, sent_bytes, "at rest");
            ended.wait();
            // The next run is one like the first.
            mesh.begin_run();
            sum(AllReduce::Direct, &mesh).expect("nobody is lost");
            mesh
        });
    }
}

/// The worker has ended its run and waits for the next; the root has not said that it rests.
#[test]
fn a_root_that_falls_silent_before_it_rests_is_lost_to_a_worker_that_waits() {
    for kind in KINDS {
        let over = Arc::new(Barrier::new(2));
        on_all_ranks(kind.meshes(2, &quick()), move |mesh| {
            if mesh.rank() == 0 {
                mesh.send_control(1, 0, &[]).expect("a worker");
            } else {
                mesh.receive_control(0, 1).expect("the root's word");
                mesh.begin_run();
                mesh.end_run();
                let error = mesh.receive_control(0, 1).expect_err("silent");
                assert!(matches!(error, Error::PeerLost { rank: 0, .. }), "{error}");
            }
            over.wait();
        });
    }
}

/// The last heartbeat of a root has tag 1, and none follows.
#[test]
fn a_root_says_that_it_rests() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 1, &quick());
            mesh.begin_run();
            assert_eq!(peers[0].receive(), Some((HEARTBEAT, vec![])));
            mesh.end_run();
            let rest = std::iter::from_fn(|| peers[0].receive_tagged());
            let tags: Vec<_> = rest
                .map(|(_, tag, _)| tag)
                .take_while(|tag| *tag == 0)
                .collect();
            assert!(tags.len() <= 3, "{tags:?}");
            std::thread::sleep(quick().silence);
            drop(mesh);
            assert_eq!(peers[0].receive(), None);
        });
    }
}
