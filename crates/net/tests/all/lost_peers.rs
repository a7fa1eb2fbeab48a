//! Peers that die or stop in the middle of something: every rank gets a typed error, in time, that names the
//! rank that is lost.

use std::time::Duration;

use crate::support::faulty_peer::{
    all_reduce, all_reduce_against, all_reduce_by, assert_lost, quick,
};
use crate::support::raw::{ALL_GATHER, ALL_REDUCE, CONTROL, REDUCE_SCATTER, mesh_with_raw_peers};
use crate::support::{KINDS, on_all_ranks, watched};
use dllama_net::{AllReduce, Error, F32Codec, LinkOptions};

#[test]
fn a_silent_peer_is_lost() {
    assert_lost(all_reduce_against(|_| ()));
}

#[test]
fn a_peer_that_stops_in_the_middle_of_a_header_is_lost() {
    assert_lost(all_reduce_against(|peer| {
        let frame = peer.frame(ALL_REDUCE, &[0; 4000]);
        peer.write(&frame[..7]);
    }));
}

#[test]
fn a_peer_that_stops_in_the_middle_of_a_payload_is_lost() {
    assert_lost(all_reduce_against(|peer| {
        let frame = peer.frame(ALL_REDUCE, &[0; 4000]);
        peer.write(&frame[..1250]);
    }));
}

#[test]
fn a_peer_that_closes_in_the_middle_of_a_payload_is_lost() {
    assert_lost(all_reduce_against(|peer| {
        let frame = peer.frame(ALL_REDUCE, &[0; 4000]);
        peer.write(&frame[..1250]);
        peer.stream = Box::new(std::io::Cursor::new(Vec::new()));
    }));
}

/// The peer neither reads nor writes.
#[test]
fn a_peer_that_does_not_read_and_is_silent_is_lost() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 1, &quick());
            peers[0].send(CONTROL, &[9]);
            mesh.begin_run();
            let error = mesh
                .send_control(1, 0, &vec![3; 30 << 20])
                .expect_err("silent");
            assert!(matches!(error, Error::PeerLost { rank: 1, .. }), "{error}");
        });
    }
}

/// The peer has added up its chunk, and dies with half of it sent: its 500 values are 2000 bytes.
#[test]
fn a_peer_that_dies_between_reduce_scatter_and_all_gather_is_lost() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 1, &quick());
            mesh.begin_run();
            let peer = &mut peers[0];
            peer.send(REDUCE_SCATTER, &[0; 2000]);
            let frame = peer.frame(ALL_GATHER, &[0; 2000]);
            peer.write(&frame[..1000]);
            let error = all_reduce_by(AllReduce::Scattered, &mesh, 1000).expect_err("half a sum");
            let Error::PeerLost {
                rank: 1, during, ..
            } = &error
            else {
                panic!("{error}");
            };
            assert_eq!(during, "all-gather");
        });
    }
}

/// Two of three pieces come whole, of each 250 values.
#[test]
fn a_peer_that_dies_between_pushed_pieces_is_lost() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 1, &quick());
            mesh.begin_run();
            let mut reduction = mesh.begin_all_reduce(AllReduce::Direct, &F32Codec);
            for _ in 0..3 {
                reduction.push([&[1.0; 250][..]].into_iter());
            }
            peers[0].send(ALL_REDUCE, &[0; 1000]);
            peers[0].send(ALL_REDUCE, &[0; 1000]);
            let mut numbers = vec![];
            let error = reduction.finish(|number, _| numbers.push(number));
            assert_eq!(numbers, [0, 1]);
            assert_lost(vec![error.expect_err("a piece is missing")]);
        });
    }
}

/// Rank 2 disappears in the middle of an all-reduce; ranks 0 and 1, which run the crate's code, both
/// name it, although each of them closes its links as soon as it knows.
#[test]
fn all_ranks_name_the_rank_that_died() {
    for kind in KINDS {
        let hows = [AllReduce::Direct, AllReduce::Scattered].into_iter();
        let buffers = [None, Some(8 << 10)];
        for (how, socket_buffer_bytes) in hows.flat_map(|how| buffers.map(|n| (how, n))) {
            let options = LinkOptions {
                socket_buffer_bytes,
                ..quick()
            };
            let results = on_all_ranks(kind.meshes(3, &options), move |mesh| {
                all_reduce(&mesh, 1000).expect("all ranks live");
                mesh.begin_run();
                if mesh.rank() == 2 {
                    return None;
                }
                let error = all_reduce_by(how, &mesh, 1 << 20).expect_err("rank 2 died");
                mesh.fail(error.code(), &error.to_string());
                Some(error)
            });
            for error in results.into_iter().flatten() {
                assert!(
                    matches!(error, Error::PeerLost { rank: 2, .. }),
                    "{kind:?} {how:?} {error}"
                );
            }
        }
    }
}

/// Rank 0 waits for rank 1, which lives; it must not overlook that rank 2 is gone.
#[test]
fn a_peer_that_nobody_waits_for_is_noticed_too() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 2, &quick());
            mesh.begin_run();
            drop(peers.remove(1));
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| mesh.receive_control(1, 10));
                while !waiting.is_finished() {
                    peers[0].compute(Duration::from_millis(60), Duration::from_millis(60));
                }
                let error = waiting
                    .join()
                    .expect("no panic")
                    .expect_err("rank 2 is gone");
                assert!(matches!(error, Error::PeerLost { rank: 2, .. }), "{error}");
            });
        });
    }
}
