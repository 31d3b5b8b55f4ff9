// What the page holds beside its program: JSON and packed timelines in script elements (docs/view.md).
import type { CompareReport, PageFacts, Report, TimelineFacts } from "./facts";

function json<T>(id: string): T | null {
  const element = document.getElementById(id);
  return element === null ? null : (JSON.parse(element.textContent ?? "null") as T);
}

export const pageFacts = () => json<PageFacts>("page");
export const report = () => json<Report>("report");
export const comparison = () => json<CompareReport>("comparison");
export const timelineFacts = (number: number) => json<TimelineFacts>(`timeline-${number}`);

// The packed parts of a timeline, in order: hot and cold in turn. Their elements leave the page.
export function* packedParts(number: number): Generator<{ part: string; base64: string }> {
  const elements = document.querySelectorAll<HTMLScriptElement>(`script[data-timeline="${number}"]`);
  for (const element of Array.from(elements)) {
    yield { part: element.dataset.part ?? "", base64: element.textContent ?? "" };
    element.remove();
  }
}
