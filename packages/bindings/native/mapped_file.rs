//! Which file is mapped at an address, found in a signal handler: with system calls and memory of the stack
//! alone.

/// Writes the path of the file that is mapped at `address` to `name`, and returns its length. `None` where no
/// file is, or the system does not say.
#[cfg(target_os = "linux")]
pub(crate) fn mapped_file(address: usize, name: &mut [u8]) -> Option<usize> {
    // SAFETY: the path ends in a NUL; `open` may be called in a signal handler.
    let maps = unsafe { libc::open(c"/proc/self/maps".as_ptr(), libc::O_RDONLY) };
    if maps < 0 {
        return None;
    }
    let mut search = Search::new(address, name);
    let mut piece = [0_u8; 1024];
    loop {
        // SAFETY: the pointer and length are those of an array; `read` may be called in a signal handler.
        let n_read = unsafe { libc::read(maps, piece.as_mut_ptr().cast(), piece.len()) };
        let Ok(n_read) = usize::try_from(n_read) else {
            return None;
        };
        if n_read == 0 {
            return None;
        }
        for &byte in &piece[..n_read] {
            if let Some(length) = search.read(byte) {
                return (length > 0).then_some(length);
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn mapped_file(_: usize, _: &mut [u8]) -> Option<usize> {
    None
}

/// Reads `START-END PERMISSIONS OFFSET DEVICE INODE   PATH` lines (proc(5)), a byte at a time.
#[cfg(target_os = "linux")]
struct Search<'name> {
    address: usize,
    name: &'name mut [u8],
    length: usize,
    start: usize,
    end: usize,
    /// Of the line's fields, which of them the next byte belongs to.
    field: usize,
    was_space: bool,
}

#[cfg(target_os = "linux")]
impl<'name> Search<'name> {
    const PATH: usize = 5;

    fn new(address: usize, name: &'name mut [u8]) -> Self {
        Self {
            address,
            name,
            length: 0,
            start: 0,
            end: 0,
            field: 0,
            was_space: false,
        }
    }

    /// The length of the path at the end of the line that has the address.
    fn read(&mut self, byte: u8) -> Option<usize> {
        if byte == b'\n' {
            let found = (self.start..self.end).contains(&self.address);
            let length = self.length;
            (self.length, self.start, self.end) = (0, 0, 0);
            (self.field, self.was_space) = (0, false);
            return found.then_some(length);
        }
        // A path may have spaces; before it they end a field, several at once.
        if byte == b' ' && self.field < Self::PATH {
            self.was_space = true;
            return None;
        }
        if self.was_space && self.field < Self::PATH {
            self.field += 1;
            self.was_space = false;
        }
        match self.field {
            0 if byte == b'-' => (self.start, self.end) = (self.end, 0),
            0 => {
                let digit = (byte as char).to_digit(16).unwrap_or(0) as usize;
                self.end = self.end.wrapping_mul(16).wrapping_add(digit);
            }
            Self::PATH => {
                if let Some(place) = self.name.get_mut(self.length) {
                    // Nothing that steers a terminal.
                    *place = if byte.is_ascii_control() { b'?' } else { byte };
                    self.length += 1;
                }
            }
            _ => {}
        }
        None
    }
}
