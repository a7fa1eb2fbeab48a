//! Records of an encrypted link that somebody has changed on their way: none opens.

use crate::support::Links;
use crate::support::faulty_peer::{all_reduce, assert_protocol, quick};
use crate::support::raw::{ALL_REDUCE, mesh_with_raw_peers};
use dllama_net::Error;

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
