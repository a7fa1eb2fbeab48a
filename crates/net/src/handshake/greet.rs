//! The calling side of a handshake's first step.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use super::hello::Hello;
use super::reply::{REPLY_BYTES, Reply};
use super::timed;
use crate::error::Error;
use crate::limits::LinkOptions;
use crate::tcp;

/// Connects to the first of `candidates` that answers, and says hello. `address` is for errors.
pub(crate) fn greet(
    candidates: &[SocketAddr],
    address: &str,
    hello: &Hello,
    options: &LinkOptions,
    deadline: Instant,
) -> Result<TcpStream, Error> {
    let unreachable = |error: io::Error| Error::Unreachable {
        address: address.to_owned(),
        reason: match error.kind() {
            ErrorKind::TimedOut => "it did not answer in time".to_owned(),
            _ => error.to_string(),
        },
    };
    let stream = connect_any(candidates, options, deadline).map_err(unreachable)?;
    timed::write_all(&stream, &hello.encode(), deadline).map_err(unreachable)?;
    let mut bytes = [0; REPLY_BYTES];
    timed::read_exact(&stream, &mut bytes, deadline).map_err(|error| match error.kind() {
        ErrorKind::TimedOut => unreachable(error),
        _ => Error::Protocol {
            rank: hello.to,
            address: address.to_owned(),
            expected: "the answer of a dllama worker".to_owned(),
            got: error.to_string(),
        },
    })?;
    let reply = Reply::decode(&bytes).map_err(|mismatch| Error::Protocol {
        rank: hello.to,
        address: address.to_owned(),
        expected: mismatch.expected,
        got: mismatch.got,
    })?;
    reply.into_result(address)?;
    Ok(stream)
}

/// A name may have several addresses, of which some do not work: each gets a fair share of the time.
fn connect_any(
    candidates: &[SocketAddr],
    options: &LinkOptions,
    deadline: Instant,
) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for (index, candidate) in candidates.iter().enumerate() {
        let share = timed::time_left(deadline)? / (candidates.len() - index) as u32;
        match tcp::connect(candidate, options, share) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}
