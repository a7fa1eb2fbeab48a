//! A stranger at the door: what it has said so far, and what it may say next.
//!
//! It may send a hello, a first Noise message and one empty record, 110 bytes in all; nothing is read
//! beyond them, nothing is allocated for them, and it has [`HELLO_TIMEOUT`](crate::handshake) for all
//! of them. Until the record has opened it may be anybody, or a recording of somebody.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::admission::Caller;
use crate::handshake::noise::{self, NOISE_BYTES, NoiseMessage};
use crate::handshake::{Channel, HELLO_BYTES, HELLO_TIMEOUT, Hello, PREFIX_BYTES, Reply};
use crate::seal::{LENGTH_BYTES, Seals, sealed_bytes, text_bytes};
use crate::trust::Trust;

/// Sealed, an empty record is its length and a proof.
const SEALED_KNOCK_BYTES: usize = LENGTH_BYTES + 16;

/// Handshakes that are remembered, so that a replayed one is named as such.
const MAX_REMEMBERED: usize = 256;

/// What was said in the handshakes of callers that proved themselves. A recording of an older one
/// does not get in either: what would have to follow it cannot be recorded.
#[derive(Default)]
pub(super) struct Remembered(VecDeque<NoiseMessage>);

impl Remembered {
    fn knows(&self, message: &NoiseMessage) -> bool {
        self.0.contains(message)
    }

    fn add(&mut self, message: NoiseMessage) {
        if self.0.len() == MAX_REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(message);
    }
}

pub(super) struct Visit {
    pub(super) stream: TcpStream,
    pub(super) address: String,
    pub(super) deadline: Instant,
    stage: Stage,
    bytes: [u8; HELLO_BYTES + NOISE_BYTES],
    n_filled: usize,
}

enum Stage {
    Prefix,
    Hello,
    /// The hello is well-formed, and Noise's message 1 comes.
    Noise(Hello),
    /// The reply is sent, and an empty record comes.
    Knock {
        hello: Hello,
        /// With a token, the keys and what message 1 was.
        secured: Option<(Seals, NoiseMessage)>,
    },
    /// It has been refused, and is read from so that the refusal arrives: closing a socket with unread
    /// bytes would make the system throw away what is on its way.
    Leaving {
        n_discarded: usize,
    },
    /// It was let in: the connection is the caller's.
    Left,
}

/// How a visit goes on.
pub(super) enum Step {
    Waits,
    /// It is over.
    Gone,
    /// It is over, and this is why.
    Failed(&'static str, String),
    /// It has been refused, and gets its reply.
    Refused(Reply),
    Known(Box<Caller>),
}

/// More than a request of another protocol has.
const MAX_DISCARDED_BYTES: usize = 8 << 10;

impl Visit {
    pub(super) fn new(stream: TcpStream, address: String, now: Instant) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            address,
            deadline: now + HELLO_TIMEOUT,
            stage: Stage::Prefix,
            bytes: [0; HELLO_BYTES + NOISE_BYTES],
            n_filled: 0,
        })
    }

    /// It has shown that it, or whoever it has recorded, has the token.
    pub(super) fn has_token(&self) -> bool {
        matches!(
            self.stage,
            Stage::Knock {
                secured: Some(_),
                ..
            }
        )
    }

    /// It has been refused already.
    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.stage, Stage::Leaving { .. })
    }

    /// Goes on as far as what has come allows.
    pub(super) fn step(&mut self, trust: &Trust, remembered: &mut Remembered) -> Step {
        loop {
            if let Stage::Leaving { n_discarded } = &mut self.stage {
                let mut discarded = [0; 1024];
                match self.stream.read(&mut discarded) {
                    Ok(n @ 1..) if *n_discarded < MAX_DISCARDED_BYTES => *n_discarded += n,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Step::Waits,
                    _ => return Step::Gone,
                }
                continue;
            }
            let n_wanted = self.n_wanted();
            while self.n_filled < n_wanted {
                match self.stream.read(&mut self.bytes[self.n_filled..n_wanted]) {
                    Ok(0) => return self.failed("it closed the connection"),
                    Ok(n_bytes) => self.n_filled += n_bytes,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Step::Waits,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return self.failed(&error.to_string()),
                }
            }
            match self.advance(trust, remembered) {
                Ok(Some(caller)) => return Step::Known(Box::new(caller)),
                Ok(None) => {}
                Err(step) => return step,
            }
        }
    }

    /// Its time is over.
    pub(super) fn timed_out(&self) -> Step {
        match self.stage {
            Stage::Leaving { .. } | Stage::Left => Step::Gone,
            _ => self.failed("nothing more came in time"),
        }
    }

    fn failed(&self, how: &str) -> Step {
        match &self.stage {
            Stage::Knock {
                secured: Some(_), ..
            } => Step::Failed(
                "unproven",
                format!("it did not go on after the handshake, as a replayed one does: {how}"),
            ),
            _ => Step::Failed("silent", format!("it said no hello: {how}")),
        }
    }

    /// Bytes that are there when the stage is over.
    fn n_wanted(&self) -> usize {
        match &self.stage {
            Stage::Prefix => PREFIX_BYTES,
            Stage::Hello => HELLO_BYTES,
            Stage::Noise(_) => HELLO_BYTES + NOISE_BYTES,
            Stage::Knock { secured: None, .. } => LENGTH_BYTES,
            Stage::Knock {
                secured: Some(_), ..
            } => SEALED_KNOCK_BYTES,
            Stage::Leaving { .. } | Stage::Left => 0,
        }
    }

    /// Goes from a stage that is complete to the next.
    fn advance(
        &mut self,
        trust: &Trust,
        remembered: &mut Remembered,
    ) -> Result<Option<Caller>, Step> {
        let hello_bytes = *self.bytes.first_chunk().expect("the room of a hello");
        match std::mem::replace(&mut self.stage, Stage::Left) {
            Stage::Prefix => {
                let prefix = hello_bytes.first_chunk().expect("a hello begins with it");
                Hello::check_prefix(prefix).map_err(|reply| self.refuse(reply))?;
                self.stage = Stage::Hello;
            }
            Stage::Hello => {
                let hello = Hello::decode(&hello_bytes).map_err(|reply| self.refuse(reply))?;
                self.stage = match (hello.is_secure, trust) {
                    (true, Trust::Token(_)) => Stage::Noise(hello),
                    (false, Trust::Insecure) => {
                        self.reply(Reply::Accepted, &[])?;
                        Stage::Knock {
                            hello,
                            secured: None,
                        }
                    }
                    (true, Trust::Insecure) => return Err(self.refuse(Reply::IsInsecure)),
                    (false, Trust::Token(_)) => return Err(self.refuse(Reply::WantsToken)),
                };
            }
            Stage::Noise(hello) => {
                let Trust::Token(key) = trust else {
                    return Err(self.refuse(Reply::IsInsecure));
                };
                let message = *self.bytes.last_chunk().expect("the room of a message");
                if remembered.knows(&message) {
                    return Err(self.refuse(Reply::Replayed));
                }
                let answer = noise::answer(key, &hello_bytes, &message)
                    .map_err(|error| self.failed(&error.to_string()))?;
                let (seals, answer) = answer.ok_or_else(|| self.refuse(Reply::WrongToken))?;
                self.reply(Reply::Accepted, &answer)?;
                let secured = Some((seals, message));
                self.stage = Stage::Knock { hello, secured };
            }
            Stage::Knock { hello, secured } => {
                return self.knocked(hello, secured, remembered).map(Some);
            }
            Stage::Leaving { .. } | Stage::Left => return Err(Step::Gone),
        }
        Ok(None)
    }

    fn knocked(
        &mut self,
        hello: Hello,
        secured: Option<(Seals, NoiseMessage)>,
        remembered: &mut Remembered,
    ) -> Result<Caller, Step> {
        let length = [self.bytes[0], self.bytes[1]];
        let seals = match secured {
            None if length == [0, 0] => None,
            None => {
                let reason = "what followed its hello was no knock".to_owned();
                return Err(Step::Failed("unproven", reason));
            }
            Some((mut seals, message)) => {
                let sealed = &self.bytes[LENGTH_BYTES..SEALED_KNOCK_BYTES];
                let is_empty = sealed_bytes(length).is_ok_and(|n| text_bytes(n) == 0);
                if !is_empty || seals.opener.open(sealed, &mut []).is_err() {
                    let reason = "a replayed handshake: what followed it does not open";
                    return Err(Step::Failed("unproven", reason.to_owned()));
                }
                remembered.add(message);
                Some(seals)
            }
        };
        let stream = self.stream.try_clone().and_then(|stream| {
            stream.set_nonblocking(false)?;
            Ok(stream)
        });
        let stream = stream.map_err(|error| Step::Failed("system", error.to_string()))?;
        Ok(Caller {
            hello,
            channel: Channel::new(Arc::new(stream), seals),
            address: self.address.clone(),
            deadline: self.deadline,
        })
    }

    fn refuse(&mut self, reply: Reply) -> Step {
        if let Err(step) = self.reply(reply, &[]) {
            return step;
        }
        // It fails only if the stranger was faster.
        let _ = self.stream.shutdown(Shutdown::Write);
        self.stage = Stage::Leaving { n_discarded: 0 };
        self.deadline = self.deadline.min(Instant::now() + Duration::from_secs(1));
        Step::Refused(reply)
    }

    /// The first bytes on a connection: they fit its buffer, or it is broken.
    fn reply(&mut self, reply: Reply, noise: &[u8]) -> Result<(), Step> {
        let bytes = [&reply.encode()[..], noise].concat();
        self.n_filled = 0;
        match self.stream.write(&bytes) {
            Ok(n_bytes) if n_bytes == bytes.len() => Ok(()),
            Ok(_) => Err(Step::Gone),
            Err(error) => Err(self.failed(&error.to_string())),
        }
    }
}
