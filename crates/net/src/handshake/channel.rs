//! What the two sides say to each other between the answer to a hello and the first frame: messages
//! of two bytes of length and a text, encrypted where the session is.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use super::timed;
use crate::connection::Connection;
use crate::frame::Mismatch;
use crate::seal::{LENGTH_BYTES, Seals, sealed_bytes, text_bytes};

pub(crate) struct Channel {
    stream: Arc<TcpStream>,
    seals: Option<Seals>,
}

impl Channel {
    pub(crate) fn new(stream: Arc<TcpStream>, seals: Option<Seals>) -> Self {
        Self { stream, seals }
    }

    pub(crate) fn stream(&self) -> &Arc<TcpStream> {
        &self.stream
    }

    /// # Panics
    ///
    /// If the message is longer than a record.
    pub(crate) fn send(&mut self, message: &[u8], deadline: Instant) -> io::Result<()> {
        let mut record = Vec::new();
        match &mut self.seals {
            Some(seals) => seals.sealer.seal(message, &mut record),
            None => {
                let n_bytes = u16::try_from(message.len()).expect("a message fits a record");
                record.extend_from_slice(&n_bytes.to_le_bytes());
                record.extend_from_slice(message);
            }
        }
        timed::write_all(&self.stream, &record, deadline)
    }

    /// The next message, of at most `max_bytes`.
    pub(crate) fn receive(&mut self, max_bytes: usize, deadline: Instant) -> io::Result<Vec<u8>> {
        let mut length = [0; LENGTH_BYTES];
        timed::read_exact(&self.stream, &mut length, deadline)?;
        let (n_bytes, n_text) = match self.seals {
            None => (
                u16::from_le_bytes(length).into(),
                u16::from_le_bytes(length).into(),
            ),
            Some(_) => sealed_bytes(length)
                .map(|n| (n, text_bytes(n)))
                .map_err(strange)?,
        };
        if n_text > max_bytes {
            let expected = format!("a message of at most {max_bytes} bytes");
            return Err(strange(Mismatch::new(expected, format!("{n_text} bytes"))));
        }
        let mut bytes = vec![0; n_bytes];
        timed::read_exact(&self.stream, &mut bytes, deadline)?;
        let Some(seals) = &mut self.seals else {
            return Ok(bytes);
        };
        let mut text = vec![0; n_text];
        seals.opener.open(&bytes, &mut text).map_err(strange)?;
        Ok(text)
    }

    /// Hands the connection over to a link, which goes on where the messages end.
    pub(crate) fn into_connection(self) -> io::Result<Connection> {
        // The stream was shared during the handshake.
        let fd = match Arc::try_unwrap(self.stream) {
            Ok(stream) => stream.into(),
            Err(shared) => shared.try_clone()?.into(),
        };
        Ok(Connection {
            fd,
            seals: self.seals,
        })
    }
}

fn strange(Mismatch { expected, got }: Mismatch) -> io::Error {
    let reason = format!("expected {expected}, got {got}");
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
