/** Stands between a root and its one worker, and counts what the root sends. */

import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";

export class CountingProxy {
  /** Bytes from the root to the worker, of all connections. */
  nBytes = 0;
  readonly #server: Server;

  private constructor(target: string) {
    const port = Number(/:(\d+)$/.exec(target)?.[1]);
    this.#server = createServer((root) => {
      const worker = connect(port, "127.0.0.1");
      root.on("data", (bytes) => (this.nBytes += bytes.length));
      join(root, worker);
      join(worker, root);
    });
    // A test that is done does not wait for it.
    this.#server.unref();
  }

  /** Listens for connections that are passed on to `target`, a port of loopback. */
  static async before(target: string): Promise<CountingProxy> {
    const proxy = new CountingProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get address(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy is closed");
    return `127.0.0.1:${address.port}`;
  }
}

/** What ends on one side ends on the other. */
function join(from: Socket, to: Socket): void {
  from.pipe(to);
  from.on("error", () => to.destroy());
  from.on("close", () => to.destroy());
}
