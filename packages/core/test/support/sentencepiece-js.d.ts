/** SentencePiece itself, compiled to WebAssembly; the package has no types of its own. */
declare module "@agnai/sentencepiece-js" {
  export class SentencePieceProcessor {
    load(path: string): Promise<void>;
    encodeIds(text: string): number[];
    decodeIds(ids: number[]): string;
  }
}
