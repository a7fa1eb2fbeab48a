//! `endProcess`: an end that waits for nobody.

use napi_derive::napi;

/// Ends the process at once, with this exit code. Node's own `process.exit` waits for libuv's threads first,
/// and one of them may be stuck in a call to a disk or a server that does not answer any more.
#[napi(ts_return_type = "never")]
pub fn end_process(code: i32) {
    // SAFETY: `_exit` takes any number, touches no memory of the process and does not return.
    unsafe { libc::_exit(code) }
}
