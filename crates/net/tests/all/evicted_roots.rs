//! A root that made room for others, and a later one that chose the same session id: the end of the
//! first must not end the second.

use std::cell::RefCell;
use std::sync::{Mutex, mpsc};

use crate::support::caller::{Caller, Hello, ROOT};
use crate::support::{TOKEN, address, token, watched};
use dllama_net::{EventKind, Listener};

/// Roots that may be greeted at a time.
const MAX_GREETED: u8 = 64;

thread_local! {
    /// Its receiver sees the end of the thread, when all that the thread held is dropped.
    static AT_EXIT: RefCell<Option<mpsc::Sender<()>>> = const { RefCell::new(None) };
}

/// Where the first root's thread stands.
struct Evicted {
    /// Something comes once the root is told to have failed: the thread holds its session still.
    told: mpsc::Receiver<()>,
    release: mpsc::Sender<()>,
    gone: mpsc::Receiver<()>,
}

/// A listener whose log keeps the first session that fails from its end until it is released.
fn listener_that_keeps_the_first() -> (Listener, Evicted) {
    let (tell, told) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let (at_exit, gone) = mpsc::channel();
    let first = Mutex::new(Some((tell, released, at_exit)));
    let on_event = move |event: dllama_net::Event| {
        if event.kind != EventKind::SessionFailed {
            return;
        }
        let taken = first.lock().expect("no panic").take();
        if let Some((tell, released, at_exit)) = taken {
            AT_EXIT.set(Some(at_exit));
            tell.send(()).expect("the test listens");
            // It fails when the test has failed.
            let _ = released.recv();
        }
    };
    let listener = Listener::bind("127.0.0.1:0", token(TOKEN), Box::new(on_event));
    let evicted = Evicted {
        told,
        release,
        gone,
    };
    (listener.expect("a free port"), evicted)
}

#[test]
fn the_end_of_an_evicted_root_leaves_a_later_one_with_its_id_alone() {
    watched(|| {
        let (listener, evicted) = listener_that_keeps_the_first();
        let root = |session| Hello { session, ..ROOT };
        let crowd: Vec<_> = (1..=MAX_GREETED + 1)
            .map(|session| Caller::enter(&listener, root(session)))
            .collect();
        evicted.told.recv().expect("the first has made room");

        let mut served = Caller::enter(&listener, root(1));
        let worker = address(&listener);
        served.send(&[&[worker.len() as u8], worker.as_bytes()].concat());
        assert_eq!(served.receive().expect("a report"), [0], "ready");

        evicted.release.send(()).expect("its thread waits");
        assert!(evicted.gone.recv().is_err(), "nothing is sent");
        let mut second = Caller::greet(&listener, root(200));
        assert_eq!(second.knock()[0], 1, "busy");
        served.send(&[1]);
        let mesh = listener.accept().expect("a mesh");
        let served_address = served.stream.local_addr().expect("its address").to_string();
        assert_eq!(mesh.address(0), served_address);
        drop(crowd);
    });
}
