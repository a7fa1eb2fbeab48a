//! Peers that die, stop, or send what they must not: every rank gets a typed error, in time, that
//! names the rank at fault.

mod support;

use std::time::Duration;

use dllama_net::{AllReduce, Error, F32Codec, LinkOptions, Mesh};
use proptest::prelude::*;
use support::raw::{
    ABORT, ALL_GATHER, ALL_REDUCE, CONTROL, HEARTBEAT, REDUCE_SCATTER, RawPeer, mesh_with_raw_peers,
};
use support::{KINDS, Links, on_all_ranks, watched};

/// Short limits, in the proportion of the defaults.
fn quick() -> LinkOptions {
    LinkOptions {
        heartbeat: Duration::from_millis(60),
        silence: Duration::from_millis(300),
        ..LinkOptions::default()
    }
}

fn all_reduce(mesh: &Mesh, n_values: usize) -> Result<(), Error> {
    all_reduce_by(AllReduce::Direct, mesh, n_values)
}

fn all_reduce_by(how: AllReduce, mesh: &Mesh, n_values: usize) -> Result<(), Error> {
    let (partial, mut acc) = (vec![1.0; n_values], vec![0.0; n_values]);
    mesh.all_reduce(how, &F32Codec, &partial, &mut acc)
}

/// Rank 0 in an all-reduce of 1000 values with a peer that behaves like `peer`, over each kind of
/// link: the error, which must come by itself.
fn all_reduce_against(peer: fn(&mut RawPeer)) -> Vec<Error> {
    all_reduce_over(&KINDS, peer)
}

const PLAIN: [Links; 2] = [Links::InMemory, Links::Tcp];
const SEALED: [Links; 2] = [Links::SealedInMemory, Links::SealedTcp];

fn all_reduce_over(kinds: &[Links], peer: fn(&mut RawPeer)) -> Vec<Error> {
    let run = |&kind: &Links| {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 1, &quick());
            mesh.begin_run();
            peer(&mut peers[0]);
            let error = all_reduce(&mesh, 1000).expect_err("the peer is faulty");
            assert!(
                matches!(all_reduce(&mesh, 1000), Err(Error::Closed)),
                "the mesh has ended"
            );
            error
        })
    };
    kinds.iter().map(run).collect()
}

fn assert_lost(errors: Vec<Error>) {
    for error in errors {
        let Error::PeerLost {
            rank: 1,
            address,
            during,
            ..
        } = &error
        else {
            panic!("{error}");
        };
        assert_eq!(
            (address.as_str(), during.as_str()),
            ("rank-1:1", "all-reduce")
        );
    }
}

fn assert_protocol(errors: Vec<Error>, in_expected: &str, in_got: &str) {
    for error in errors {
        let Error::Protocol {
            rank: 1,
            address,
            expected,
            got,
        } = &error
        else {
            panic!("{error}");
        };
        assert_eq!(address, "rank-1:1");
        assert!(
            expected.contains(in_expected) && got.contains(in_got),
            "{error}"
        );
    }
}

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

#[test]
fn garbage_is_refused() {
    const GARBAGE: &[u8] = b"GET / HTTP/1.1\r\nHost: me\r\n\r\n";
    let errors = all_reduce_over(&PLAIN, |peer| peer.write(GARBAGE));
    assert_protocol(errors, "frame header", "47, 45, 54");
    // Its first two bytes are the length of a record.
    let errors = all_reduce_over(&SEALED, |peer| peer.write(&GARBAGE.repeat(1000)));
    assert_protocol(errors, "record 0", "does not open");
    let errors = all_reduce_over(&SEALED, |peer| peer.write(&[15, 0]));
    assert_protocol(errors, "at least 16 bytes", "15 bytes");
    // It opens, and is no frame.
    let errors = all_reduce_over(&SEALED, |peer| {
        let record = peer.record(GARBAGE);
        peer.write(&record);
    });
    assert_protocol(errors, "the beginning of a frame", "47, 45, 54");
}

/// Wherever a bit is flipped but in the two bytes of length, which have a test of their own.
#[test]
fn a_flipped_bit_is_noticed() {
    for index in [2, 3, 4, 2000, 4002, 4003, 4018] {
        for bit in 0..8 {
            let (mesh, mut peers) = mesh_with_raw_peers(Links::SealedInMemory, 1, &quick());
            let mut frame = peers[0].frame(ALL_REDUCE, &[0; 4000]);
            frame[index] ^= 1 << bit;
            peers[0].write(&frame);
            let error = all_reduce(&mesh, 1000).expect_err("not what was sealed");
            assert_protocol(vec![error], "record 0", "does not open");
        }
    }
}

/// A longer length waits for bytes that do not come; a shorter one cuts the record.
#[test]
fn a_flipped_bit_in_a_length_is_noticed() {
    for index in 0..2 {
        for bit in 0..8 {
            let (mesh, mut peers) = mesh_with_raw_peers(Links::SealedInMemory, 1, &quick());
            let mut frame = peers[0].frame(ALL_REDUCE, &[0; 4000]);
            frame[index] ^= 1 << bit;
            peers[0].write(&frame);
            drop(peers);
            let error = all_reduce(&mesh, 1000).expect_err("not what was sealed");
            assert!(
                matches!(error, Error::PeerLost { .. } | Error::Protocol { .. }),
                "{error}"
            );
        }
    }
}

/// Of a payload of several records one is repeated, or two change places.
#[test]
fn records_out_of_their_order_are_noticed() {
    const N: usize = 50_000;
    const RECORD: usize = 2 + 65_535;
    for order in [[0, 0, 1], [0, 2, 1], [1, 0, 2]] {
        let (mesh, mut peers) = mesh_with_raw_peers(Links::SealedInMemory, 1, &quick());
        std::thread::scope(|scope| {
            let reduced = scope.spawn(|| all_reduce(&mesh, N));
            let frame = peers[0].frame(ALL_REDUCE, &[0; 4 * N]);
            let records: Vec<_> = frame.chunks(RECORD).collect();
            assert_eq!(records.len(), 4);
            for index in order {
                // The other side hangs up in the middle.
                let _ = peers[0].stream.write_all(records[index]);
            }
            let error = reduced.join().expect("no panic").expect_err("disordered");
            assert_protocol(vec![error], "record ", "does not open");
        });
    }
}

#[test]
fn another_length_is_refused() {
    let errors = all_reduce_against(|peer| peer.send(ALL_REDUCE, &[0; 3996]));
    assert_protocol(
        errors,
        "all-reduce of 4000 bytes",
        "all-reduce of 3996 bytes",
    );
}

#[test]
fn a_huge_length_is_refused() {
    let errors = all_reduce_against(|peer| {
        let beginning = peer.frame_that_tells(ALL_REDUCE, u64::MAX, &[]);
        peer.write(&beginning);
    });
    assert_protocol(errors, "of 4000 bytes", &u64::MAX.to_string());
}

#[test]
fn another_kind_is_refused() {
    let errors = all_reduce_against(|peer| peer.send(CONTROL, &[0; 4000]));
    assert_protocol(errors, "all-reduce", "control message");
}

#[test]
fn a_frame_that_is_left_out_is_noticed() {
    let leave_out = |peer: &mut RawPeer| {
        peer.frame(ALL_REDUCE, &[0; 4000]);
        peer.send(ALL_REDUCE, &[0; 4000]);
    };
    let errors = all_reduce_over(&PLAIN, leave_out);
    assert_protocol(errors, "frame number 0", "frame number 1");
    let errors = all_reduce_over(&SEALED, leave_out);
    assert_protocol(errors, "record 0", "does not open");
}

#[test]
fn a_malformed_abort_is_refused() {
    assert_protocol(
        all_reduce_against(|peer| peer.send(ABORT, &[0; 5])),
        "abort",
        "5 other bytes",
    );
    assert_protocol(
        all_reduce_against(|peer| peer.send(ABORT, &[0; 5000])),
        "1024",
        "5000",
    );
}

#[test]
fn a_message_longer_than_allowed_is_refused() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 1, &quick());
            peers[0].send(CONTROL, &[1; 100]);
            assert_eq!(
                mesh.receive_control(1, 100).expect("as long as allowed").1,
                [1; 100]
            );
            peers[0].send(CONTROL, &[1; 101]);
            let error = mesh.receive_control(1, 100).expect_err("too long");
            assert_protocol(vec![error], "at most 100 bytes", "101 bytes");
        });
    }
}

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
            std::thread::scope(|scope| {
                let sent = scope.spawn(|| mesh.send_control(1, 0, &payload));
                peer.compute(Duration::from_secs(1), Duration::from_millis(60));
                // A frame that rank 0 receives later hides what comes behind it.
                peer.send(CONTROL, &[9]);
                peer.compute(Duration::from_secs(1), Duration::from_millis(60));
                let received = std::iter::from_fn(|| peer.receive());
                let message = received.into_iter().find(|(kind, _)| *kind == CONTROL);
                assert!(message.expect("the message").1 == payload);
                sent.join().expect("no panic").expect("not lost");
            });
            assert_eq!(mesh.receive_control(1, 1).expect("the frame").1, [9]);
        });
    }
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
                reduction
                    .push([&[1.0; 250][..]].into_iter())
                    .expect("finite");
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

/// The rank computes for many times the limit after it has posted more than the socket takes; its
/// monitor goes on sending, and a peer that reads late gets whole frames and then heartbeats.
#[test]
fn posted_frames_and_heartbeats_go_on_while_a_rank_computes() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 1, &quick());
            mesh.begin_run();
            let partial = vec![1.0; 1 << 18];
            let mut reduction = mesh.begin_all_reduce(AllReduce::Direct, &F32Codec);
            reduction.push([&partial[..]].into_iter()).expect("finite");
            peers[0].compute(quick().silence * 2, quick().heartbeat);
            let frames = std::iter::from_fn(|| peers[0].receive());
            let mut frames = frames.skip_while(|(kind, _)| *kind == HEARTBEAT);
            let (kind, payload) = frames.next().expect("the piece");
            assert_eq!((kind, payload.len()), (ALL_REDUCE, 4 * partial.len()));
            assert_eq!(frames.next(), Some((HEARTBEAT, vec![])));
        });
    }
}

/// Ranks that disagree on the way notice it at the first frame.
#[test]
fn the_other_way_to_a_sum_is_refused() {
    for kind in KINDS {
        watched(move || {
            let (mesh, mut peers) = mesh_with_raw_peers(kind, 1, &quick());
            peers[0].send(ALL_REDUCE, &[0; 4000]);
            let error = all_reduce_by(AllReduce::Scattered, &mesh, 1000).expect_err("direct");
            assert_protocol(vec![error], "reduce-scatter of 2000", "all-reduce of 4000");
        });
    }
}

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

proptest! {
    /// Whatever a peer sends, in whatever pieces, an all-reduce with it ends: with a typed error,
    /// because random bytes are no frame.
    #[test]
    fn any_bytes_end_in_a_typed_error(pieces in prop::collection::vec(any::<Vec<u8>>(), 0..5)) {
        let (mesh, mut peers) = mesh_with_raw_peers(Links::InMemory, 1, &quick());
        let mut peer = peers.remove(0);
        pieces.iter().for_each(|piece| peer.write(piece));
        drop(peer);
        let error = all_reduce(&mesh, 10).expect_err("no frame");
        prop_assert!(matches!(error, Error::PeerLost { .. } | Error::Protocol { .. }), "{error}");
    }

    /// A frame that is right but for one byte of its header is refused or never completed.
    #[test]
    fn one_wrong_byte_in_a_header_is_noticed(index in 0_usize..16, flip in 1_u8..) {
        // The tag, byte 1, has no meaning outside control messages.
        prop_assume!(index != 1);
        let (mesh, mut peers) = mesh_with_raw_peers(Links::InMemory, 1, &quick());
        let mut peer = peers.remove(0);
        let mut frame = peer.frame(ALL_REDUCE, &[0; 40]);
        frame[index] ^= flip;
        peer.write(&frame);
        drop(peer);
        all_reduce(&mesh, 10).expect_err("no such frame");
    }
}
