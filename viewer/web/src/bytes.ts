// Embedded bytes: base64 of gzip in a script element, and columns of base-128 numbers within.

export function fromBase64(text: string): Uint8Array {
  const native = (Uint8Array as unknown as { fromBase64?: (text: string) => Uint8Array }).fromBase64;
  if (native) return native(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; ++i) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

export async function gunzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as BlobPart]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Reads LEB128 numbers. Numbers are exact up to 2^53, which the writer keeps to, but for big().
export class Column {
  private at: number;

  constructor(
    private readonly bytes: Uint8Array,
    begin: number,
    private readonly end: number,
  ) {
    this.at = begin;
  }

  number(): number {
    const bytes = this.bytes;
    let byte = this.next(bytes);
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 0x80;
    do {
      byte = this.next(bytes);
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
    } while (byte >= 0x80);
    return value;
  }

  // Zigzag: 0, 1, 2, 3, ... are 0, -1, 1, -2, ...
  distance(): number {
    return unzigzag(this.number());
  }

  big(): bigint {
    let value = 0n;
    let shift = 0n;
    for (;;) {
      const byte = this.next(this.bytes);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
      shift += 7n;
    }
  }

  bigDistance(): bigint {
    const value = this.big();
    return (value & 1n) === 0n ? value >> 1n : -((value + 1n) >> 1n);
  }

  private next(bytes: Uint8Array): number {
    if (this.at >= this.end) throw new Error("the data of this page is cut off");
    return bytes[this.at++];
  }
}

export function unzigzag(value: number): number {
  const half = Math.floor(value / 2);
  return value % 2 === 0 ? half : -half - 1;
}

// Columns one after the other, each after its length.
export class ColumnReader {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  number(): number {
    const column = new Column(this.bytes, this.at, this.bytes.length);
    const value = column.number();
    this.at = column["at"];
    return value;
  }

  column(): Column {
    const length = this.number();
    const begin = this.at;
    if (begin + length > this.bytes.length) throw new Error("the data of this page is cut off");
    this.at += length;
    return new Column(this.bytes, begin, begin + length);
  }

  columns(count: number): Column[] {
    return Array.from({ length: count }, () => this.column());
  }
}
