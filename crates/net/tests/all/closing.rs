//! A listener that is closed while roots are on their way: their handshakes end there, and nothing is
//! told of them any more.

use std::sync::mpsc;

use crate::support::caller::{Caller, Hello, ROOT};
use crate::support::{address, assert_serves, listener, logging_listener, watched};
use dllama_net::{Event, Listener};

/// The addresses of `n` workers, of which only this one is ever called.
fn addresses(listener: &Listener, n: usize) -> Vec<u8> {
    let worker = address(listener);
    [&[worker.len() as u8], worker.as_bytes()]
        .concat()
        .repeat(n)
}

/// Closes, then has the root say what it owed: no answer may come, and no event of it. Everything that
/// the handshake's thread does is waited for: its end drops the log, which ends `events`.
fn assert_closing_ends(
    listener: Listener,
    events: &mpsc::Receiver<Event>,
    mut root: Caller,
    owed: &[u8],
) {
    let address = root.stream.local_addr().expect("its address").to_string();
    assert!(
        events.try_iter().all(|event| event.address != address),
        "nothing happened yet"
    );
    listener.close();
    drop(listener);
    root.send(owed);
    assert_eq!(root.receive(), None, "the connection ends");
    let told: Vec<_> = events
        .iter()
        .filter(|event| event.address == address)
        .collect();
    assert_eq!(told, []);
}

#[test]
fn closing_ends_a_root_that_has_sent_no_addresses() {
    watched(|| {
        let (listener, events) = logging_listener();
        let root = Caller::enter(&listener, ROOT);
        let owed = addresses(&listener, 1);
        assert_closing_ends(listener, &events, root, &owed);
    });
}

#[test]
fn closing_ends_a_root_whose_other_workers_are_waited_for() {
    watched(|| {
        let (listener, events) = logging_listener();
        let of_three = Hello {
            world_size: 3,
            ..ROOT
        };
        let mut root = Caller::enter(&listener, of_three);
        root.send(&addresses(&listener, 2));
        // From when on this worker is busy it waits for rank 2, and for nothing else.
        let another = Hello { session: 2, ..ROOT };
        while Caller::greet(&listener, another).knock()[0] != 1 {}
        // A report would be the answer to nothing.
        assert_closing_ends(listener, &events, root, &[]);
    });
}

#[test]
fn closing_ends_a_root_that_has_not_said_start() {
    watched(|| {
        let (listener, events) = logging_listener();
        let mut root = Caller::enter(&listener, ROOT);
        root.send(&addresses(&listener, 1));
        assert_eq!(root.receive().expect("a report"), [0], "ready");
        assert_closing_ends(listener, &events, root, &[1]);
    });
}

#[test]
fn a_mesh_that_was_handed_out_outlives_its_listener() {
    watched(|| {
        let listener = listener();
        let (root, worker) = assert_serves(&listener);
        listener.close();
        drop(listener);
        root.send_control(1, 6, b"still").expect("sent");
        assert_eq!(
            worker.receive_control(0, 5).expect("received"),
            (6, b"still".to_vec())
        );
        worker.send_control(0, 7, b"here").expect("sent");
        assert_eq!(
            root.receive_control(1, 4).expect("received"),
            (7, b"here".to_vec())
        );
    });
}
