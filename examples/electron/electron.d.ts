/**
 * What the app uses of Electron, so that this repository can check it without installing Electron. An
 * app has the types of the `electron` package, and this file is no part of it.
 */

declare module "electron" {
  export interface MessagePortMain {
    postMessage(message: unknown): void;
    start(): void;
    on(event: "message", listener: (event: { data: unknown }) => void): this;
    on(event: "close", listener: () => void): this;
  }

  export class MessageChannelMain {
    readonly port1: MessagePortMain;
    readonly port2: MessagePortMain;
  }

  interface UtilityProcess {
    postMessage(message: unknown, transfer?: MessagePortMain[]): void;
    on(event: "exit", listener: (code: number) => void): this;
    kill(): boolean;
  }

  export const utilityProcess: {
    fork(modulePath: string, args?: string[], options?: { serviceName?: string }): UtilityProcess;
  };

  interface WebContents {
    postMessage(channel: string, message: unknown, transfer?: MessagePortMain[]): void;
  }

  export class BrowserWindow {
    constructor(options: {
      width: number;
      height: number;
      webPreferences: { preload: string; sandbox: boolean };
    });
    readonly webContents: WebContents;
    loadFile(path: string): Promise<void>;
  }

  export const app: {
    whenReady(): Promise<void>;
    quit(): void;
    on(event: "window-all-closed", listener: () => void): void;
  };

  export const ipcRenderer: {
    on(channel: string, listener: (event: { ports: MessagePort[] }) => void): void;
  };
}
