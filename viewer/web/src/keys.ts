// The keys, and the page that tells them: one table for both.
import { add, button, element } from "./dom";

export interface Key {
  keys: string[]; // as KeyboardEvent.key has them
  shown: string;
  what: string;
  action(event: KeyboardEvent): void;
}

const isField = (target: EventTarget | null) =>
  target instanceof HTMLInputElement || target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement;

export class Keys {
  private readonly dialog = element("dialog", { class: "keys", "aria-label": "Keys" });
  private readonly keys: Key[];

  constructor(keys: Key[], mouse: [string, string][]) {
    const help: Key = { keys: ["?"], shown: "?", what: "these keys", action: () => this.toggle() };
    this.keys = [...keys, help];
    const list = element("dl");
    for (const [shown, what] of [
      ...this.keys.filter(({ shown }) => shown).map((key): [string, string] => [key.shown, key.what]),
      ...mouse,
    ]) {
      add(list, element("dt", {}, ...shown.split(" ").map((one) => element("kbd", {}, one))), element("dd", {}, what));
    }
    add(
      this.dialog,
      element(
        "div",
        { class: "row" },
        element("h2", {}, "Keys"),
        button("Close", "Close (Esc)", () => this.dialog.close()),
      ),
      list,
    );
    document.body.append(this.dialog);
    document.addEventListener("keydown", (event) => this.pressed(event));
  }

  toggle(): void {
    if (this.dialog.open) this.dialog.close();
    else this.dialog.showModal();
  }

  private pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || isField(event.target)) return;
    if (this.dialog.open && event.key !== "?") return;
    // Enter and the space bar are the buttons' own.
    if (event.target instanceof HTMLButtonElement && (event.key === "Enter" || event.key === " ")) return;
    const key = this.keys.find(({ keys }) => keys.includes(event.key));
    if (!key) return;
    event.preventDefault();
    key.action(event);
  }
}
