// A table whose cells are members of a JSON document, sorted by whichever column one asks for.
//
// Each cell carries where its value stands in the document (data-p, a JSON pointer) and the value itself
// (data-v), so that what is shown can be held against the document.
import { add, element } from "./dom";
import { count, exact, time } from "./format";
import type { Row } from "./facts";

export type Shown = "text" | "count" | "time" | "number" | "flag";

export interface ColumnSpec {
  title: string;
  hint?: string;
  path: string[]; // member names, from the row
  shown: Shown;
  bar?: (row: Row) => HTMLElement; // instead of a value
}

export interface RowSpec {
  row: Row;
  pointer: string; // of the row in its document
}

export function valueAt(row: Row, path: string[]): unknown {
  let value: unknown = row;
  for (const name of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Row)[name];
  }
  return value;
}

export function shownValue(value: unknown, shown: Shown): string {
  if (value === undefined || value === null) return "-";
  if (shown === "time") return time(Number(value));
  if (shown === "count") return count(Number(value));
  if (shown === "number") return String(Number(Number(value).toPrecision(4)));
  if (shown === "flag") return value === true ? "equal" : "DIFFERENT";
  return String(value);
}

export class DataTable {
  readonly element: HTMLElement;
  private readonly table = element("table", { class: "data" });
  private readonly body = element("tbody");
  private sortedBy: { column: ColumnSpec; down: boolean } | null = null;

  constructor(
    private readonly columns: ColumnSpec[],
    private readonly rows: RowSpec[],
    private readonly chosen: ((row: Row, column: ColumnSpec) => void) | null,
    caption: string,
  ) {
    const head = element("tr");
    for (const column of columns) head.append(this.headerCell(column));
    add(this.table, element("thead", {}, head), this.body);
    this.table.setAttribute("aria-label", caption);
    this.element = element("div", { class: "table" }, element("p", { class: "hint" }, caption), this.table);
    this.fill();
  }

  private headerCell(column: ColumnSpec): HTMLElement {
    const cell = element("th", { scope: "col", "aria-sort": "none", class: column.shown === "text" ? "" : "number" });
    if (column.bar) {
      cell.append(column.title);
      return cell;
    }
    const sort = element("button", { type: "button", title: column.hint ?? `Sort by ${column.title}` }, column.title);
    sort.addEventListener("click", () => {
      const down = this.sortedBy?.column === column ? !this.sortedBy.down : column.shown !== "text";
      this.sortedBy = { column, down };
      for (const other of this.table.querySelectorAll("th")) other.setAttribute("aria-sort", "none");
      cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      this.fill();
    });
    cell.append(sort);
    return cell;
  }

  private inOrder(): RowSpec[] {
    if (!this.sortedBy) return this.rows;
    const { column, down } = this.sortedBy;
    const key = (row: Row): number | string => {
      const value = valueAt(row, column.path);
      if (value === undefined || value === null) return column.shown === "text" ? "" : -1;
      return column.shown === "text" ? String(value) : Number(value);
    };
    return [...this.rows].sort((a, b) => {
      const [x, y] = [key(a.row), key(b.row)];
      return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
    });
  }

  private fill(): void {
    this.body.replaceChildren(...this.inOrder().map((spec) => this.bodyRow(spec)));
  }

  private bodyRow({ row, pointer }: RowSpec): HTMLElement {
    const made = element("tr", this.chosen ? { tabindex: 0, class: "chosen-by-click" } : {});
    for (const column of this.columns) {
      const cell = element("td", { class: column.bar ? "bars" : column.shown === "text" ? "" : "number" });
      if (column.bar) {
        cell.append(column.bar(row));
      } else {
        const value = valueAt(row, column.path);
        cell.textContent = shownValue(value, column.shown);
        if (value !== undefined) {
          cell.dataset.p = [pointer, ...column.path.map(escaped)].join("/");
          cell.dataset.v = JSON.stringify(value);
          if (column.shown === "time") cell.title = exact(Number(value));
          if (value === false) cell.classList.add("wrong");
        }
      }
      if (this.chosen) cell.addEventListener("click", () => this.choose(made, row, column));
      made.append(cell);
    }
    made.addEventListener("keydown", (event) => {
      if (event.target === made && event.key === "Enter") this.choose(made, row, this.columns[0]);
      if (event.key === "ArrowDown") (made.nextElementSibling as HTMLElement | null)?.focus();
      else if (event.key === "ArrowUp") (made.previousElementSibling as HTMLElement | null)?.focus();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    return made;
  }

  private choose(made: HTMLElement, row: Row, column: ColumnSpec): void {
    this.body.querySelector("tr[aria-selected]")?.removeAttribute("aria-selected");
    made.setAttribute("aria-selected", "true");
    this.chosen?.(row, column);
  }
}

// RFC 6901.
const escaped = (name: string) => name.replaceAll("~", "~0").replaceAll("/", "~1");
