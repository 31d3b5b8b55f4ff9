// The stretch of time that is shown, and how one moves in it.

export class ViewRange {
  from: number;
  to: number;

  constructor(
    readonly begin: number,
    readonly end: number,
    private readonly changed: () => void,
  ) {
    this.from = begin;
    this.to = end;
  }

  get length(): number {
    return this.to - this.from;
  }

  fit(): void {
    this.set(this.begin, this.end);
  }

  // By a factor around a time; that stays where it is.
  zoom(factor: number, around: number): void {
    const length = Math.min(Math.max(this.length * factor, 20), (this.end - this.begin) * 1.1);
    const share = (around - this.from) / this.length;
    const from = around - share * length;
    this.set(from, from + length);
  }

  pan(share: number): void {
    this.set(this.from + share * this.length, this.to + share * this.length);
  }

  // With some room on both sides.
  show(from: number, to: number, room = 1): void {
    const margin = Math.max((to - from) * room, 10);
    this.set(from - margin, to + margin);
  }

  center(time: number): void {
    const half = this.length / 2;
    this.set(time - half, time + half);
  }

  set(from: number, to: number): void {
    const length = Math.max(to - from, 20);
    // Some of what there is stays in sight.
    const least = this.begin - length / 2;
    const most = this.end - length / 2;
    this.from = Math.min(Math.max(from, least), Math.max(most, least));
    this.to = this.from + length;
    this.changed();
  }
}
