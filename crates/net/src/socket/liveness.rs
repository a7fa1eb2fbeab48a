//! What the kernel is told to find out about a TCP peer by itself, while nobody here waits for it.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// How long bytes may stay unacknowledged by a peer that rests. The kernel counts from its first repetition,
/// some 0.2 s after they were sent, and three seconds are the limit.
pub(super) const UNANSWERED: Duration = Duration::from_millis(2500);

/// Has the kernel notice within three seconds that the device of a TCP peer is gone: by two probes without an
/// answer while nothing is sent, and otherwise by what it does not acknowledge, which keeps probes from
/// being sent. For a peer that is sent little, so that it always has room.
pub(crate) fn watch_closely(socket: &impl AsFd) -> io::Result<()> {
    let socket = SockRef::from(socket);
    let second = Duration::from_secs(1);
    let keepalive = TcpKeepalive::new().with_time(second).with_interval(second);
    socket.set_tcp_keepalive(&keepalive.with_retries(2))?;
    limit_unanswered(socket, Some(UNANSWERED))
}

#[cfg(target_os = "linux")]
pub(super) fn limit_unanswered(socket: SockRef<'_>, limit: Option<Duration>) -> io::Result<()> {
    socket.set_tcp_user_timeout(limit)
}

/// Elsewhere probes have to do.
#[cfg(not(target_os = "linux"))]
pub(super) fn limit_unanswered(_socket: SockRef<'_>, _limit: Option<Duration>) -> io::Result<()> {
    Ok(())
}

/// A device that vanished between two runs is noticed within half a minute, at little cost on lossy links: the
/// next run notices it earlier.
pub(super) fn keepalive() -> TcpKeepalive {
    TcpKeepalive::new()
        .with_time(Duration::from_secs(15))
        .with_interval(Duration::from_secs(5))
        .with_retries(3)
}
