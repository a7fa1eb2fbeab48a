//! Peers that send what they must not: one test per lie, and random bytes. Every one ends in a typed error that
//! names the rank at fault and what was expected of it.

use crate::support::faulty_peer::{
    PLAIN, SEALED, all_reduce, all_reduce_against, all_reduce_by, all_reduce_over, assert_protocol,
    quick,
};
use crate::support::raw::{ABORT, ALL_REDUCE, CONTROL, RawPeer, mesh_with_raw_peers};
use crate::support::{KINDS, Links, watched};
use dllama_net::{AllReduce, Error};
use proptest::prelude::*;

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

/// The monitor looks at the link while the rank computes, and finds it first.
#[test]
fn what_the_monitor_finds_is_what_the_rank_is_told() {
    fn computing(peer: &mut RawPeer, bytes: &[u8]) {
        peer.write(bytes);
        std::thread::sleep(quick().heartbeat * 4);
    }
    let errors = all_reduce_over(&SEALED, |peer| computing(peer, &[15, 0]));
    assert_protocol(errors, "at least 16 bytes", "15 bytes");
    let errors = all_reduce_over(&SEALED, |peer| {
        let record = peer.record(b"GET / HTTP/1.1\r\n\r\n");
        computing(peer, &record);
    });
    assert_protocol(errors, "the beginning of a frame", "47, 45, 54");
    let errors = all_reduce_against(|peer| {
        let abort = peer.frame(ABORT, &[0; 5000]);
        computing(peer, &abort);
    });
    assert_protocol(errors, "1024", "5000");
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
