// One panel of several, as WAI-ARIA's tabs: arrow keys go from one to the next.
import { add, element } from "./dom";

export interface Tab {
  name: string;
  content: HTMLElement;
}

export class Tabs {
  readonly element = element("div", { class: "tabs" });
  private readonly list = element("div", { role: "tablist", class: "tablist" });
  private readonly panel = element("div", { role: "tabpanel", class: "tabpanel", tabindex: 0 });
  private readonly buttons: HTMLButtonElement[] = [];

  constructor(
    private readonly tabs: Tab[],
    private readonly shown: (name: string) => void = () => {},
    ...beside: Node[]
  ) {
    for (const [i, { name }] of tabs.entries()) {
      const one = element("button", { type: "button", role: "tab" }, name);
      one.addEventListener("click", () => this.show(name));
      one.addEventListener("keydown", (event) => {
        const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
        if (by === 0) return;
        event.preventDefault();
        event.stopPropagation();
        const next = (i + by + tabs.length) % tabs.length;
        this.show(tabs[next].name);
        this.buttons[next].focus();
      });
      this.buttons.push(one);
      this.list.append(one);
    }
    add(this.element, element("div", { class: "row" }, this.list, ...beside), this.panel);
    this.show(tabs[0].name);
  }

  show(name: string): void {
    this.tabs.forEach((tab, i) => {
      const chosen = tab.name === name;
      this.buttons[i].setAttribute("aria-selected", String(chosen));
      this.buttons[i].tabIndex = chosen ? 0 : -1;
      if (chosen) {
        this.panel.setAttribute("aria-label", name);
        this.panel.replaceChildren(tab.content);
      }
    });
    this.shown(name);
  }
}
