//! An Ethernet switch with slow links, for tests over network namespaces: it makes a TAP device a port,
//! and passes frames between them late, at a rate, and with losses.
//!
//! `shaped_switch PREFIX PORTS DELAY_US JITTER_US LOSS_PPM MBIT SEED` prints the devices' names once they are
//! there, and ends with its stdin; the devices go with it. The delay is one way, the jitter is added to
//! it, evenly from 0, and keeps the order of frames, as Wi-Fi does. It is a program because kernels
//! without netem are common (decision 0026); `tc` sets the senders' rates.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::ioctl::{Updater, ioctl};

/// A cheap switch's buffer a port.
const BUFFER_BYTES: f64 = 512.0 * 1024.0;
const MAX_FRAME_BYTES: usize = 65_536;
/// `poll` may wake up later than asked by about so much.
const SLACK: Duration = Duration::from_micros(100);

/// `_IOW('T', 202, int)` of linux/if_tun.h.
const TUNSETIFF: rustix::ioctl::Opcode = 0x4004_54ca;
const IFF_TAP: u16 = 2;
const IFF_NO_PI: u16 = 0x1000;

/// `struct ifreq`: a name and, here, flags.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; 16],
    flags: u16,
    rest: [u8; 22],
}

fn open_tap(name: &str) -> io::Result<File> {
    let file = File::options()
        .read(true)
        .write(true)
        .open("/dev/net/tun")?;
    let mut request = InterfaceRequest {
        name: [0; 16],
        flags: IFF_TAP | IFF_NO_PI,
        rest: [0; 22],
    };
    request.name[..name.len()].copy_from_slice(name.as_bytes());
    // SAFETY: TUNSETIFF reads and writes one `struct ifreq`, which `InterfaceRequest` is as large as.
    unsafe {
        ioctl(
            &file,
            Updater::<TUNSETIFF, InterfaceRequest>::new(&mut request),
        )?
    };
    rustix::io::ioctl_fionbio(&file, true)?;
    Ok(file)
}

struct Link {
    delay: Duration,
    jitter: Duration,
    loss_ppm: u64,
    bytes_per_second: f64,
}

struct Switch {
    link: Link,
    ports: Vec<File>,
    /// Which port a device was last heard at.
    places: HashMap<[u8; 6], usize>,
    /// Frames on their way: when they arrive, their number, the port.
    due: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    frames: HashMap<u64, Vec<u8>>,
    n_frames: u64,
    /// When a port's last frame has left it, and when the last one of each pair of ports arrives.
    free_at: Vec<Instant>,
    last_due: HashMap<(usize, usize), Instant>,
    random: u64,
}

impl Switch {
    fn next_random(&mut self) -> u64 {
        // xorshift64 (Marsaglia 2003)
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn take_in(&mut self, from: usize, frame: &[u8], now: Instant) {
        let Some((to, rest)) = frame.split_first_chunk::<6>() else {
            return;
        };
        let Some(source) = rest.first_chunk::<6>() else {
            return;
        };
        self.places.insert(*source, from);
        match self.places.get(to).copied() {
            Some(port) if port != from => self.pass_on(from, port, frame, now),
            Some(_) => {}
            None => {
                for port in (0..self.ports.len()).filter(|port| *port != from) {
                    self.pass_on(from, port, frame, now);
                }
            }
        }
    }

    fn pass_on(&mut self, from: usize, to: usize, frame: &[u8], now: Instant) {
        if self.next_random() % 1_000_000 < self.link.loss_ppm {
            return;
        }
        let share = self.next_random() % 1024;
        let jitter = self.link.jitter * share as u32 / 1024;
        let mut arrival = now + self.link.delay + jitter;
        if let Some(last) = self.last_due.get(&(from, to)) {
            arrival = arrival.max(*last);
        }
        // It leaves the port behind all that came to it earlier.
        let rate = self.link.bytes_per_second;
        let start = arrival.max(self.free_at[to]);
        if (start - arrival).as_secs_f64() * rate > BUFFER_BYTES {
            return;
        }
        let end = start + Duration::from_secs_f64(frame.len() as f64 / rate);
        self.free_at[to] = end;
        self.last_due.insert((from, to), arrival);
        self.due.push(Reverse((end, self.n_frames, to)));
        self.frames.insert(self.n_frames, frame.to_vec());
        self.n_frames += 1;
    }

    /// Delivers what is due, and says when the next frame is.
    fn deliver(&mut self) -> Option<Duration> {
        while let Some(Reverse((due, number, port))) = self.due.peek().copied() {
            let left = due.saturating_duration_since(Instant::now());
            if left > Duration::ZERO {
                return Some(left);
            }
            self.due.pop();
            let frame = self.frames.remove(&number).unwrap_or_default();
            // A device that is down takes nothing.
            let _ = self.ports[port].write(&frame);
        }
        None
    }

    fn run(&mut self) -> io::Result<()> {
        let mut frame = vec![0; MAX_FRAME_BYTES];
        let stdin = io::stdin();
        loop {
            let left = self.deliver();
            // What is due soon is waited for awake.
            let wait = left.map(|left| left.saturating_sub(SLACK));
            let timeout = wait.map(|wait| Timespec {
                tv_sec: wait.as_secs() as i64,
                tv_nsec: i64::from(wait.subsec_nanos()),
            });
            let input = stdin.as_fd();
            let mut fds: Vec<_> = self
                .ports
                .iter()
                .map(|port| PollFd::new(port, PollFlags::IN))
                .collect();
            fds.push(PollFd::new(&input, PollFlags::IN));
            poll(&mut fds, timeout.as_ref())?;
            let ready: Vec<_> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
            if ready[self.ports.len()] {
                return Ok(());
            }
            for from in (0..self.ports.len()).filter(|from| ready[*from]) {
                self.read_all(from, &mut frame)?;
            }
        }
    }

    fn read_all(&mut self, from: usize, frame: &mut [u8]) -> io::Result<()> {
        // A few at a time: others wait, and frames become due.
        for _ in 0..16 {
            match self.ports[from].read(frame) {
                Ok(n_bytes) => self.take_in(from, &frame[..n_bytes], Instant::now()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // Its device is down: being moved into a namespace.
                Err(error) if error.raw_os_error() == Some(5) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [prefix, ports, delay, jitter, loss, mbit, seed] = &args[..] else {
        return Err("expected PREFIX PORTS DELAY_US JITTER_US LOSS_PPM MBIT SEED".into());
    };
    let names: Vec<_> = (0..ports.parse::<usize>()?)
        .map(|port| format!("{prefix}{port}"))
        .collect();
    let ports = names
        .iter()
        .map(|name| open_tap(name))
        .collect::<Result<Vec<_>, _>>()?;
    let mut switch = Switch {
        link: Link {
            delay: Duration::from_micros(delay.parse()?),
            jitter: Duration::from_micros(jitter.parse()?),
            loss_ppm: loss.parse()?,
            bytes_per_second: mbit.parse::<f64>()? * 1e6 / 8.0,
        },
        free_at: vec![Instant::now(); ports.len()],
        ports,
        places: HashMap::new(),
        due: BinaryHeap::new(),
        frames: HashMap::new(),
        n_frames: 0,
        last_due: HashMap::new(),
        random: seed.parse::<u64>()? | 1,
    };
    println!("{}", names.join(" "));
    switch.run()?;
    Ok(())
}
