/**
 * The network in front of one worker: a TCP proxy whose faults are those of cables and switches. The root
 * and the other workers know the worker by the proxy's address alone.
 */

import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Proxy {
  /** Where the worker listens; changes when it is started again. */
  target = 0;
  /** Milliseconds until a new connection is passed on. */
  connectDelayMs = () => 0;
  #server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  #pairs = new Set();
  #isDown = false;

  /** @returns {Promise<Proxy>} listening on a free loopback port */
  static async start() {
    const proxy = new Proxy();
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port() {
    return this.#server.address().port;
  }

  /** Number of connections that stand. */
  get nConnections() {
    return this.#pairs.size;
  }

  /** The cable is out: nothing passes, and nobody is told. New connections stay without an answer. */
  cut() {
    this.#isDown = true;
    for (const pair of this.#pairs) pair.pause();
  }

  /** The cable is in again: what was under way arrives. */
  mend() {
    this.#isDown = false;
    for (const pair of this.#pairs) pair.resume();
  }

  /** As a switch that has lost its tables: connections that stand are forgotten, and neither end is told. */
  forget() {
    for (const pair of this.#pairs) pair.forget();
  }

  /** Both ends of every connection get a reset. */
  reset() {
    for (const pair of this.#pairs) pair.reset();
  }

  close() {
    for (const pair of this.#pairs) pair.reset();
    this.#server.close();
  }

  #accept(socket) {
    const pair = new Pair(socket, () => this.#pairs.delete(pair));
    this.#pairs.add(pair);
    if (this.#isDown) pair.pause();
    setTimeout(() => pair.connect(this.target), this.connectDelayMs()).unref();
  }
}

/** A connection and the one that it is passed on to. */
class Pair {
  #outer;
  #inner;
  #onEnd;
  #isPaused = false;
  #isForgotten = false;
  /** A side has closed while the cable was out, which the other learns when it is in again. */
  #isOver = false;
  #port = 0;

  constructor(outer, onEnd) {
    this.#outer = outer;
    this.#onEnd = onEnd;
    outer.pause();
    outer.setNoDelay(true);
    outer.on("error", () => this.reset());
    outer.on("close", () => this.#gone());
  }

  connect(port) {
    this.#port = port;
    if (this.#isPaused || this.#inner !== undefined || this.#outer.destroyed) return;
    const inner = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.#inner = inner;
    inner.setNoDelay(true);
    inner.on("error", () => this.reset());
    inner.on("close", () => this.#gone());
    inner.on("connect", () => {
      pass(this.#outer, inner, () => this.#isForgotten);
      pass(inner, this.#outer, () => this.#isForgotten);
      if (this.#isPaused) this.pause();
    });
  }

  pause() {
    this.#isPaused = true;
    this.#outer.pause();
    this.#inner?.pause();
  }

  resume() {
    this.#isPaused = false;
    if (this.#isOver) return this.reset();
    if (this.#inner === undefined && this.#port !== 0) this.connect(this.#port);
    this.#outer.resume();
    this.#inner?.resume();
  }

  forget() {
    this.#isForgotten = true;
  }

  reset() {
    // A socket that was never connected knows no reset, and one that is ending refuses it and stays open.
    for (const socket of [this.#outer, this.#inner]) {
      if (socket === undefined || socket.destroyed) continue;
      if (socket.connecting || socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
    this.#onEnd();
  }

  /** One side is closed, and so is the other, unless the connection is forgotten or the cable is out. */
  #gone() {
    if (this.#isPaused) this.#isOver = true;
    else if (!this.#isForgotten || (this.#outer.destroyed && this.#inner?.destroyed !== false)) {
      this.reset();
    }
  }
}

/** Everything that comes, as far as `isForgotten` lets it, up to the end of that direction. */
function pass(from, to, isForgotten) {
  from.on("data", (bytes) => {
    if (!isForgotten() && !to.destroyed) to.write(bytes);
  });
  from.on("end", () => {
    if (!isForgotten() && !to.destroyed) to.end();
  });
  from.resume();
}
