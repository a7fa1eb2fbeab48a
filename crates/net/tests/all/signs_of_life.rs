//! Ranks that compute for longer than the limit of silence: heartbeats keep them, in both directions.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use crate::support::faulty_peer::{all_reduce, quick};
use crate::support::raw::{ALL_REDUCE, CONTROL, HEARTBEAT, mesh_with_raw_peers};
use crate::support::{KINDS, watched};
use dllama_net::{AllReduce, F32Codec};

/// Many times the limit of silence, with heartbeats that come in two pieces each.
#[test]
fn a_peer_that_computes_for_long_is_not_lost() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 1, &quick());
            mesh.begin_run();
            let peer = &mut peers[0];
            std::thread::scope(|scope| {
                let reduced = scope.spawn(|| all_reduce(&mesh, 1000));
                for _ in 0..20 {
                    let frame = peer.frame(HEARTBEAT, &[]);
                    for half in frame.chunks(10) {
                        peer.write(half);
                        std::thread::sleep(Duration::from_millis(60));
                    }
                }
                peer.send(ALL_REDUCE, &[0; 4000]);
                reduced.join().expect("no panic").expect("not lost");
            });
        });
    }
}

/// The monitor hears one peer out no longer than the others can do without signs of life of this rank.
#[test]
fn a_peer_that_sends_nothing_but_heartbeats_keeps_nobody() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 2, &quick());
            let (flooding, other) = peers.split_at_mut(1);
            let beat = |_| flooding[0].frame(HEARTBEAT, &[]);
            let beats: Vec<u8> = (0..100_000).flat_map(beat).collect();
            mesh.begin_run();
            std::thread::scope(|scope| {
                scope.spawn(|| flooding[0].stream.write_all(&beats));
                for _ in 0..5 {
                    other[0].send(HEARTBEAT, &[]);
                    assert_eq!(other[0].receive(), Some((HEARTBEAT, vec![])));
                }
                drop(mesh);
            });
        });
    }
}

/// The peer does not read for many times the limit, but gives signs of life; then it reads. The payload
/// is more than the buffers of any socket hold.
#[test]
fn a_peer_that_does_not_read_but_lives_is_not_lost() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 1, &quick());
            let payload = vec![3; 16 << 20];
            mesh.begin_run();
            let peer = &mut peers[0];
            let has_read = &AtomicBool::new(false);
            std::thread::scope(|scope| {
                let sent = scope.spawn(|| mesh.send_control(1, 0, &payload));
                peer.compute(Duration::from_secs(1), Duration::from_millis(60));
                // A frame that rank 0 receives later hides what comes behind it.
                peer.send(CONTROL, &[9]);
                peer.compute(Duration::from_secs(1), Duration::from_millis(60));
                // It lives while it reads, too, which may take long.
                let beats: Vec<_> = (0..100).map(|_| peer.frame(HEARTBEAT, &[])).collect();
                let mut writer = peer.stream.writer();
                scope.spawn(move || {
                    for beat in beats.iter().take_while(|_| !has_read.load(SeqCst)) {
                        writer.write_all(beat).expect("written");
                        std::thread::sleep(Duration::from_millis(60));
                    }
                });
                let mut received = std::iter::from_fn(|| peer.receive());
                let message = received.find(|(kind, _)| *kind == CONTROL);
                has_read.store(true, SeqCst);
                assert!(message.expect("the message").1 == payload);
                sent.join().expect("no panic").expect("not lost");
            });
            assert_eq!(mesh.receive_control(1, 1).expect("the frame").1, [9]);
        });
    }
}

/// A rank that computes sends heartbeats from its monitor, in frames that are whole.
#[test]
fn a_rank_that_computes_sends_heartbeats() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 1, &quick());
            mesh.begin_run();
            for _ in 0..5 {
                assert_eq!(peers[0].receive(), Some((HEARTBEAT, vec![])));
            }
            mesh.end_run();
        });
    }
}

/// The rank computes for many times the limit after it has posted more than the socket takes; its
/// monitor goes on sending, and a peer that reads late gets whole frames and then heartbeats.
#[test]
fn posted_frames_and_heartbeats_go_on_while_a_rank_computes() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 1, &quick());
            mesh.begin_run();
            let partial = vec![1.0; 1 << 16];
            let mut reduction = mesh.begin_all_reduce(AllReduce::Direct, &F32Codec);
            reduction.push([&partial[..]].into_iter());
            peers[0].compute(quick().silence * 2, quick().heartbeat);
            let frames = std::iter::from_fn(|| peers[0].receive());
            let mut frames = frames.skip_while(|(kind, _)| *kind == HEARTBEAT);
            let (kind, payload) = frames.next().expect("the piece");
            assert_eq!((kind, payload.len()), (ALL_REDUCE, 4 * partial.len()));
            assert_eq!(frames.next(), Some((HEARTBEAT, vec![])));
        });
    }
}
