// Typed arrays that grow: a timeline's length is known when it was read.

type Numbers = Float64Array | Uint32Array | Uint16Array | Uint8Array;

export class Growing<T extends Numbers> {
  length = 0;
  private items: T;

  constructor(private readonly make: new (length: number) => T) {
    this.items = new make(64);
  }

  push(value: number): void {
    if (this.length === this.items.length) {
      const larger = new this.make(this.items.length * 2);
      larger.set(this.items);
      this.items = larger;
    }
    this.items[this.length++] = value;
  }

  // What was pushed; not a byte more is kept.
  take(): T {
    const taken = this.items.length === this.length ? this.items : (this.items.slice(0, this.length) as T);
    this.items = new this.make(0);
    return taken;
  }
}

export const float64s = () => new Growing(Float64Array);
export const uint32s = () => new Growing(Uint32Array);
export const uint8s = () => new Growing(Uint8Array);
