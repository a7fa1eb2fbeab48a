//! What strangers leave behind, and a worker without free descriptors. One test, because it counts
//! what the whole process has open.
#![cfg(target_os = "linux")]

#[path = "all/support/mod.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod support;

use std::fs::File;
use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use dllama_net::{ConnectOptions, EventKind, Listener, connect};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{TOKEN, address, token, watched};

fn n_entries(folder: &str) -> usize {
    std::fs::read_dir(folder).expect("procfs").count()
}

#[test]
fn strangers_cost_nothing_once_they_are_gone_and_a_full_table_passes() {
    watched(|| {
        let (sender, events) = mpsc::channel();
        let on_event = move |event| {
            let _ = sender.send(event);
        };
        let listener =
            Listener::bind("127.0.0.1:0", token(TOKEN), Box::new(on_event)).expect("a free port");
        let usage = || (n_entries("/proc/self/fd"), n_entries("/proc/self/task"));
        let before = usage();
        for n_bytes in 0..100 {
            let mut stream = TcpStream::connect(listener.local_addr()).expect("open");
            stream
                .write_all(&support::bytes(3, n_bytes))
                .expect("written");
        }
        // A line of each kind at once, and one that counts the others of its kind.
        let told = |event: dllama_net::Event| {
            assert_eq!(event.kind, EventKind::Refused);
            let (_, count) = event.message.split_once(" (").unwrap_or(("", "0"));
            1 + count
                .split(' ')
                .next()
                .expect("a number")
                .parse::<usize>()
                .expect("a number")
        };
        let mut n_told = 0;
        while n_told < 100 {
            n_told += told(events.recv().expect("an event"));
        }
        assert_eq!(n_told, 100);
        // The watchdog ends this if they never go.
        while usage() != before {
            std::thread::sleep(Duration::from_millis(10));
        }

        let limit = getrlimit(Resource::Nofile);
        let full = Rlimit {
            current: Some(n_entries("/proc/self/fd") as u64 + 10),
            ..limit
        };
        setrlimit(Resource::Nofile, full).expect("lowered");
        let open = || File::open("/dev/null").ok();
        let mut fill: Vec<_> = std::iter::from_fn(open).collect();
        // Room for this end of the connection, and none for the other.
        fill.pop();
        let connected = TcpStream::connect(listener.local_addr());
        let failed = events.recv();
        setrlimit(Resource::Nofile, limit).expect("raised again");
        drop(fill);
        connected.expect("waits to be accepted");
        assert_eq!(failed.expect("an event").kind, EventKind::AcceptFailed);

        let root =
            connect(ConnectOptions::new(vec![address(&listener)], token(TOKEN))).expect("served");
        assert_eq!(
            listener.accept().expect("a mesh").world_size(),
            root.world_size()
        );
    });
}
