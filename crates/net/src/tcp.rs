//! TCP sockets up to the point where they are connected.
//!
//! Buffer sizes are set before that: TCP agrees on its segment size and window when it connects, and
//! buffers that become smaller than a segment later bring the connection nearly to a halt.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::limits::LinkOptions;

/// Connections that may wait to be accepted; the kernel has a smaller cap of its own.
const BACKLOG: i32 = 1024;

pub(crate) fn connect(
    address: &SocketAddr,
    options: &LinkOptions,
    timeout: Duration,
) -> io::Result<TcpStream> {
    let socket = new_socket(address, options)?;
    socket.connect_timeout(&(*address).into(), timeout)?;
    Ok(socket.into())
}

/// Listens on the first of `candidates` that the system allows.
pub(crate) fn listen(candidates: &[SocketAddr], options: &LinkOptions) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address");
    for address in candidates {
        let listen = || {
            let socket = new_socket(address, options)?;
            // A worker that is started again must not wait for its old connections to time out.
            socket.set_reuse_address(true)?;
            socket.bind(&(*address).into())?;
            socket.listen(BACKLOG)?;
            Ok(socket.into())
        };
        match listen() {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn new_socket(address: &SocketAddr, options: &LinkOptions) -> io::Result<Socket> {
    let domain = Domain::for_address(*address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    set_buffers(&SockRef::from(&socket), options)?;
    Ok(socket)
}

/// Sets both buffers of a socket that is not connected, or of a Unix socket at any time.
pub(crate) fn set_buffers(socket: &SockRef<'_>, options: &LinkOptions) -> io::Result<()> {
    if let Some(n_bytes) = options.socket_buffer_bytes {
        socket.set_send_buffer_size(n_bytes)?;
        socket.set_recv_buffer_size(n_bytes)?;
    }
    Ok(())
}
