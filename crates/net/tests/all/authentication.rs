//! Who has the token and who has not; recordings, changed bytes, and sides that disagree on security.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::caller::{
    Caller, Hello, IS_INSECURE, REPLAYED, ROOT, VERSION, WANTS_TOKEN, WRONG_TOKEN, answer, dial,
    noise, reply, whole_hello,
};
use crate::support::{
    TOKEN, address, assert_serves, connect_to, connect_with, listener, logging_listener,
    logging_listener_with, token, watched,
};
use dllama_net::{Error, Event, EventKind, Trust};

fn assert_refused(event: &Event, reason: &str) {
    assert_eq!(event.kind, EventKind::Refused);
    assert!(event.address.starts_with("127.0.0.1:"), "{}", event.address);
    assert!(event.message.contains(reason), "{}", event.message);
}

#[test]
fn a_root_with_another_token_is_refused_and_both_sides_know_why() {
    watched(|| {
        let (listener, events) = logging_listener();
        let worker = address(&listener);
        let error = connect_with(
            token("another token, as long"),
            std::slice::from_ref(&worker),
        );
        let error = error.err().expect("refused");
        assert!(matches!(&error, Error::WrongToken { address } if *address == worker));
        assert_eq!(error.code(), "TOKEN_MISMATCH");
        assert!(
            error
                .hint()
                .is_some_and(|hint| hint.contains("DLLAMA_TOKEN"))
        );
        assert_refused(&events.recv().expect("an event"), "wrong token");
        assert_serves(&listener);
    });
}

#[test]
fn secure_and_insecure_do_not_go_together_and_say_so() {
    watched(|| {
        let (secure, events) = logging_listener();
        let error = connect_with(Trust::Insecure, &[address(&secure)]).err();
        let error = error.expect("refused");
        assert!(matches!(error, Error::WorkerIsSecure { .. }), "{error}");
        assert_eq!(error.code(), "INSECURE_MISMATCH");
        assert_refused(&events.recv().expect("an event"), "no token");

        let (insecure, events) = logging_listener_with(Trust::Insecure);
        let error = connect_to(&[address(&insecure)]).err().expect("refused");
        assert!(matches!(error, Error::WorkerIsInsecure { .. }), "{error}");
        assert_eq!(error.code(), "INSECURE_MISMATCH");
        assert_refused(&events.recv().expect("an event"), "has a token");

        // On the wire each is one plain reply.
        let hello = Hello { secure: 0, ..ROOT };
        assert_eq!(answer(&secure, &hello.bytes()), reply(VERSION, WANTS_TOKEN));
        let (_, hello) = whole_hello(ROOT, TOKEN);
        assert_eq!(answer(&insecure, &hello), reply(VERSION, IS_INSECURE));
    });
}

/// Every byte of a hello is bound: role, ranks, world size, session.
#[test]
fn a_hello_that_was_changed_on_the_way_is_refused() {
    watched(|| {
        let listener = listener();
        let sent = Hello {
            world_size: 5,
            to: 3,
            ..ROOT
        };
        let (_, message) = noise(TOKEN, &sent.bytes());
        for changed in [
            Hello { to: 2, ..sent },
            Hello {
                world_size: 6,
                ..sent
            },
            Hello { session: 2, ..sent },
            Hello {
                role: 1,
                from: 4,
                ..sent
            },
        ] {
            let bytes = [changed.bytes(), message.clone()].concat();
            assert_eq!(
                answer(&listener, &bytes),
                reply(VERSION, WRONG_TOKEN),
                "{changed:?}"
            );
        }
    });
}

#[test]
fn every_flipped_bit_of_a_handshake_is_refused() {
    watched(|| {
        let listener = listener();
        let (_, whole) = whole_hello(ROOT, TOKEN);
        for index in 0..whole.len() {
            let mut flipped = whole.clone();
            // The highest bit of the public key, byte 44 + 31, has no meaning in X25519, but is hashed.
            flipped[index] ^= 0x80;
            let answer = answer(&listener, &flipped);
            assert_eq!(answer.len(), 16, "byte {index}");
            assert_ne!(answer[12], 0, "byte {index}");
        }
    });
}

/// What a root sent is sent once more, after its session and during it: by bytes, and with what followed.
#[test]
fn a_replayed_handshake_gets_no_further_and_is_named() {
    watched(|| {
        let (listener, events) = logging_listener();
        let (mut state, hello) = whole_hello(ROOT, TOKEN);
        let mut stream = dial(&listener);
        stream.write_all(&hello).expect("written");
        let mut answer_bytes = [0; 64];
        stream.read_exact(&mut answer_bytes).expect("an answer");

        // Before the root has proved itself, a recording of its hello gets an answer, and no further:
        // neither with its hello alone, nor with the very knock of the root.
        let mut early = dial(&listener);
        early.write_all(&hello).expect("written");
        let mut other_answer = [0; 64];
        early.read_exact(&mut other_answer).expect("an answer");
        assert_ne!(answer_bytes[16..], other_answer[16..], "a key of its own");

        state
            .read_message(&answer_bytes[16..], &mut [])
            .expect("message 2");
        let keys = state.into_stateless_transport_mode().expect("finished");
        let mut knock = [16, 0].to_vec();
        knock.resize(18, 0);
        keys.write_message(0, &[], &mut knock[2..])
            .expect("a knock");
        early.write_all(&knock).expect("written");
        assert_eq!(early.read(&mut [0]).expect("an orderly end"), 0);
        assert_refused(&events.recv().expect("an event"), "replayed");

        stream.write_all(&knock).expect("written");
        let mut verdict = [0; 19];
        stream.read_exact(&mut verdict).expect("a verdict");

        // From now on it is known as a recording.
        let recorded = [hello.clone(), knock].concat();
        assert_eq!(answer(&listener, &recorded), reply(VERSION, REPLAYED));
        assert_refused(&events.recv().expect("an event"), "replayed");
        drop(stream);
        assert_serves(&listener);
    });
}

/// A recorded peer takes no place in the session that it was recorded in.
#[test]
fn a_replayed_peer_holds_no_place() {
    watched(|| {
        let listener = listener();
        let root = Caller::enter(
            &listener,
            Hello {
                world_size: 3,
                ..ROOT
            },
        );
        let peer = Hello {
            role: 1,
            from: 2,
            world_size: 3,
            ..ROOT
        };
        let (_, recorded) = whole_hello(peer, TOKEN);
        let mut replayed = dial(&listener);
        replayed.write_all(&recorded).expect("written");
        replayed.read_exact(&mut [0; 64]).expect("an answer");
        assert_eq!(
            Caller::greet(&listener, peer).knock(),
            [0],
            "the place is free"
        );
        drop(root);
    });
}

/// Whatever the first bytes after the handshake are, if they do not open they are the last.
#[test]
fn a_knock_that_does_not_open_is_the_end() {
    watched(|| {
        let (listener, events) = logging_listener();
        for index in 0..18 {
            let mut caller = Caller::greet(&listener, ROOT);
            let mut knock = caller.record(&[]);
            knock[index] ^= 1;
            caller.stream.write_all(&knock).expect("written");
            assert_eq!(caller.stream.read(&mut [0]).expect("an orderly end"), 0);
        }
        let mut long = Caller::greet(&listener, ROOT);
        let record = long.record(b"more than a knock");
        long.stream.write_all(&record).expect("written");
        // It is reset, because there is more than was read.
        assert!(!matches!(long.stream.read(&mut [0]), Ok(1..)));
        assert_refused(&events.recv().expect("an event"), "does not open");
        assert_serves(&listener);
    });
}

/// Who listens between root and worker learns their hellos, and nothing that they say.
#[test]
fn nothing_but_hellos_is_readable_on_the_way() {
    watched(|| {
        let listener = listener();
        let (relay, heard) = recorder(listener.local_addr());
        let root = connect_to(&[relay]).expect("through the recorder");
        let worker = listener.accept().expect("a mesh");
        let secret = b"the quick brown fox jumps over the lazy dog";
        root.send_control(1, 1, secret).expect("sent");
        worker.receive_control(0, 100).expect("received");
        worker.send_control(0, 1, secret).expect("sent");
        root.receive_control(1, 100).expect("received");
        drop((root, worker));
        let heard = heard.join().expect("no panic");
        assert!(heard.len() > 2 * secret.len());
        assert!(
            !heard
                .windows(8)
                .any(|window| secret.windows(8).any(|part| part == window))
        );
        assert!(
            !heard
                .windows(TOKEN.len())
                .any(|window| window == TOKEN.as_bytes())
        );
    });
}

/// Passes one connection on, and returns all that went over it.
fn recorder(to: std::net::SocketAddr) -> (String, std::thread::JoinHandle<Vec<u8>>) {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("its address").to_string();
    let thread = std::thread::spawn(move || {
        let (caller, _) = socket.accept().expect("a caller");
        let callee = TcpStream::connect(to).expect("the worker");
        let other = |stream: &TcpStream| stream.try_clone().expect("a descriptor");
        let (one, two) = (
            pass_on(other(&caller), other(&callee)),
            pass_on(callee, caller),
        );
        [one, two]
            .map(|thread| thread.join().expect("no panic"))
            .concat()
    });
    (address, thread)
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut heard = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(n @ 1..) = from.read(&mut piece) {
            heard.extend_from_slice(&piece[..n]);
            if to.write_all(&piece[..n]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Write);
        heard
    })
}
