// The page of one recording, held against `trapline report --json` and `trapline export --format timeline`.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { at, made, open, percentile, recordings, run, runJson, start, stop } from "./browser.mjs";

const recording = join(recordings, "hvm");
const file = join(made, "hvm.html");
let report;
let timeline;

before(async () => {
  await start();
  run("view", recording, "-o", file);
  report = runJson("report", recording, "--json");
  timeline = runJson("export", recording, "--format", "timeline");
});
after(stop);

const canvas = "canvas[role=application]";
const field = (page, name) => page.textContent(`.details dd[data-field="${name}"]`);
const digits = (text) => Number(text.replace(/\D/g, ""));
const range = (page) =>
  page.evaluate(() => ({ from: trapline.page.panel.range.from, to: trapline.page.panel.range.to }));

// "19.63 us": what is shown has four digits.
function shownNs(text) {
  const match = /^(-?[0-9.]+(?:e[+-]?\d+)?) (s|ms|us|ns)$/.exec(text);
  assert.ok(match, `'${text}' is no time`);
  return Number(match[1]) * { s: 1e9, ms: 1e6, us: 1e3, ns: 1 }[match[2]];
}

async function cells(page) {
  return page.$$eval("table.data td[data-p]", (all) =>
    all.map((cell) => ({ pointer: cell.dataset.p, value: cell.dataset.v, text: cell.textContent })),
  );
}

function checkCell({ pointer, value, text }, document = report) {
  const expected = at(document, pointer);
  assert.deepEqual(JSON.parse(value), expected, pointer);
  if (expected === null) {
    assert.equal(text, "-", pointer);
  } else if (pointer.endsWith("_ns") || pointer.includes("/states/")) {
    const close = Math.abs(shownNs(text) - expected) <= Math.max(expected * 0.0006, 0);
    assert.ok(close, `${pointer}: '${text}' is not ${expected} ns`);
  } else if (Number.isInteger(expected)) {
    assert.equal(digits(text), expected, pointer);
  } else if (typeof expected === "string") {
    assert.equal(text, expected, pointer);
  }
}

test("every table cell equals the JSON report", async () => {
  const { page, close } = await open(file);
  const rows = {
    "Exit costs": report.exits.length,
    "Interrupt latency": report.interrupts.by_vector.length,
    "Time per vCPU": report.accounting.length + report.halts.length + report.scheduling.length,
    Workloads: report.workloads.length,
    "Counted elsewhere": report.counted_elsewhere.guest.length + report.counted_elsewhere.kvm.length,
  };
  let checked = 0;
  for (const [tab, expected] of Object.entries(rows)) {
    await page.click(`role=tab[name="${tab}"]`);
    assert.equal(await page.locator("table.data tbody tr").count(), expected, tab);
    const figures = tab === "Interrupt latency" ? ["p50_ns", "p90_ns", "p99_ns", "max_ns", "avg_ns"] : [null];
    for (const figure of figures) {
      if (figure) await page.selectOption(".tabs select", figure);
      for (const cell of await cells(page)) {
        checkCell(cell);
        ++checked;
      }
    }
  }
  // Nothing that a report has is left out: each latency of each vector in each figure, each state with time.
  const latencies = report.interrupts.by_vector.flatMap(({ latency }) => Object.keys(latency)).length;
  assert.ok(latencies > 5 && checked > report.exits.length * 12 + latencies * 5, `${checked} cells`);
  await close();
});

test("several VMs are told apart in lanes and tables", async () => {
  const vms = join(recordings, "vms");
  const file = join(made, "vms.html");
  run("view", vms, "-o", file);
  const document = runJson("report", vms, "--json");
  assert.equal(new Set(document.exits.map(({ vm }) => vm)).size, 2);
  const { page, close, shot } = await open(file);
  for (const cell of await cells(page)) checkCell(cell, document);
  for (const vm of [0, 1]) {
    const i = document.exits.findIndex((row) => row.vm === vm && row.reason === "msr");
    await page.click(`td[data-p="/exits/${i}/reason"]`);
    assert.match(await field(page, "on"), new RegExp(`^vCPU 0 of VM ${vm}`));
    assert.equal(
      await page.getAttribute(".histogram", "data-samples"),
      String(document.exits[i].count - document.exits[i].open),
    );
  }
  await shot("several-vms");
  await close();
});

test("columns sort in both directions, by their values", async () => {
  const { page, close } = await open(file);
  const values = () => page.$$eval('td[data-p$="/max_ns"]', (all) => all.map((cell) => Number(cell.dataset.v)));
  const sorted = report.exits.map(({ max_ns }) => max_ns).sort((a, b) => a - b);
  await page.click('table.data th >> text="max"');
  assert.deepEqual(await values(), sorted.toReversed?.() ?? [...sorted].reverse());
  await page.click('table.data th >> text="max"');
  assert.deepEqual(await values(), sorted);
  await close();
});

test("what a reader must know first stands first", async () => {
  const { page, close, shot } = await open(file);
  const text = await page.textContent(".banner");
  assert.match(text, /Emulated machine: counts and order are real, times are not/);
  assert.match(text, new RegExp(`Lost records: ${report.lost.records}`));
  assert.match(text, /Sync error: .* stamps outside the bound/);
  assert.match(text, /Probe cost: .* an exit/);
  await shot("recording-light");
  await close();
});

test("search reaches a known exit, with all of its fields", async () => {
  const { page, close, shot } = await open(file);
  const wanted = timeline.exits.filter(({ key }) => key === "port 0xf5 out 1");
  assert.equal(wanted.length, 100);
  await page.keyboard.press("/");
  await page.keyboard.type("port 0xf5");
  assert.equal(await page.textContent(".found"), "100 found");
  for (const exit of wanted.slice(0, 3)) {
    await page.keyboard.press("Enter");
    assert.equal(digits(await field(page, "begins at")), exit.exit_ns);
    assert.equal(await field(page, "what"), exit.key);
  }
  const third = wanted[2];
  await page.waitForSelector('.details dd[data-field="RIP"]');
  assert.equal(await field(page, "RIP"), third.rip);
  assert.equal(await field(page, "code"), third.code);
  assert.equal(await field(page, "info1"), third.info1);
  assert.equal(await field(page, "info2"), third.info2);
  assert.equal(await field(page, "to user space for"), third.user_reason);
  assert.equal(digits(await field(page, "in the VMM")), third.vmm_end_ns - third.vmm_begin_ns);
  await page.keyboard.press("Shift+Enter");
  assert.equal(digits(await field(page, "begins at")), wanted[1].exit_ns);
  await shot("search");
  await close();
});

test("the raw fields of every exit are those that were recorded", async () => {
  const { page, close } = await open(file);
  const raw = await page.evaluate(async () => {
    const { panel } = trapline.page;
    const shown = [];
    const vcpu = panel.timeline.vcpus[0];
    const step = Math.max(1, Math.floor(vcpu.exits.begin.length / 40));
    for (let row = 0; row < vcpu.exits.begin.length; row += step) {
      panel.select({ kind: "exits", vcpu, row });
      for (let i = 0; i < 20_000 && !document.querySelector('[data-field="RIP"]'); ++i)
        await new Promise((done) => setTimeout(done, 5));
      const text = (name) => document.querySelector(`[data-field="${name}"]`).textContent;
      shown.push({
        row,
        rip: text("RIP"),
        info1: text("info1"),
        info2: text("info2"),
        code: text("code"),
        cause: text("cause"),
      });
    }
    return shown;
  });
  assert.ok(raw.length > 30);
  for (const { row, rip, info1, info2, code } of raw) {
    const exit = timeline.exits[row];
    assert.deepEqual(
      { rip, info1, info2, code },
      { rip: exit.rip, info1: exit.info1, info2: exit.info2, code: exit.code },
    );
  }
  await close();
});

test("a click on a slice shows that slice", async () => {
  const { page, close } = await open(file);
  const exit = timeline.exits.filter(({ reason }) => reason === "cpuid")[7];
  const where = await page.evaluate(({ exit_ns, entry_ns }) => {
    const { range, canvas } = trapline.page.panel;
    range.show(exit_ns, entry_ns, 2);
    const lane = canvas.placed.find(({ lane }) => lane.kind === "exits").lane;
    const box = canvas.element.getBoundingClientRect();
    return { x: box.x + canvas.xOf((exit_ns + entry_ns) / 2), y: box.y + canvas.yOf(lane) + lane.height / 2 };
  }, exit);
  await page.mouse.click(where.x, where.y);
  assert.equal(await field(page, "reason"), "cpuid");
  assert.equal(digits(await field(page, "begins at")), exit.exit_ns);
  await close();
});

test("the worst interrupt is a click away, with arrows along its story", async () => {
  const { page, close, shot } = await open(file);
  const row = report.interrupts.by_vector.findIndex(({ source }) => source === "msi");
  const worst = report.interrupts.by_vector[row].latency.raised_to_isr;
  await page.click('role=tab[name="Interrupt latency"]');
  await page.click(`td[data-p="/interrupts/by_vector/${row}/latency/raised_to_isr/p50_ns"]`);
  const story = timeline.interrupts.find(
    ({ source, raised_ns, isr_entry_ns }) => source === "msi" && isr_entry_ns - raised_ns === worst.max_ns,
  );
  assert.equal(story.raised_ns, worst.max_at_ns);
  assert.equal(digits(await field(page, "begins at")), story.raised_ns);
  assert.equal(await page.getAttribute(".histogram", "data-samples"), String(worst.count));
  await page.waitForFunction((selector) => Number(document.querySelector(selector).dataset.arrows) >= 2, canvas);
  const arrows = await page.evaluate(() =>
    trapline.page.panel.canvas.arrows.map(({ from, to }) => [from.lane.kind, from.time, to.lane.kind, to.time]),
  );
  const has = (...arrow) =>
    assert.ok(
      arrows.some((one) => one.join() === arrow.join()),
      `${arrow} is not in ${JSON.stringify(arrows)}`,
    );
  has("pending", story.raised_ns, "injections", story.injected_ns);
  has("injections", story.injected_ns, "isrs", story.isr_entry_ns);
  // Each link, with what told of it.
  const links = await page.$$eval(".story tbody tr", (rows) =>
    rows.map((one) => [...one.children].map((cell) => cell.textContent)),
  );
  assert.deepEqual(
    links.map(([name, , by]) => [name, by]),
    ["raised", "accepted", "kicked", "injected", "isr_entry", "eoi", "iret"]
      .filter((link) => story[`${link}_ns`] !== undefined)
      .sort((a, b) => story[`${a}_ns`] - story[`${b}_ns`])
      .map((link) => [link.replace("_", " "), story[`${link}_linked_by`]]),
  );
  await page.waitForTimeout(100);
  await shot("interrupt");
  await close();
});

test("rows show the histogram of all that they sum up, and their worst", async () => {
  const { page, close } = await open(file);
  const pick = (rows, i) => ({ row: rows[i], i });
  const exits = pick(
    report.exits,
    report.exits.findIndex(({ reason }) => reason === "cpuid"),
  );
  await page.click(`td[data-p="/exits/${exits.i}/reason"]`);
  assert.equal(await page.getAttribute(".histogram", "data-samples"), String(exits.row.count - exits.row.open));
  assert.match(await field(page, "lasts"), new RegExp(`\\(.*\\)`));
  assert.equal(digits((await field(page, "lasts")).split("(")[1]), exits.row.max_ns);
  const workload = pick(
    report.workloads,
    report.workloads.findIndex(({ workload }) => workload === "timer"),
  );
  await page.click('role=tab[name="Workloads"]');
  await page.click(`td[data-p="/workloads/${workload.i}/workload"]`);
  assert.equal(await page.getAttribute(".histogram", "data-samples"), String(workload.row.events));
  assert.equal(digits((await field(page, "lasts")).split("(")[1]), workload.row.round_trip.max_ns);
  await close();
});

test("a selected stretch has its figures by reason", async () => {
  const { page, close, shot } = await open(file);
  const box = await page.locator(canvas).boundingBox();
  await page.keyboard.down("Shift");
  await page.mouse.move(box.x + 300, box.y + 120);
  await page.mouse.down();
  await page.mouse.move(box.x + 420, box.y + 130, { steps: 4 });
  await page.mouse.move(box.x + 620, box.y + 130, { steps: 4 });
  await page.mouse.up();
  await page.keyboard.up("Shift");
  const [from, to] = await page.evaluate(() => trapline.page.panel.marks.area);
  const inside = timeline.exits.filter(({ exit_ns }) => exit_ns >= from && exit_ns < to);
  assert.ok(inside.length > 100, `${inside.length} exits`);
  assert.equal(Number(await page.getAttribute(".aggregates", "data-exits")), inside.length);
  const rows = await page.$$eval(".aggregates tbody tr", (all) =>
    all.map((row) => [...row.children].map((cell) => cell.dataset.v)),
  );
  for (const [reason, key, cause, count, total, p50, p99] of rows.map((row) => row.map((value) => JSON.parse(value)))) {
    const own = inside.filter((exit) => exit.reason === reason && exit.key === key && exit.cause === cause);
    const lengths = own.map(({ exit_ns, entry_ns }) => entry_ns - exit_ns);
    assert.equal(count, own.length, reason);
    assert.equal(
      total,
      lengths.reduce((sum, ns) => sum + ns, 0),
      reason,
    );
    assert.equal(p50, percentile(lengths, 50), reason);
    assert.equal(p99, percentile(lengths, 99), reason);
  }
  await shot("selection");
  await close();
});

test("a pixel's shares are the time in each category, however short the slices", async () => {
  const { page, close } = await open(file);
  const end = timeline.states[timeline.states.length - 1].end_ns;
  const spans = Array.from({ length: 200 }, (_, i) =>
    [((i * 7919) % 997) / 997, 10 ** -(1 + (i % 6))].map((share) => share * end),
  );
  const shares = await page.evaluate((wanted) => {
    const { lane } = trapline.page.panel.canvas.placed.find(({ lane }) => lane.kind === "states");
    const into = new Float64Array(lane.track.categories);
    return wanted.map(
      ([from, length], i) => (lane.track.shares(from, from + length, (i * 31) % 1000, into), [...into]),
    );
  }, spans);
  const names = [
    "guest",
    "kvm",
    "vmm",
    "kvm runnable",
    "vmm runnable",
    "kvm blocked",
    "vmm blocked",
    "halt-poll",
    "halted",
    "unknown",
  ];
  spans.forEach(([from, length], i) => {
    const expected = names.map((name) =>
      timeline.states
        .filter(({ state }) => state === name)
        .reduce(
          (sum, { begin_ns, end_ns }) => sum + Math.max(0, Math.min(end_ns, from + length) - Math.max(begin_ns, from)),
          0,
        ),
    );
    expected.forEach((ns, category) =>
      assert.ok(
        Math.abs(ns - shares[i][category]) < 1,
        `${from}+${length} ${names[category]}: ${shares[i][category]} is not ${ns}`,
      ),
    );
  });
  await close();
});

test("short slices are there at every zoom", async () => {
  const { page, close } = await open(file);
  // All of the recording in sight: every exit of the list lies in a column of pixels that is not empty.
  const empty = await page.evaluate(() => {
    const { canvas, timeline, range } = trapline.page.panel;
    const { lane } = canvas.placed.find(({ lane }) => lane.kind === "exits");
    const ratio = devicePixelRatio;
    const context = canvas.element.getContext("2d");
    const y = Math.round((canvas.yOf(lane) + lane.height) * ratio) - 1;
    const left = Math.round(112 * ratio);
    const width = canvas.element.width - left;
    const { data } = context.getImageData(left, y, width, 1);
    const background = getComputedStyle(canvas.element).getPropertyValue("--canvas").trim();
    const blank = parseInt(background.slice(1), 16);
    let missing = 0;
    for (const begin of timeline.vcpus[0].exits.begin) {
      const x = Math.floor(((begin - range.from) / range.length) * width);
      if (x < 0 || x >= width) continue;
      const colour = (data[4 * x] << 16) | (data[4 * x + 1] << 8) | data[4 * x + 2];
      if (colour === blank) ++missing;
    }
    return missing;
  });
  assert.equal(empty, 0);
  await close();
});

test("? shows the keys, and keys alone do it all", async () => {
  const { page, close, shot } = await open(file);
  await page.keyboard.press("?");
  assert.ok(await page.isVisible("dialog.keys"));
  const told = await page.textContent("dialog.keys");
  for (const what of ["zoom in", "move left", "fit", "search", "go to a time", "light or dark"])
    assert.match(told, new RegExp(what));
  await shot("keys");
  await page.keyboard.press("Escape");
  assert.ok(!(await page.isVisible("dialog.keys")));

  const whole = await range(page);
  await page.keyboard.press("w");
  const zoomed = await range(page);
  assert.ok(zoomed.to - zoomed.from < 0.8 * (whole.to - whole.from));
  await page.keyboard.press("d");
  assert.ok((await range(page)).from > zoomed.from);
  await page.keyboard.press("a");
  await page.keyboard.press("s");
  await page.keyboard.press("f");
  assert.deepEqual(await range(page), whole);
  await page.keyboard.press("g");
  await page.keyboard.type("1.5ms");
  await page.keyboard.press("Enter");
  await page.keyboard.press("ArrowRight");
  assert.match(await page.textContent(".details h2"), /VM exit/);
  const first = digits(await field(page, "begins at"));
  await page.keyboard.press("ArrowRight");
  assert.ok(digits(await field(page, "begins at")) > first);
  await page.keyboard.press("z");
  const near = await range(page);
  assert.ok(near.to - near.from < (whole.to - whole.from) / 100);
  await page.keyboard.press("m");
  assert.ok(await page.isVisible(".aggregates table"));
  await page.keyboard.press("Escape");
  assert.equal(await page.getAttribute(canvas, "data-selected"), "");
  // Tables: Tab and Enter.
  await page.focus('role=tab[name="Exit costs"]');
  await page.keyboard.press("Enter");
  await page.focus("table.data tbody tr");
  await page.keyboard.press("Enter");
  assert.ok(await page.isVisible(".histogram"));
  await close();
});

test("light and dark, as the system says or the reader", async () => {
  const { page, close, shot } = await open(file, { colorScheme: "dark" });
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await paper();
  await page.click("text=Show it >> nth=0");
  await page.waitForTimeout(100);
  await shot("recording-dark");
  await page.keyboard.press("t");
  assert.notEqual(await paper(), dark);
  await close();
});

test("a part of a recording and a sample say so", async () => {
  const part = join(made, "part.html");
  run("view", recording, "-o", part, "--from", "100ms", "--to", "200ms");
  const window = await open(part);
  assert.match(await window.page.textContent(".banner .grave >> nth=1"), /Timeline of 100 ms to 200 ms only/);
  assert.ok((await range(window.page)).from > 90e6);
  await window.close();
  const sample = join(made, "sample.html");
  run("view", recording, "-o", sample, "--sample", "4");
  const sampled = await open(sample);
  assert.match(
    await sampled.page.textContent(".banner .grave >> nth=1"),
    /SAMPLE: the timeline has one of 4 stretches/,
  );
  const inStretch = timeline.exits.filter(({ exit_ns }) => Math.floor(exit_ns / 10e6) % 4 === 0).length;
  assert.equal(await sampled.page.evaluate(() => trapline.page.panel.timeline.vcpus[0].exits.begin.length), inStretch);
  await sampled.shot("sample");
  await sampled.close();
});
