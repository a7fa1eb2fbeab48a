//! Connections whose handshake is under way. At most [`MAX_GUESTS`]: when one more comes, the one
//! that has been there longest has to go. A root needs a few milliseconds, so that it is never the
//! one, even while strangers hold all other places.

use std::collections::VecDeque;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const MAX_GUESTS: usize = 64;

#[derive(Default)]
pub(super) struct Guests(Mutex<VecDeque<Arc<TcpStream>>>);

/// A connection's place; dropping it closes the connection.
pub(super) struct Guest {
    guests: Arc<Guests>,
    stream: Arc<TcpStream>,
}

impl Guests {
    pub(super) fn enter(self: &Arc<Self>, stream: TcpStream) -> Guest {
        let stream = Arc::new(stream);
        let mut present = self.lock();
        if present.len() >= MAX_GUESTS
            && let Some(oldest) = present.pop_front()
        {
            expel(&oldest);
        }
        present.push_back(stream.clone());
        Guest {
            guests: self.clone(),
            stream,
        }
    }

    pub(super) fn expel_all(&self) {
        self.lock().drain(..).for_each(|stream| expel(&stream));
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<TcpStream>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remove(&self, stream: &Arc<TcpStream>) {
        self.lock().retain(|present| !Arc::ptr_eq(present, stream));
    }
}

impl Guest {
    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The connection has become part of a session: it no longer counts.
    pub(super) fn leave(self) -> Arc<TcpStream> {
        self.stream.clone()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.guests.remove(&self.stream);
    }
}

/// Its thread, which reads from it, sees the end of the connection.
fn expel(stream: &TcpStream) {
    // It fails only if the other side was faster.
    let _ = stream.shutdown(Shutdown::Both);
}
