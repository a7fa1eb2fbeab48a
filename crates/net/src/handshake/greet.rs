//! The calling side of a handshake, up to the verdict.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::channel::Channel;
use super::hello::Hello;
use super::noise::{Calling, NOISE_BYTES};
use super::reply::{REPLY_BYTES, Reply};
use super::timed;
use super::verdict::{self, MAX_VERDICT_BYTES};
use crate::error::Error;
use crate::frame::Mismatch;
use crate::limits::LinkOptions;
use crate::tcp;
use crate::trust::Trust;

/// A worker that strangers flood may close a connection before it has read the hello. Together the
/// pauses are 1.3 s.
const N_ATTEMPTS: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// A worker as the caller knows it.
#[derive(Clone, Copy)]
pub(crate) struct Callee<'a> {
    /// Of these, the first that answers is called.
    pub(crate) candidates: &'a [SocketAddr],
    /// As errors name it.
    pub(crate) address: &'a str,
}

/// Connects with a worker and is let in.
pub(crate) fn greet(
    callee: Callee<'_>,
    hello: &Hello,
    trust: &Trust,
    options: &LinkOptions,
    deadline: Instant,
) -> Result<Channel, Error> {
    let call = Call {
        callee,
        hello,
        trust,
        deadline,
    };
    let mut pause = FIRST_PAUSE;
    let mut turned_away = None;
    for attempt in 1..=N_ATTEMPTS {
        let stream = match connect_any(callee.candidates, options, deadline) {
            Ok(stream) => stream,
            Err(error) => return Err(turned_away.unwrap_or_else(|| call.unreachable(error))),
        };
        match call.say_hello(stream) {
            Err(Unheard(error)) => turned_away = Some(call.no_worker(&error)),
            Ok(result) => return result,
        }
        if attempt == N_ATTEMPTS || timed::time_left(deadline).is_ok_and(|left| left <= pause) {
            break;
        }
        std::thread::sleep(pause);
        pause *= 2;
    }
    Err(turned_away.expect("there is one attempt at least"))
}

/// The connection was closed without an answer.
struct Unheard(io::Error);

struct Call<'a> {
    callee: Callee<'a>,
    hello: &'a Hello,
    trust: &'a Trust,
    deadline: Instant,
}

impl Call<'_> {
    fn say_hello(&self, stream: TcpStream) -> Result<Result<Channel, Error>, Unheard> {
        let hello = self.hello.encode();
        let mut message = hello.to_vec();
        let calling = match self.trust {
            Trust::Insecure => None,
            Trust::Token(key) => match Calling::start(key, &hello) {
                Ok((calling, noise)) => {
                    message.extend_from_slice(&noise);
                    Some(calling)
                }
                Err(source) => {
                    let doing = "make keys for a session";
                    return Ok(Err(Error::Io { doing, source }));
                }
            },
        };
        let mut reply = [0; REPLY_BYTES];
        let heard = timed::write_all(&stream, &message, self.deadline)
            .and_then(|()| timed::read_exact(&stream, &mut reply, self.deadline));
        match heard {
            Ok(()) => Ok(self.come_in(stream, &reply, calling)),
            Err(error) if error.kind() == ErrorKind::TimedOut => Ok(Err(self.unreachable(error))),
            Err(error) => Err(Unheard(error)),
        }
    }

    /// From the reply to the verdict.
    fn come_in(
        &self,
        stream: TcpStream,
        reply: &[u8; REPLY_BYTES],
        calling: Option<Calling>,
    ) -> Result<Channel, Error> {
        let address = self.callee.address;
        let reply = Reply::decode(reply).map_err(|mismatch| self.strange(mismatch))?;
        reply.into_result(address)?;
        let seals = match calling {
            None => None,
            Some(calling) => {
                let mut answer = [0; NOISE_BYTES];
                timed::read_exact(&stream, &mut answer, self.deadline)
                    .map_err(|error| self.no_worker(&error))?;
                let seals = calling.finish(&answer);
                let address = address.to_owned();
                Some(seals.ok_or(Error::WrongToken { address })?)
            }
        };
        let mut channel = Channel::new(Arc::new(stream), seals);
        let verdict = channel
            .send(&[], self.deadline)
            .and_then(|()| channel.receive(MAX_VERDICT_BYTES, self.deadline))
            .map_err(|error| self.no_worker(&error))?;
        match verdict::decode(&verdict) {
            Some(Ok(())) => Ok(channel),
            Some(Err(refusal)) => Err(refusal.into_error(address)),
            None => Err(self.strange(Mismatch::new("a verdict", format!("{verdict:02x?}")))),
        }
    }

    fn unreachable(&self, error: io::Error) -> Error {
        Error::Unreachable {
            address: self.callee.address.to_owned(),
            reason: match error.kind() {
                ErrorKind::TimedOut => "it did not answer in time".to_owned(),
                _ => error.to_string(),
            },
        }
    }

    fn no_worker(&self, error: &io::Error) -> Error {
        if error.kind() == ErrorKind::TimedOut {
            return self.unreachable(io::Error::from(ErrorKind::TimedOut));
        }
        self.strange(Mismatch::new(
            "the answer of a dllama worker",
            error.to_string(),
        ))
    }

    fn strange(&self, Mismatch { expected, got }: Mismatch) -> Error {
        Error::Protocol {
            rank: self.hello.to,
            address: self.callee.address.to_owned(),
            expected,
            got,
        }
    }
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
