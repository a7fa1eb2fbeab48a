//! Whoever comes to a worker's port without its token: little is read from them, nothing is kept for
//! them, and nobody has to wait for them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::caller::{
    ACCEPTED, Caller, Hello, ROOT, VERSION, WRONG_MAGIC, WRONG_VERSION, answer, dial, reply,
    whole_hello,
};
use crate::support::{
    TOKEN, address, assert_serves, connect_with, listener, logging_listener, logging_listener_at,
    logging_listener_with, token, watched,
};
use dllama_net::{EventKind, MAX_WORLD_SIZE, Trust};

/// What a stranger may take, with room for a busy machine.
const LIMIT: Duration = Duration::from_secs(5);
const LATE: Duration = Duration::from_secs(15);

#[test]
fn strangers_neither_delay_nor_end_a_worker() {
    watched(|| {
        let listener = listener();
        let noise = crate::support::bytes(1, 5000);
        let request = b"GET / HTTP/1.1\r\nHost: worker\r\n\r\n";
        let refused = reply(VERSION, WRONG_MAGIC);
        assert_eq!(answer(&listener, request), refused);
        assert_eq!(answer(&listener, &noise), refused);
        drop(dial(&listener));
        // More than the places there are, and each would take 5 s. The last kind has recorded a hello.
        let (_, whole) = whole_hello(ROOT, TOKEN);
        let silent: Vec<_> = (0..200)
            .map(|index| {
                let mut stream = dial(&listener);
                let said = stream.write_all(&whole[..[0, 5, 20, 44, 91, 92][index % 6]]);
                said.expect("written");
                stream
            })
            .collect();
        assert_serves(&listener);
        drop(silent);
        assert_serves(&listener);
    });
}

#[test]
fn wrong_hellos_get_a_code_each_and_a_line_in_the_log() {
    watched(|| {
        let max = MAX_WORLD_SIZE as u32;
        let mut other_version = ROOT.bytes();
        other_version[8] = 9;
        let hello = |hello: Hello| hello.bytes();
        for (bytes, code, reason) in [
            (other_version, WRONG_VERSION, "version 9, here it is"),
            (
                hello(Hello {
                    world_size: 1,
                    ..ROOT
                }),
                4,
                "world size",
            ),
            (
                hello(Hello {
                    world_size: max + 1,
                    ..ROOT
                }),
                4,
                "world size",
            ),
            (hello(Hello { to: 2, ..ROOT }), 5, "rank"),
            (hello(Hello { to: 0, ..ROOT }), 5, "rank"),
            (
                hello(Hello {
                    role: 1,
                    from: 1,
                    to: 2,
                    world_size: 3,
                    ..ROOT
                }),
                5,
                "rank",
            ),
            (hello(Hello { role: 2, ..ROOT }), 8, "malformed"),
            (hello(Hello { secure: 2, ..ROOT }), 8, "malformed"),
        ] {
            let (listener, events) = logging_listener();
            assert_eq!(answer(&listener, &bytes), reply(VERSION, code), "{reason}");
            let event = events.recv().expect("an event");
            assert_eq!(event.kind, EventKind::Refused);
            assert!(event.address.starts_with("127.0.0.1:"), "{}", event.address);
            assert!(event.message.contains(reason), "{}", event.message);
        }
    });
}

/// A worker that serves IPv6 and IPv4 on one socket names an IPv4 caller as such.
#[test]
fn an_ipv4_caller_of_a_worker_of_all_addresses_has_its_own_address() {
    watched(|| {
        let Ok((listener, events)) = logging_listener_at("[::]:0", token(TOKEN)) else {
            eprintln!("skipped: this machine has no IPv6");
            return;
        };
        let port = listener.local_addr().port();
        let stream = TcpStream::connect(("127.0.0.1", port));
        stream
            .expect("both families")
            .write_all(&[0; 44])
            .expect("written");
        let event = events.recv().expect("an event");
        assert!(event.address.starts_with("127.0.0.1:"), "{}", event.address);
    });
}

/// Wherever it stops it is sent away in 5 s, whoever it is.
#[test]
fn a_stranger_that_stops_is_sent_away() {
    watched(|| {
        let (listener, events) = logging_listener();
        let (_, whole) = whole_hello(ROOT, TOKEN);
        let start = Instant::now();
        let mut strangers: Vec<_> = [0, 11, 43, 91, 92]
            .map(|n_bytes| {
                let mut stream = dial(&listener);
                stream.write_all(&whole[..n_bytes]).expect("written");
                stream
            })
            .into();
        // One that drips does not get longer.
        let mut dripping = dial(&listener);
        for byte in &whole {
            std::thread::sleep(Duration::from_millis(100));
            if dripping.write_all(&[*byte]).is_err() {
                break;
            }
        }
        strangers.push(dripping);
        for stranger in &mut strangers {
            let mut got = Vec::new();
            // It may be reset, because what it says is not read any more.
            let _ = stranger.read_to_end(&mut got);
            assert!(
                got.is_empty() || got.len() == 16 + 48,
                "{} bytes",
                got.len()
            );
        }
        let took = start.elapsed();
        assert!(took >= LIMIT && took < LATE, "{took:?}");
        let lines: Vec<_> = events.try_iter().map(|event| event.message).collect();
        let has = |text: &str| lines.iter().any(|line| line.contains(text));
        assert!(
            has("said no hello") && has("did not go on after the handshake"),
            "{lines:?}"
        );
        assert_serves(&listener);
    });
}

/// Nothing is read beyond what a stranger may say.
#[test]
fn a_stranger_that_sends_without_end_is_cut_off() {
    watched(|| {
        let listener = listener();
        let (_, whole) = whole_hello(ROOT, TOKEN);
        for beginning in [&b"garbage"[..], &whole] {
            let mut stream = dial(&listener);
            stream.write_all(beginning).expect("written");
            let piece = vec![0xff; 1 << 20];
            // 256 MiB would be taken by whoever reads on.
            let taken = (0..256).take_while(|_| stream.write_all(&piece).is_ok());
            assert!(taken.count() < 256);
        }
        assert_serves(&listener);
    });
}

/// A world of 3: this worker is rank 1.
const OF_THREE: Hello = Hello {
    world_size: 3,
    ..ROOT
};
const PEER: Hello = Hello {
    role: 1,
    from: 2,
    to: 1,
    ..OF_THREE
};

/// Of a session, only the workers that are still expected are let in, and only those with the token are
/// told why not.
#[test]
fn a_peer_that_does_not_fit_its_session_is_refused() {
    watched(|| {
        let (listener, events) = logging_listener();
        let root = Caller::enter(&listener, OF_THREE);
        let verdict = |hello| Caller::greet(&listener, hello).knock();
        for (hello, code, reason) in [
            (Hello { session: 8, ..PEER }, 4, "session is not known"),
            (
                Hello {
                    world_size: 4,
                    ..PEER
                },
                2,
                "world size",
            ),
            (
                Hello {
                    world_size: 4,
                    from: 3,
                    to: 2,
                    ..PEER
                },
                2,
                "world size",
            ),
            // The worker has one name in this session.
            (Hello { to: 2, ..OF_THREE }, 5, "by another address"),
        ] {
            assert_eq!(verdict(hello), [code], "{reason}");
            let event = events.recv().expect("an event");
            assert!(event.message.contains(reason), "{}", event.message);
        }
        assert_eq!(verdict(PEER), [0]);
        assert_eq!(verdict(PEER), [3], "it is here already");
        drop(root);
    });
}

/// With `--insecure` everybody is known, and still nobody keeps the root out.
#[test]
fn an_insecure_worker_serves_whoever_goes_on() {
    watched(|| {
        let (listener, _events) = logging_listener_with(Trust::Insecure);
        let knock = [Hello { secure: 0, ..ROOT }.bytes(), vec![0, 0]].concat();
        let strangers: Vec<_> = (0..150)
            .map(|session| {
                let mut stream = dial(&listener);
                let mut knock = knock.clone();
                knock[16] = session;
                stream.write_all(&knock).expect("written");
                let mut answer = [0; 16 + 3];
                stream.read_exact(&mut answer).expect("let in");
                assert_eq!(answer[..16], reply(VERSION, ACCEPTED));
                assert_eq!(answer[16..], [1, 0, 0], "a verdict of one byte");
                stream
            })
            .collect();
        let root = connect_with(Trust::Insecure, &[address(&listener)]).expect("served");
        assert_eq!(
            listener.accept().expect("a mesh").world_size(),
            root.world_size()
        );
        drop(strangers);
    });
}
