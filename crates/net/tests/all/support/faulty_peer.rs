//! One rank that runs the crate's code against a peer that the test plays: what the suites of faults share.

use std::time::Duration;

use dllama_net::{AllReduce, Error, F32Codec, LinkOptions, Mesh};

use super::raw::{RawPeer, mesh_with_raw_peers};
use super::{KINDS, Links, watched};

/// Short limits, in the proportion of the defaults.
pub fn quick() -> LinkOptions {
    LinkOptions {
        heartbeat: Duration::from_millis(60),
        silence: Duration::from_millis(300),
        ..LinkOptions::default()
    }
}

pub fn all_reduce(mesh: &Mesh, n_values: usize) -> Result<(), Error> {
    all_reduce_by(AllReduce::Direct, mesh, n_values)
}

pub fn all_reduce_by(how: AllReduce, mesh: &Mesh, n_values: usize) -> Result<(), Error> {
    let (partial, mut acc) = (vec![1.0; n_values], vec![0.0; n_values]);
    mesh.all_reduce(how, &F32Codec, &partial, &mut acc)
}

/// Rank 0 in an all-reduce of 1000 values with a peer that behaves like `peer`, over each kind of
/// link: the error, which must come by itself.
pub fn all_reduce_against(peer: fn(&mut RawPeer)) -> Vec<Error> {
    all_reduce_over(&KINDS, peer)
}

pub const PLAIN: [Links; 2] = [Links::InMemory, Links::Tcp];
pub const SEALED: [Links; 2] = [Links::SealedInMemory, Links::SealedTcp];

pub fn all_reduce_over(kinds: &[Links], peer: fn(&mut RawPeer)) -> Vec<Error> {
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

pub fn assert_lost(errors: Vec<Error>) {
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

pub fn assert_protocol(errors: Vec<Error>, in_expected: &str, in_got: &str) {
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
