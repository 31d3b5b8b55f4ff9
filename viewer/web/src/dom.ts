// Elements, made of text only: nothing that a recording holds is ever read as HTML.

type Child = Node | string | null | undefined | false;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | number | boolean | undefined> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    made.setAttribute(name, value === true ? "" : String(value));
  }
  add(made, ...children);
  return made;
}

export function add(to: Element, ...children: Child[]): void {
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) to.append(child);
  }
}

export function button(text: string, title: string, action: () => void): HTMLButtonElement {
  const made = element("button", { type: "button", title }, text);
  made.addEventListener("click", action);
  return made;
}

// A bar of coloured parts; each says itself when pointed at. Colours are set by script: the page's policy
// knows no style attributes.
export function stackedBar(
  parts: { name: string; value: number; colour: string; text: string }[],
  whole: number,
): HTMLElement {
  const bar = element("div", { class: "bar", role: "img" });
  bar.setAttribute("aria-label", parts.map(({ name, text }) => `${name} ${text}`).join(", "));
  for (const { name, value, colour, text } of parts) {
    if (!(value > 0) || !(whole > 0)) continue;
    const part = element("span", { title: `${name}: ${text}`, "data-part": name });
    part.style.width = `${(100 * value) / whole}%`;
    part.style.background = colour;
    bar.append(part);
  }
  return bar;
}
