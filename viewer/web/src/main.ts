// The page's beginning: reads what is embedded and shows it, or says why it cannot.
import { comparison, pageFacts, report } from "./document";
import { ComparePage } from "./compare_page";
import { readTimeline } from "./decode";
import { element } from "./dom";
import { setTimeKind } from "./format";
import { RecordingPage } from "./recording_page";

// For those who measure the page: when it was ready, and its pages' parts.
export interface Measured {
  loadedMs: number;
  page: RecordingPage | ComparePage;
}

declare global {
  interface Window {
    trapline?: Measured;
  }
}

function title(...parts: unknown[]): void {
  document.title = ["Trapline", ...parts].filter(Boolean).join(" \u00b7 ");
}

async function start(root: HTMLElement): Promise<RecordingPage | ComparePage> {
  const page = pageFacts();
  if (!page) throw new Error("its file is not whole: the end is missing");
  const compared = comparison();
  if (page.kind === "compare" && compared) {
    setTimeKind(compared.time.kind);
    title("compare", compared.paths.join(", "));
    return new ComparePage(compared, page.examples ?? [], root);
  }
  const figures = report();
  if (!figures) throw new Error("its file is not whole: there is no report");
  setTimeKind(figures.time.kind);
  title(figures.context["path"], figures.context["host"]);
  const loading = root.querySelector(".loading");
  const timeline = await readTimeline(0, (share) => {
    if (loading) loading.textContent = `Reading the recording\u2026 ${Math.round(100 * share)} %`;
  });
  return new RecordingPage(timeline, figures, page, root);
}

const root = document.getElementById("app")!;
start(root)
  .then((page) => {
    window.trapline = { loadedMs: performance.now(), page };
    document.documentElement.dataset.ready = "yes";
  })
  .catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    root.replaceChildren(
      element(
        "p",
        { class: "failed", role: "alert" },
        `This page cannot be shown: ${why}. Write it anew with trapline view.`,
      ),
    );
    document.documentElement.dataset.ready = "failed";
  });
