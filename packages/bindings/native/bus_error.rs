//! `explainBusErrors`: a few words before a process ends because a file that it has mapped was cut short.
//!
//! Weights are used where they lie in the model file. Where the file has been truncated since, or its disk
//! fails, the kernel has no page to give and sends SIGBUS, whose default is to end the process without a
//! word. The handler names the file and ends with the exit code of any other error.
//!
//! A handler belongs to the whole process, which is not ours in an Electron app: nothing is installed until a
//! program asks for it, as `dllama` does. A handler that is there already is left alone.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;

use napi_derive::napi;

use crate::mapped_file::mapped_file;

/// As of every other error of the command line.
const EXIT_FAILED: c_int = 1;

const BEFORE: &[u8] = b"\nerror: ";
const NO_NAME: &[u8] = b"a file that is in use";
const AFTER: &[u8] = b": it was cut short while it was in use, or its disk has failed\n\
    hint: Start again with the whole file, and put a new version in place by renaming it.\n";

/// Installs the handler. Returns whether it is installed: not where another has been.
#[napi]
pub fn explain_bus_errors() -> bool {
    let mut before = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: with no new action `sigaction` writes the present one to `before`, which has room for it.
    if unsafe { libc::sigaction(libc::SIGBUS, ptr::null(), before.as_mut_ptr()) } != 0 {
        return false;
    }
    // SAFETY: the call has succeeded, and has therefore written all of it.
    if unsafe { before.assume_init() }.sa_sigaction != libc::SIG_DFL {
        return false;
    }
    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = explain;
    // SAFETY: a `sigaction` of zeros is one: numbers, an empty mask and, where there is one, a null restorer.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: `action` is whole; the handler has the signature that SA_SIGINFO asks for, and calls nothing but
    // functions that a signal handler may call.
    unsafe { libc::sigaction(libc::SIGBUS, &action, ptr::null_mut()) == 0 }
}

/// Runs on the thread that met the missing page, in the middle of whatever it did: no allocation, no lock.
extern "C" fn explain(signal: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: SA_SIGINFO promises a valid `info`.
    let code = unsafe { (*info).si_code };
    // SAFETY: as above; SIGBUS has an address.
    let address = unsafe { (*info).si_addr() } as usize;
    if code != libc::BUS_ADRERR {
        // An unaligned access, or a `kill`: the next fault ends the process as if nobody were here.
        // SAFETY: both may be called in a handler, and take numbers.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
        return;
    }
    let mut name = [0_u8; libc::PATH_MAX as usize];
    say(BEFORE);
    match mapped_file(address, &mut name) {
        Some(length) => say(&name[..length]),
        None => say(NO_NAME),
    }
    say(AFTER);
    // SAFETY: may be called in a handler.
    unsafe { libc::_exit(EXIT_FAILED) }
}

/// To stderr, as far as it takes it.
fn say(mut text: &[u8]) {
    while !text.is_empty() {
        // SAFETY: the pointer and length are those of a slice; may be called in a handler.
        let written = unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
        match usize::try_from(written) {
            Ok(n_bytes) if n_bytes > 0 => text = &text[n_bytes..],
            _ => return,
        }
    }
}
