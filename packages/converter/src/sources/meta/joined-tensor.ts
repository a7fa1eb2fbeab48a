/** A tensor whose pieces lie in one or several parts, read by rows as if it were whole. */

import type { FileHandle } from "node:fs/promises";
import { SOURCE_VALUE_BYTES } from "../../float-types.ts";
import type { SourceFloatType } from "../../float-types.ts";
import { readFully } from "../../regular-file.ts";

export interface Piece {
  readonly file: FileHandle;
  readonly path: string;
  /** In bytes from the start of the file. */
  readonly fileOffset: number;
  readonly nRows: number;
  readonly nCols: number;
}

/** Pieces stand below each other (axis 0) or side by side (axis 1). */
export class JoinedTensor {
  readonly type: SourceFloatType;
  readonly nRows: number;
  readonly nCols: number;
  readonly #pieces: readonly Piece[];
  readonly #axis: 0 | 1;

  constructor(type: SourceFloatType, pieces: readonly Piece[], axis: 0 | 1) {
    const sum = (count: (piece: Piece) => number) =>
      pieces.reduce((total, piece) => total + count(piece), 0);
    this.type = type;
    this.nRows = axis === 0 ? sum((piece) => piece.nRows) : (pieces[0]?.nRows ?? 0);
    this.nCols = axis === 1 ? sum((piece) => piece.nCols) : (pieces[0]?.nCols ?? 0);
    this.#pieces = pieces;
    this.#axis = axis;
  }

  /** -> (nRows, nCols) values of type `type`, as stored. */
  async readRows(firstRow: number, nRows: number): Promise<Uint8Array> {
    const rows = Buffer.allocUnsafe(nRows * this.nCols * SOURCE_VALUE_BYTES[this.type]);
    if (this.#axis === 0) await this.#readStacked(rows, firstRow, nRows);
    else await this.#readSideBySide(rows, firstRow, nRows);
    return rows;
  }

  async #readStacked(rows: Buffer, firstRow: number, nRows: number): Promise<void> {
    const rowBytes = this.nCols * SOURCE_VALUE_BYTES[this.type];
    let pieceStart = 0;
    for (const { file, path, fileOffset, nRows: pieceRows } of this.#pieces) {
      const start = Math.max(firstRow, pieceStart);
      const end = Math.min(firstRow + nRows, pieceStart + pieceRows);
      if (start < end) {
        const target = rows.subarray((start - firstRow) * rowBytes, (end - firstRow) * rowBytes);
        await readFully(file, path, target, fileOffset + (start - pieceStart) * rowBytes);
      }
      pieceStart += pieceRows;
    }
  }

  async #readSideBySide(rows: Buffer, firstRow: number, nRows: number): Promise<void> {
    const valueBytes = SOURCE_VALUE_BYTES[this.type];
    const rowBytes = this.nCols * valueBytes;
    let column = 0;
    for (const { file, path, fileOffset, nCols } of this.#pieces) {
      const pieceBytes = nCols * valueBytes;
      const piece = Buffer.allocUnsafe(nRows * pieceBytes);
      await readFully(file, path, piece, fileOffset + firstRow * pieceBytes);
      for (let row = 0; row < nRows; row += 1) {
        piece.copy(rows, row * rowBytes + column, row * pieceBytes, (row + 1) * pieceBytes);
      }
      column += pieceBytes;
    }
  }
}
