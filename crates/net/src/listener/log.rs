//! What a listener tells its log, and how often: a flood must not fill a disk.
//!
//! The first event of a kind is told at once, and then one a second with the number of those that
//! were left out. A root that waits for a lost worker tries again and again with the others: of its
//! sessions that come to nothing one in ten seconds is told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::event::{Event, EventKind};

/// Time between two lines of one kind.
const INTERVAL: Duration = Duration::from_secs(1);

/// The same for sessions of one root that were not completed.
const SESSION_INTERVAL: Duration = Duration::from_secs(10);

/// Roots that are told apart. With `--insecure` anybody is one: more of them share a line.
const MAX_ROOTS: usize = 64;

pub(super) struct Log {
    on_event: Box<dyn Fn(Event) + Send + Sync>,
    closed: AtomicBool,
    kinds: Mutex<HashMap<Key, Recent>>,
}

/// Events that may stand for each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// Of strangers that were turned away for a reason of this kind.
    Refused(&'static str),
    /// Of this root's sessions; its ports differ.
    Root(String),
}

impl Key {
    fn interval(&self) -> Duration {
        match self {
            Self::Refused(_) => INTERVAL,
            Self::Root(_) => SESSION_INTERVAL,
        }
    }
}

/// Events of one kind since a line was told.
struct Recent {
    told: Instant,
    n_left_out: usize,
    last: Event,
}

impl Log {
    pub(super) fn new(on_event: Box<dyn Fn(Event) + Send + Sync>) -> Self {
        Self {
            on_event,
            closed: AtomicBool::new(false),
            kinds: Mutex::default(),
        }
    }

    /// Tells nothing from now on: what ends because the listener does is no news.
    pub(super) fn close(&self) {
        self.closed.store(true, SeqCst);
    }

    fn emit(&self, event: Event) {
        if !self.closed.load(SeqCst) {
            (self.on_event)(event);
        }
    }

    /// Tells of something that only a known caller, or the system, can bring about.
    pub(super) fn tell(&self, kind: EventKind, address: &str, message: String) {
        self.emit(Event {
            kind,
            address: address.to_owned(),
            message,
        });
    }

    /// Tells of a stranger that was turned away, for a reason of the kind `reason`.
    pub(super) fn turned_away(
        &self,
        reason: &'static str,
        address: &str,
        message: &str,
        now: Instant,
    ) {
        let event = Event {
            kind: EventKind::Refused,
            address: address.to_owned(),
            message: format!("refused: {message}"),
        };
        self.tell_limited(Key::Refused(reason), event, now);
    }

    /// Tells that a root's session has come to nothing.
    pub(super) fn not_completed(&self, address: &str, reason: &str, now: Instant) {
        let event = Event {
            kind: EventKind::SessionFailed,
            address: address.to_owned(),
            message: format!("the session was not completed: {reason}"),
        };
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let mut key = Key::Root(host.to_owned());
        {
            let mut kinds = self.lock();
            // What was told long ago keeps nothing back.
            kinds.retain(|key, recent| recent.n_left_out > 0 || now < recent.told + key.interval());
            if kinds.len() >= MAX_ROOTS && !kinds.contains_key(&key) {
                key = Key::Root(String::new());
            }
        }
        self.tell_limited(key, event, now);
    }

    fn tell_limited(&self, key: Key, event: Event, now: Instant) {
        let interval = key.interval();
        let mut kinds = self.lock();
        let Some(recent) = kinds.get_mut(&key) else {
            let recent = Recent {
                told: now,
                n_left_out: 0,
                last: event.clone(),
            };
            kinds.insert(key, recent);
            drop(kinds);
            return self.emit(event);
        };
        if now < recent.told + interval || recent.n_left_out > 0 {
            recent.n_left_out += 1;
            recent.last = event;
            return;
        }
        recent.told = now;
        drop(kinds);
        self.emit(event);
    }

    /// Tells what is due of what was left out.
    pub(super) fn catch_up(&self, now: Instant) {
        let mut due = Vec::new();
        for (key, recent) in self.lock().iter_mut() {
            if recent.n_left_out == 0 || now < recent.told + key.interval() {
                continue;
            }
            let mut event = recent.last.clone();
            if recent.n_left_out > 1 {
                let others = recent.n_left_out - 1;
                event.message += &format!(" ({others} more like it since the last line)");
            }
            recent.n_left_out = 0;
            recent.told = now;
            due.push(event);
        }
        due.into_iter().for_each(|event| self.emit(event));
    }

    /// When [`catch_up`](Self::catch_up) has something to tell.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let kinds = self.lock();
        let waiting = kinds.iter().filter(|(_, recent)| recent.n_left_out > 0);
        waiting
            .map(|(key, recent)| recent.told + key.interval())
            .min()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Recent>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::*;

    #[test]
    fn a_root_that_tries_again_is_a_line_in_ten_seconds_with_a_count() {
        let (sender, events) = mpsc::channel();
        let sender = Mutex::new(sender);
        let log = Log::new(Box::new(move |event: Event| {
            let line = format!("{} {}", event.address, event.message);
            sender.lock().expect("no panic").send(line).expect("read");
        }));
        let start = Instant::now();
        for second in 0..25 {
            let now = start + Duration::from_secs(second);
            log.not_completed(&format!("a:{second}"), "gone", now);
            if second == 3 {
                log.not_completed("b:1", "gone", now);
            }
            log.catch_up(now);
        }
        let lines: Vec<_> = events.try_iter().collect();
        assert_eq!(
            lines,
            [
                "a:0 the session was not completed: gone",
                "b:1 the session was not completed: gone",
                "a:10 the session was not completed: gone (9 more like it since the last line)",
                "a:20 the session was not completed: gone (9 more like it since the last line)",
            ]
        );
    }

    #[test]
    fn a_flood_is_a_line_a_second_with_a_count_and_kinds_do_not_hide_each_other() {
        let (sender, events) = mpsc::channel();
        let sender = Mutex::new(sender);
        let log = Arc::new(Log::new(Box::new(move |event: Event| {
            let line = format!("{} {}", event.address, event.message);
            sender.lock().expect("no panic").send(line).expect("read");
        })));
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        for ms in 0..2500 {
            log.turned_away("token", &format!("a:{ms}"), "wrong token", at(ms));
            if ms == 1234 {
                log.turned_away("magic", "b", "no dllama", at(ms));
            }
            log.catch_up(at(ms));
        }
        assert_eq!(log.next_due(), Some(at(3000)));
        log.catch_up(at(3000));
        assert_eq!(log.next_due(), None);
        log.turned_away("token", "c", "wrong token", at(9000));
        let lines: Vec<_> = events.try_iter().collect();
        assert_eq!(
            lines,
            [
                "a:0 refused: wrong token",
                "a:1000 refused: wrong token (999 more like it since the last line)",
                "b refused: no dllama",
                "a:2000 refused: wrong token (999 more like it since the last line)",
                "a:2499 refused: wrong token (498 more like it since the last line)",
                "c refused: wrong token",
            ]
        );
    }
}
