//! Reading and writing the handshake's few bytes before a deadline, however slowly they come.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

pub(crate) fn read_exact(
    mut stream: &TcpStream,
    mut into: &mut [u8],
    deadline: Instant,
) -> io::Result<()> {
    while !into.is_empty() {
        stream.set_read_timeout(Some(time_left(deadline)?))?;
        match stream.read(into) {
            Ok(0) => return Err(closed()),
            Ok(n_bytes) => into = &mut into[n_bytes..],
            Err(error) if goes_on(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

pub(crate) fn write_all(
    mut stream: &TcpStream,
    mut bytes: &[u8],
    deadline: Instant,
) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(time_left(deadline)?))?;
        match stream.write(bytes) {
            Ok(0) => return Err(closed()),
            Ok(n_bytes) => bytes = &bytes[n_bytes..],
            Err(error) if goes_on(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether the peer has closed, which is asked while nothing is expected from it.
pub(crate) fn is_closed(stream: &TcpStream) -> bool {
    let mut byte = [0];
    if stream.set_nonblocking(true).is_err() {
        return true;
    }
    let closed = match stream.peek(&mut byte) {
        Ok(n_bytes) => n_bytes == 0,
        Err(error) => !goes_on(&error),
    };
    closed || stream.set_nonblocking(false).is_err()
}

/// A signal came, or a timeout, which the deadline then tells.
fn goes_on(error: &io::Error) -> bool {
    let kind = error.kind();
    kind == ErrorKind::Interrupted || kind == ErrorKind::WouldBlock || kind == ErrorKind::TimedOut
}

pub(crate) fn time_left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::Error::new(
            ErrorKind::TimedOut,
            "it did not answer in time",
        ));
    }
    // The kernel counts in microseconds, and 0 would mean for ever.
    Ok(left.max(Duration::from_micros(1)))
}

fn closed() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "it closed the connection")
}
