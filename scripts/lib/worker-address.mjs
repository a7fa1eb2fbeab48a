/** Where a worker that was started with `--port 0` listens. */

/**
 * @param {import("node:child_process").ChildProcess} worker whose stdout is a pipe
 * @returns {Promise<string | undefined>} undefined if it ended before it listened
 */
export async function workerAddress(worker) {
  let text = "";
  // An iterator would close the pipe at the end of the loop, and the worker with it.
  const chunks = worker.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    text += chunk;
    const [, address] = /^Listening on (\S+)$/m.exec(text) ?? [];
    if (address !== undefined) {
      worker.stdout.resume();
      return address;
    }
  }
  return undefined;
}
