// A picture that is filled in memory and shown at once: a hundred thousand rectangles are a millisecond's work.

export class Pixels {
  readonly width: number;
  readonly height: number;
  private readonly image: ImageData;
  private readonly words: Uint32Array;

  constructor(context: CanvasRenderingContext2D, width: number, height: number) {
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    this.image = context.createImageData(this.width, this.height);
    this.words = new Uint32Array(this.image.data.buffer);
  }

  clear(colour: number): void {
    this.words.fill(colour);
  }

  fill(x: number, y: number, width: number, height: number, colour: number): void {
    const left = Math.max(0, x);
    const right = Math.min(this.width, x + width);
    const bottom = Math.min(this.height, y + height);
    if (left >= right) return;
    for (let row = Math.max(0, y); row < bottom; ++row) {
      this.words.fill(colour, row * this.width + left, row * this.width + right);
    }
  }

  column(x: number, y: number, height: number, colour: number): void {
    const bottom = Math.min(this.height, y + height);
    for (let at = Math.max(0, y) * this.width + x; at < bottom * this.width; at += this.width) {
      this.words[at] = colour;
    }
  }

  show(context: CanvasRenderingContext2D): void {
    context.putImageData(this.image, 0, 0);
  }
}
