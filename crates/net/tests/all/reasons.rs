//! What ranks tell each other when they give up: the reason, and the rank at fault, reach those that do not see
//! it themselves.

use std::time::Duration;

use crate::support::faulty_peer::quick;
use crate::support::raw::{ABORT, ALL_GATHER, ALL_REDUCE, CONTROL, mesh_with_raw_peers};
use crate::support::{KINDS, Links, on_all_ranks, watched};
use dllama_net::Error;

/// Rank 1 waits for rank 0 only, which tells it why it gives up.
#[test]
fn a_loss_is_reported_to_ranks_that_do_not_see_it() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 2, &quick());
            mesh.begin_run();
            drop(peers.remove(1));
            let error = mesh.receive_control(2, 10).expect_err("rank 2 is gone");
            mesh.fail(error.code(), &error.to_string());
            let mut frames = std::iter::from_fn(|| peers[0].receive());
            let (_, abort) = frames.find(|(kind, _)| *kind == ABORT).expect("the reason");
            assert_eq!(abort[..4], 2_u32.to_le_bytes(), "the lost rank");
            assert_eq!(&abort[6..15], b"PEER_LOST");
            assert!(String::from_utf8_lossy(&abort[15..]).contains("lost rank 2 (rank-2:1)"));
        });
    }
}

#[test]
fn a_reported_loss_names_the_lost_rank_by_its_address_here() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 2, &quick());
            mesh.begin_run();
            let abort = [&2_u32.to_le_bytes()[..], &[9, 0], b"PEER_LOST", b"gone"].concat();
            peers[0].send(ABORT, &abort);
            let error = mesh.receive_control(1, 10).expect_err("reported");
            let Error::PeerLost {
                rank: 2,
                address,
                reason,
                ..
            } = &error
            else {
                panic!("{error}");
            };
            assert_eq!(address, "rank-2:1");
            assert!(reason.contains("rank 1 (rank-1:1)"), "{reason}");
        });
    }
}

/// Rank 2 gives up; rank 1, which may hear of it from rank 0 first, blames rank 2 all the same.
#[test]
fn a_failure_is_passed_on_under_the_name_of_its_rank() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 2, &quick());
            let none = u32::MAX.to_le_bytes();
            let abort = [&none[..], &[13, 0], b"OUT_OF_MEMORYno room"].concat();
            peers[1].send(ABORT, &abort);
            let error = mesh.receive_control(2, 10).expect_err("it failed");
            mesh.fail(error.code(), &error.to_string());
            let passed_on = [&2_u32.to_le_bytes()[..], &abort[4..]].concat();
            assert_eq!(peers[0].receive(), Some((ABORT, passed_on.clone())));

            let (mesh, mut peers) = mesh_with_raw_peers(kind, 2, &quick());
            peers[0].send(ABORT, &passed_on);
            let error = mesh.receive_control(1, 10).expect_err("reported");
            let Error::PeerFailed {
                rank: 2,
                address,
                code,
                message,
            } = &error
            else {
                panic!("{error}");
            };
            assert_eq!(
                [address.as_str(), code, message],
                ["rank-2:1", "OUT_OF_MEMORY", "no room"]
            );
        });
    }
}

/// A rank that claims to have lost this very rank, or one that does not exist, has itself failed.
#[test]
fn an_absurd_report_is_the_reporters_failure() {
    for lost in [0_u32, 1, 7] {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(Links::InMemory, 2, &quick());
            let abort = [&lost.to_le_bytes()[..], &[9, 0], b"PEER_LOST", b"gone"].concat();
            peers[0].send(ABORT, &abort);
            let error = mesh.receive_control(1, 10).expect_err("reported");
            assert!(
                matches!(error, Error::PeerFailed { rank: 1, .. }),
                "{error}"
            );
        });
    }
}

/// Between steps a rank that computes can ask who is gone, with the reason where there is one.
#[test]
fn a_rank_that_computes_learns_who_hung_up() {
    for kind in KINDS {
        let results = on_all_ranks(kind.meshes(3, &quick()), |mesh| {
            mesh.begin_run();
            let mut error = None;
            if mesh.rank() == 2 {
                mesh.fail("OUT_OF_MEMORY", "no room for the KV cache");
            } else {
                while error.is_none() {
                    std::thread::sleep(Duration::from_millis(5));
                    error = mesh.lost();
                }
            }
            // Nobody else hangs up before all have looked.
            (mesh, error)
        });
        for error in results.into_iter().filter_map(|(_mesh, error)| error) {
            assert!(
                matches!(&error, Error::PeerFailed { rank: 2, code, message, .. }
                    if code == "OUT_OF_MEMORY" && message == "no room for the KV cache"),
                "{error}"
            );
        }
    }
}

/// The reason lies behind a frame that this rank has not come to, and blames another than the one that brings it.
#[test]
fn a_reason_behind_an_unread_frame_is_found() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 2, &quick());
            mesh.begin_run();
            let lost = [&2_u32.to_le_bytes()[..], &[9, 0], b"PEER_LOST", b"gone"].concat();
            peers[0].send(ALL_REDUCE, &[0; 4000]);
            peers[0].send(CONTROL, &[3; 10]);
            peers[0].send(ABORT, &lost);
            peers[1].send(ALL_REDUCE, &[0; 4000]);
            drop(peers);
            let error = loop {
                std::thread::sleep(Duration::from_millis(5));
                if let Some(error) = mesh.lost() {
                    break error;
                }
            };
            let Error::PeerLost {
                rank: 2, reason, ..
            } = &error
            else {
                panic!("{error}");
            };
            assert!(reason.contains("rank 1 (rank-1:1) reports it"), "{reason}");
        });
    }
}

/// Rank 2 is in the middle of its frame when rank 1 is gone. Nobody reads the rest of it, and it is no frame.
#[test]
fn a_peer_in_the_middle_of_its_frame_is_told_the_reason() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 2, &quick());
            mesh.begin_run();
            let frame = peers[1].frame(ALL_GATHER, &[0; 200_000]);
            let (begun, rest) = frame.split_at(100_000);
            std::thread::scope(|scope| {
                let gathered = scope.spawn(|| {
                    let mut all = vec![0; 200_016];
                    mesh.all_gather(&[1; 8], &mut all, &[8, 8, 200_000])
                });
                peers[1].write(begun);
                while peers[0].receive().expect("a frame").0 != ALL_GATHER {}
                drop(peers.remove(0));
                let error = gathered.join().expect("no panic").expect_err("gone");
                assert!(matches!(error, Error::PeerLost { rank: 1, .. }), "{error}");
                // The monitor looks at rank 2 meanwhile, which goes on.
                peers[0].write(&rest[..50_000]);
                std::thread::sleep(quick().heartbeat * 4);
                mesh.fail(error.code(), &error.to_string());
                let mut frames = std::iter::from_fn(|| peers[0].receive());
                let (_, abort) = frames.find(|(kind, _)| *kind == ABORT).expect("the reason");
                assert_eq!(abort[..4], 1_u32.to_le_bytes(), "the lost rank");
            });
        });
    }
}

/// What Ctrl-C does: another thread ends the mesh while this one waits.
#[test]
fn fail_wakes_a_thread_that_waits() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 1, &quick());
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| mesh.receive_control(1, 10));
                std::thread::sleep(Duration::from_millis(50));
                mesh.fail("ABORTED", "stopped");
                let error = waiting.join().expect("no panic").expect_err("ended");
                assert!(matches!(error, Error::Closed), "{error}");
            });
            assert_eq!(peers[0].receive().map(|(kind, _)| kind), Some(ABORT));
            assert_eq!(peers[0].receive(), None);
        });
    }
}
