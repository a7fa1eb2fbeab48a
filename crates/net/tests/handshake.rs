//! Roots, workers and strangers at a worker's port.

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use dllama_net::{
    ConnectOptions, Error, Event, EventKind, LinkOptions, Listener, MAX_WORLD_SIZE, Mesh, connect,
};
use support::{address, listener, watched};

const VERSION: u32 = 2;
const ACCEPTED: u8 = 0;

/// Shorter than what a stranger may take, so that waiting for one shows.
const HELLO_TIMEOUT: Duration = Duration::from_secs(3);

fn connect_to(workers: &[String]) -> Result<Mesh, Error> {
    let mut options = ConnectOptions::new(workers.to_vec());
    options.hello_timeout = HELLO_TIMEOUT;
    connect(options)
}

fn logging_listener() -> (Listener, mpsc::Receiver<Event>) {
    let (sender, events) = mpsc::channel();
    let on_event = move |event| {
        let _ = sender.send(event);
    };
    (
        Listener::bind("127.0.0.1:0", Box::new(on_event)).expect("a free port"),
        events,
    )
}

/// A hello as the format's description has it.
fn hello(role: u8, session: u8, world_size: u32, from: u32, to: u32) -> Vec<u8> {
    let mut bytes = b"dllama\r\n".to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend([role, 0, 0, 0]);
    bytes.extend([session; 16]);
    [world_size, from, to]
        .iter()
        .for_each(|number| bytes.extend(number.to_le_bytes()));
    bytes
}

fn reply(version: u32, code: u8) -> Vec<u8> {
    [
        b"dllama\r\n".as_slice(),
        &version.to_le_bytes(),
        &[code, 0, 0, 0],
    ]
    .concat()
}

fn dial(listener: &Listener) -> TcpStream {
    TcpStream::connect(listener.local_addr()).expect("the port is open")
}

/// All that a stranger gets for its bytes, up to the end of the connection.
fn answer(listener: &Listener, bytes: &[u8]) -> Vec<u8> {
    let mut stream = dial(listener);
    stream.write_all(bytes).expect("written");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an orderly end");
    answer
}

fn assert_serves(listener: &Listener) -> (Mesh, Mesh) {
    let root = connect_to(&[address(listener)]).expect("served");
    let worker = listener.accept().expect("a mesh");
    root.send_control(1, 5, b"hello").expect("sent");
    assert_eq!(
        worker.receive_control(0, 5).expect("received"),
        (5, b"hello".to_vec())
    );
    (root, worker)
}

/// A program on a port that reads a hello and then does as it is told.
fn impostor(behave: impl FnOnce(TcpStream, TcpListener) + Send + 'static) -> String {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("its address").to_string();
    thread::spawn(move || {
        let (mut stream, _) = socket.accept().expect("the root");
        stream.read_exact(&mut [0; 44]).expect("a hello");
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

#[test]
fn a_second_root_is_told_busy_until_the_mesh_is_dropped() {
    watched(|| {
        let (listener, events) = logging_listener();
        let (_root, worker) = assert_serves(&listener);
        let error = connect_to(&[address(&listener)]).err().expect("refused");
        assert!(matches!(&error, Error::Busy { address: named } if *named == address(&listener)));
        events.recv().expect("the first root");
        let event = events.recv().expect("an event");
        assert!(event.kind == EventKind::Refused && event.message.contains("another root"));
        drop(worker);
        assert_serves(&listener);
    });
}

#[test]
fn strangers_neither_delay_nor_end_a_worker() {
    watched(|| {
        let listener = listener(&LinkOptions::default());
        let noise = support::bytes(1, 5000);
        assert_eq!(
            answer(&listener, b"GET / HTTP/1.1\r\nHost: worker\r\n\r\n"),
            reply(VERSION, 1)
        );
        assert_eq!(answer(&listener, &noise), reply(VERSION, 1));
        drop(dial(&listener));
        // More than the places there are; every one of them would take 5 s, or 15 s for those that
        // say hello as a root.
        let whole = hello(0, 1, 3, 0, 1);
        let silent: Vec<_> = (0..150)
            .map(|index| {
                let mut stream = dial(&listener);
                let said = stream.write_all(&whole[..[0, 5, 20, 44][index % 4]]);
                said.expect("written");
                stream
            })
            .collect();
        assert_serves(&listener);
        drop(silent);
        assert_serves(&listener);
    });
}

/// A hello is cheap, and says nothing about whether the root goes on.
#[test]
fn of_roots_that_said_hello_the_first_to_go_on_is_served() {
    watched(|| {
        let (listener, events) = logging_listener();
        let mut roots = [1, 2, 3].map(|session| {
            let mut root = dial(&listener);
            root.write_all(&hello(0, session, 2, 0, 1))
                .expect("written");
            let mut answer = [0; 16];
            root.read_exact(&mut answer).expect("an answer");
            assert_eq!(answer.to_vec(), reply(VERSION, ACCEPTED));
            root
        });
        let worker = address(&listener);
        let addresses = [&[worker.len() as u8], worker.as_bytes()].concat();
        let [silent, served, late] = &mut roots;
        served.write_all(&addresses).expect("written");
        let mut ready = [1];
        served.read_exact(&mut ready).expect("a report");
        assert_eq!(ready, [0]);
        late.write_all(&addresses).expect("written");
        assert_eq!(late.read(&mut [0]).expect("an orderly end"), 0);
        let event = events.recv().expect("an event");
        assert!(event.message.contains("another root was faster"));
        served.write_all(&[1]).expect("written");
        let mesh = listener.accept().expect("a mesh");
        assert_eq!(events.recv().expect("one").kind, EventKind::Connected);
        drop((mesh, silent));
    });
}

#[test]
fn wrong_hellos_get_a_code_each() {
    watched(|| {
        let (listener, events) = logging_listener();
        let max = MAX_WORLD_SIZE as u32;
        let mut other_version = hello(0, 1, 2, 0, 1);
        other_version[8] = 9;
        for (bytes, code, reason) in [
            (other_version, 2, "version 9, here it is 2"),
            (hello(0, 1, 1, 0, 1), 4, "world size"),
            (hello(0, 1, max + 1, 0, 1), 4, "world size"),
            (hello(0, 1, 3, 0, 3), 5, "rank"),
            (hello(0, 1, 3, 1, 2), 5, "rank"),
            (hello(1, 1, 3, 1, 2), 5, "rank"),
            (hello(1, 1, 3, 2, 1), 6, "session"),
            (hello(2, 1, 3, 2, 1), 8, "malformed"),
        ] {
            assert_eq!(answer(&listener, &bytes), reply(VERSION, code), "{reason}");
            let event = events.recv().expect("an event");
            assert_eq!(event.kind, EventKind::Refused);
            assert!(event.message.contains(reason), "{}", event.message);
        }
    });
}

/// Of a session, only the workers that are still expected are let in.
#[test]
fn a_peer_that_does_not_fit_its_session_is_refused() {
    watched(|| {
        let listener = listener(&LinkOptions::default());
        let mut root = dial(&listener);
        root.write_all(&hello(0, 7, 4, 0, 2)).expect("written");
        root.read_exact(&mut [0; 16]).expect("accepted");
        assert_eq!(answer(&listener, &hello(1, 8, 4, 3, 2)), reply(VERSION, 6));
        assert_eq!(answer(&listener, &hello(1, 7, 5, 3, 2)), reply(VERSION, 4));
        assert_eq!(answer(&listener, &hello(1, 7, 4, 3, 1)), reply(VERSION, 5));
        // The worker has one name in this session.
        assert_eq!(answer(&listener, &hello(0, 7, 4, 0, 3)), reply(VERSION, 7));
    });
}

#[test]
fn what_is_no_worker_of_this_version_is_named() {
    watched(|| {
        type Check = fn(&Error) -> bool;
        let answers: [(Vec<u8>, Check); 6] = [
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
            (reply(VERSION, 3), |e| matches!(e, Error::Busy { .. })),
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

#[test]
fn two_workers_that_cannot_meet_are_named_as_a_pair() {
    watched(|| {
        let (done, wait) = mpsc::channel::<()>();
        // It accepts the root, and then nobody else.
        let first = impostor(move |mut stream, socket| {
            drop(socket);
            stream
                .write_all(&reply(VERSION, ACCEPTED))
                .expect("written");
            let _ = wait.recv();
        });
        let (second, events) = logging_listener();
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
        drop(done);
        assert_serves(&second);
    });
}

#[test]
fn one_worker_by_two_addresses_is_refused() {
    watched(|| {
        let listener = Listener::bind("0.0.0.0:0", Box::new(|_| ())).expect("a free port");
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
    let alone = connect_to(&[]).expect("nobody to connect with");
    assert_eq!((alone.rank(), alone.world_size()), (0, 1));
    alone.begin_run();
    alone.end_run();
}

#[test]
fn a_port_in_use_and_a_foreign_address_are_typed_errors() {
    let ignore = || Box::new(|_| ());
    let first = listener(&LinkOptions::default());
    let second = Listener::bind(&address(&first), ignore());
    assert!(
        matches!(second.err(), Some(Error::AddressInUse { address: a }) if a == address(&first))
    );
    for bad in ["192.0.2.1:0", "127.0.0.1", "no port"] {
        let error = Listener::bind(bad, ignore()).err();
        assert!(
            matches!(error, Some(Error::BadAddress { .. })),
            "{bad}: {error:?}"
        );
    }
}

#[test]
fn close_ends_accept_and_frees_the_port() {
    watched(|| {
        let listener = listener(&LinkOptions::default());
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
        let again = Listener::bind(&address(&listener), Box::new(|_| ())).expect("free again");
        assert_serves(&again);
    });
}
