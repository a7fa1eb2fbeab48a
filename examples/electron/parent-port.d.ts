/** What Electron adds to Node's `process` in a utility process; see `electron.d.ts`. */

import type { MessagePortMain } from "electron";

declare global {
  namespace NodeJS {
    interface Process {
      readonly parentPort: {
        on(event: "message", listener: (event: { ports: MessagePortMain[] }) => void): void;
      };
    }
  }
}
