//! Ranks within one process: the same links and code as between devices, over Unix socket pairs.

use std::io;
use std::os::unix::net::UnixStream;

use socket2::SockRef;

use crate::connection::Connection;
use crate::limits::LinkOptions;
use crate::mesh::Mesh;
use crate::tcp::set_buffers;

impl Mesh {
    /// The meshes of `world_size` ranks within this process, over Unix socket pairs.
    ///
    /// # Errors
    ///
    /// The system's, when it has no more sockets or threads.
    ///
    /// # Panics
    ///
    /// If `world_size` is 0 or above [`MAX_WORLD_SIZE`].
    pub fn in_memory(world_size: usize) -> io::Result<Vec<Self>> {
        Self::in_memory_with(world_size, &LinkOptions::default())
    }

    /// As [`in_memory`](Self::in_memory), with other limits.
    ///
    /// # Errors
    ///
    /// As [`in_memory`](Self::in_memory).
    ///
    /// # Panics
    ///
    /// As [`in_memory`](Self::in_memory).
    pub fn in_memory_with(world_size: usize, options: &LinkOptions) -> io::Result<Vec<Self>> {
        let mut sockets: Vec<Vec<Option<Connection>>> = Vec::with_capacity(world_size);
        for _ in 0..world_size {
            let mut row = Vec::with_capacity(world_size);
            for earlier in &mut sockets {
                let (one, other) = UnixStream::pair()?;
                set_buffers(&SockRef::from(&one), options)?;
                set_buffers(&SockRef::from(&other), options)?;
                earlier.push(Some(Connection::plain(one.into())));
                row.push(Some(Connection::plain(other.into())));
            }
            row.push(None);
            sockets.push(row);
        }
        let addresses: Vec<_> = (0..world_size)
            .map(|rank| format!("memory:{rank}"))
            .collect();
        let ranks = sockets.into_iter().enumerate();
        ranks
            .map(|(rank, row)| Self::over(rank, row, &addresses, options))
            .collect()
    }
}
