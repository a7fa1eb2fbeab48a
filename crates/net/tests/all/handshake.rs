//! Roots and workers that find each other, or say why not.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use crate::support::caller::{ACCEPTED, Caller, ROOT, VERSION, WRONG_TOKEN, reply};
use crate::support::{
    TOKEN, address, assert_serves, connect_to, connect_with, listener, logging_listener, token,
    watched,
};
use dllama_net::{Error, EventKind, Listener, MAX_WORLD_SIZE, Trust};

/// A program on a port that reads a hello and then does as it is told.
fn impostor(behave: impl FnOnce(TcpStream, TcpListener) + Send + 'static) -> String {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("its address").to_string();
    thread::spawn(move || {
        let (mut stream, _) = socket.accept().expect("the root");
        stream.read_exact(&mut [0; 44 + 48]).expect("a hello");
        behave(stream, socket);
    });
    address
}

#[test]
fn a_worker_serves_one_root_after_another() {
    watched(|| {
        let (listener, events) = logging_listener();
        for _ in 0..3 {
            let (root, worker) = assert_serves(&listener);
            assert_eq!((worker.rank(), worker.world_size()), (1, 2));
            assert_eq!(root.address(1), address(&listener));
            assert_eq!(worker.address(1), address(&listener));
            assert_eq!(events.recv().expect("an event").kind, EventKind::Connected);
        }
    });
}

/// It learns with whom and since when, because it has the token.
#[test]
fn a_second_root_is_told_busy_until_the_mesh_is_dropped() {
    watched(|| {
        let (listener, events) = logging_listener();
        let (_root, worker) = assert_serves(&listener);
        let before = SystemTime::now();
        thread::sleep(Duration::from_millis(1100));
        let error = connect_to(&[address(&listener)]).err().expect("refused");
        let Error::Busy {
            address: named,
            root,
            since,
        } = &error
        else {
            panic!("{error}");
        };
        assert_eq!(
            (named, root.as_str()),
            (&address(&listener), worker.address(0))
        );
        // Whole seconds are told.
        let age = SystemTime::now().duration_since(*since).expect("past");
        assert!((1..=3).contains(&age.as_secs()), "{age:?} {before:?}");
        assert!(
            error
                .to_string()
                .contains(&format!("busy with {root} since 20"))
        );
        events.recv().expect("the first root");
        let event = events.recv().expect("an event");
        assert!(event.kind == EventKind::Refused && event.message.contains("another root"));
        drop(worker);
        assert_serves(&listener);
    });
}

/// A root that is known may still wait for its other workers in vain.
#[test]
fn of_several_known_roots_the_first_to_go_on_is_served() {
    watched(|| {
        let (listener, events) = logging_listener();
        let mut roots = [1, 2, 3].map(|session| {
            Caller::enter(&listener, crate::support::caller::Hello { session, ..ROOT })
        });
        let worker = address(&listener);
        let addresses = [&[worker.len() as u8], worker.as_bytes()].concat();
        let [silent, served, late] = &mut roots;
        served.send(&addresses);
        assert_eq!(served.receive().expect("a report"), [0]);
        late.send(&addresses);
        let refusal = late.receive().expect("a report");
        let served_address = served.stream.local_addr().expect("its address").to_string();
        assert_eq!(refusal[..2], [2, 1], "refused, busy");
        assert_eq!(refusal[10..], *served_address.as_bytes());
        let event = events.recv().expect("an event");
        assert!(event.message.contains("another root was faster"));
        served.send(&[1]);
        let mesh = listener.accept().expect("a mesh");
        assert_eq!(events.recv().expect("one").kind, EventKind::Connected);
        drop((mesh, silent));
    });
}

#[test]
fn what_is_no_worker_of_this_version_is_named() {
    watched(|| {
        type Check = fn(&Error) -> bool;
        let answers: [(Vec<u8>, Check); 7] = [
            (reply(9, 0), |e| {
                matches!(
                    e,
                    Error::VersionMismatch {
                        ours: VERSION,
                        theirs: 9,
                        ..
                    }
                )
            }),
            (reply(VERSION, WRONG_TOKEN), |e| {
                matches!(e, Error::WrongToken { .. })
            }),
            (reply(VERSION, 5), |e| matches!(e, Error::Refused { .. })),
            (reply(VERSION, 99), |e| {
                matches!(e, Error::Protocol { rank: 1, .. })
            }),
            (
                b"HTTP/1.1 400 Bad Request\r\n".to_vec(),
                |e| matches!(e, Error::Protocol { got, .. } if got.contains("HTTP/1.1 400 Bad")),
            ),
            (
                vec![],
                |e| matches!(e, Error::Protocol { got, .. } if got.contains("closed")),
            ),
            // It says yes, and does not have the key.
            ([reply(VERSION, ACCEPTED), vec![9; 48]].concat(), |e| {
                matches!(e, Error::WrongToken { .. })
            }),
        ];
        for (bytes, check) in answers {
            let address = impostor(move |mut stream, _| stream.write_all(&bytes).expect("written"));
            let error = connect_to(&[address]).err().expect("no worker");
            assert!(check(&error), "{error}");
        }
    });
}

#[test]
fn a_worker_that_is_not_there_or_does_not_answer_is_unreachable() {
    watched(|| {
        let closed = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = closed.local_addr().expect("its address").to_string();
        drop(closed);
        let error = connect_to(std::slice::from_ref(&address))
            .err()
            .expect("nobody is there");
        let named =
            matches!(&error, Error::Unreachable { address: named, .. } if *named == address);
        assert!(
            named
                && error
                    .hint()
                    .is_some_and(|hint| hint.contains("dllama worker"))
        );

        let (done, wait) = mpsc::channel::<()>();
        let silent = impostor(move |_stream, _| {
            let _ = wait.recv();
        });
        let error = connect_to(&[silent]).err().expect("no answer");
        assert!(matches!(&error, Error::Unreachable { reason, .. } if reason.contains("in time")));
        drop(done);
    });
}

/// The first worker is real; between the two workers is somebody who lets nobody through.
#[test]
fn two_workers_that_cannot_meet_are_named_as_a_pair() {
    watched(|| {
        let (second, events) = logging_listener();
        let first = one_time_relay(listener());
        let error = connect_to(&[first.clone(), address(&second)])
            .err()
            .expect("no mesh");
        let Error::PeersUnreachable {
            rank: 2,
            peer_rank: 1,
            peer_address,
            ..
        } = &error
        else {
            panic!("{error}");
        };
        assert_eq!(*peer_address, first);
        let event = events.recv().expect("an event");
        assert!(event.kind == EventKind::SessionFailed && event.message.contains("rank 1"));
        assert_serves(&second);
    });
}

/// A port through which the first caller reaches the worker, and nobody else does.
fn one_time_relay(worker: Listener) -> String {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("its address").to_string();
    thread::spawn(move || {
        let (mut caller, _) = socket.accept().expect("the root");
        drop(socket);
        let mut callee = TcpStream::connect(worker.local_addr()).expect("the worker");
        let (mut from, mut to) = (
            caller.try_clone().expect("a descriptor"),
            callee.try_clone().expect("a descriptor"),
        );
        let back = thread::spawn(move || std::io::copy(&mut callee, &mut caller));
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
        let _ = back.join();
        drop(worker);
    });
    address
}

#[test]
fn one_worker_by_two_addresses_is_refused() {
    watched(|| {
        let listener =
            Listener::bind("0.0.0.0:0", token(TOKEN), Box::new(|_| ())).expect("a free port");
        let port = listener.local_addr().port();
        let addresses = ["127.0.0.1", "127.0.0.2"].map(|host| format!("{host}:{port}"));
        let error = connect_to(&addresses).err().expect("the same worker");
        assert!(matches!(&error, Error::Refused { reason, .. } if reason.contains("already")));
        let error = connect_to(&[addresses[0].clone(), addresses[0].clone()]).err();
        assert!(matches!(error, Some(Error::DuplicateWorker { .. })));
        assert!(connect_to(&addresses[..1]).is_ok());
    });
}

#[test]
fn a_world_is_capped_and_may_have_one_rank() {
    let workers: Vec<_> = (1..=MAX_WORLD_SIZE)
        .map(|port| format!("127.0.0.1:{port}"))
        .collect();
    let error = connect_to(&workers).err();
    assert!(matches!(
        error,
        Some(Error::WorldTooLarge {
            world_size: 65,
            max: 64
        })
    ));
    let alone = connect_with(Trust::Insecure, &[]).expect("nobody to connect with");
    assert_eq!((alone.rank(), alone.world_size()), (0, 1));
    alone.begin_run();
    alone.end_run();
}

#[test]
fn a_port_in_use_and_a_foreign_address_are_typed_errors() {
    let ignore = || Box::new(|_| ());
    let first = listener();
    let second = Listener::bind(&address(&first), Trust::Insecure, ignore());
    assert!(
        matches!(second.err(), Some(Error::AddressInUse { address: a }) if a == address(&first))
    );
    for bad in ["192.0.2.1:0", "127.0.0.1", "no port"] {
        let error = Listener::bind(bad, Trust::Insecure, ignore()).err();
        assert!(
            matches!(error, Some(Error::BadAddress { .. })),
            "{bad}: {error:?}"
        );
    }
}

#[test]
fn close_ends_accept_and_frees_the_port() {
    watched(|| {
        let listener = listener();
        thread::scope(|scope| {
            let accepting = scope.spawn(|| listener.accept());
            thread::sleep(Duration::from_millis(50));
            listener.close();
            assert!(matches!(
                accepting.join().expect("no panic").err(),
                Some(Error::Closed)
            ));
        });
        assert!(matches!(listener.accept().err(), Some(Error::Closed)));
        let again = Listener::bind(&address(&listener), token(TOKEN), Box::new(|_| ()))
            .expect("free again");
        assert_serves(&again);
    });
}
