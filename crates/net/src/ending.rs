//! The end of a mesh: its reason reaches the peers, and nobody is cut off over bytes that it has not read.

use std::time::{Duration, Instant};

use crate::frame::Kind;
use crate::limits::{FAIL_LINGER, FAIL_WAIT, FINISH_FRAMES};
use crate::link::{Link, Payload};
use crate::mesh::Mesh;

impl Mesh {
    /// Tells all peers why this rank gives up, and closes the links. Threads that wait in other
    /// methods return [`Error::Closed`].
    ///
    /// If a peer's failure has ended this mesh, the others are told of that peer and its failure
    /// instead, so that all ranks blame the same one.
    pub fn fail(&self, code: &str, message: &str) {
        self.shared.close();
        let payload = self.shared.reason(code, message).encode();
        let now = Instant::now();
        let limits = (now + FAIL_WAIT, now + FINISH_FRAMES);
        for link in self.shared.links() {
            send_abort(link, &payload, limits);
            link.socket.end_sending();
        }
        self.linger();
        self.shared.links().for_each(|link| link.socket.shut_down());
    }

    /// Throws away what peers still send, until all have closed.
    fn linger(&self) {
        let give_up = Instant::now() + FAIL_LINGER;
        let mut open: Vec<_> = self.shared.links().map(|link| &link.socket).collect();
        loop {
            let mut moved = false;
            open.retain(|socket| match socket.discard() {
                Ok(discarded) => {
                    moved |= discarded;
                    true
                }
                Err(_) => false,
            });
            if open.is_empty() || Instant::now() >= give_up {
                return;
            }
            if !moved {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Waits until all peers have closed their connections, for as long as `limit`: a root that has said
    /// goodbye leaves workers behind that are free for the next.
    pub fn wait_for_end(&self, limit: Duration) {
        const LOOK_AROUND: Duration = Duration::from_micros(200);
        let give_up = Instant::now() + limit;
        let may_wait = || !self.shared.is_closed() && Instant::now() < give_up;
        for link in self.shared.links() {
            while link.listen().is_ok() && may_wait() {
                std::thread::sleep(LOOK_AROUND);
            }
        }
    }
}

/// Tries until `give_up` to send the reason between two frames. A posted frame that is under way is finished
/// first, which may last until the peer reads: then until `finish`. A peer in the middle of any other sees
/// the connection end there.
fn send_abort(link: &Link, payload: &[u8], (give_up, finish): (Instant, Instant)) {
    let payload = Payload::Bytes(payload);
    let mut give_up = give_up;
    loop {
        if let Some(mut writer) = link.try_lock_writer() {
            writer.discard_posted();
            match writer.begin(&link.socket, Kind::Abort, 0, &payload) {
                Ok(true) => {
                    while writer.advance(&link.socket, &payload).is_ok()
                        && !writer.at_border()
                        && Instant::now() < give_up
                    {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    return;
                }
                Ok(false) if !writer.is_flushed() => {
                    give_up = finish;
                }
                Ok(false) | Err(_) => return,
            }
        }
        if Instant::now() >= give_up {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
