// What the runs are, what differs between them, and what is missing.

const FACTS = [
  ["psnr", "PSNR", (v) => `${v.toFixed(2)} dB`],
  ["ssim", "SSIM", (v) => v.toFixed(4)],
  ["parameters", "parameters", (v) => v.toLocaleString("en")],
  ["bpp", "bits per pixel", (v) => v.toFixed(2)],
  ["quantized_psnr", "PSNR, weights rounded", (v) => `${v.toFixed(2)} dB`],
  ["coded_bpp", "bits per pixel, coded", (v) => v.toFixed(2)],
];

function drawCards() {
  byId("cards").replaceChildren(...RUNS.map((run) => {
    const has = (name) => run.report[name] !== undefined && run.report[name] !== null;
    const facts = [run.architecture];
    if (has("psnr")) facts.push(`${run.report.psnr.toFixed(2)} dB`);
    if (has("bpp")) facts.push(`${run.report.bpp.toFixed(2)} bpp`);
    if (run.config.seed_everything) facts.push(`seed ${run.config.seed_everything}`);
    facts.push(`${run.epochs.length} snapshot${run.epochs.length === 1 ? "" : "s"}`);
    const problems = run.problems.length ? [make("a", { href: "#about", className: "warning", textContent: `⚠ ${run.problems.length} thing${run.problems.length === 1 ? "" : "s"} missing` })] : [];
    return make("p", { className: "card" }, make("b", { textContent: run.name }), ` ${facts.filter(Boolean).join(" · ")} `, ...problems);
  }));
}

function table(head, rows) {
  const cells = head.map((text) => make("th", { textContent: text, scope: "col" }));
  const body = rows.map(([name, ...values]) => make("tr", {}, make("th", { textContent: name, scope: "row" }), ...values.map((text) => make("td", { textContent: text }))));
  return make("div", { className: "scroll" }, make("table", {}, make("thead", {}, make("tr", {}, ...cells)), make("tbody", {}, ...body)));
}

const HOW = LIVE
  ? "Where the weights of an epoch were kept, the lists beside the frame show the neurons with the largest |c| at the pixel under the pointer, as shares of the layer's Σ|c| there, and the small maps the mean of |c| over small squares."
  : "The lists beside the frame show the neurons with the largest Σ|c| over the small square at the pointer, as shares of the layer's Σ|c| there. Maps show the mean of |c| over each square.";

function drawAbout() {
  const names = RUNS.map((run) => run.name);
  const results = FACTS.map(([key, name, text]) => [name, ...RUNS.map((run) => (run.report[key] === undefined || run.report[key] === null ? "–" : text(run.report[key])))]);
  const parts = [make("h3", { textContent: "Results at the end" }), table(["", ...names], results)];
  if (RUNS.length > 1) {
    const keys = [...new Set(RUNS.flatMap((run) => Object.keys(run.config)))];
    const differing = keys.filter((key) => new Set(RUNS.map((run) => run.config[key])).size > 1);
    const rows = differing.map((key) => [key, ...RUNS.map((run) => run.config[key] ?? "–")]);
    parts.push(make("h3", { textContent: "Settings that differ" }), rows.length ? table(["", ...names], rows) : make("p", { textContent: "None." }));
  }
  const problems = RUNS.flatMap((run) => run.problems.map((text) => make("li", { textContent: `${run.name}: ${text}` })));
  if (problems.length) parts.push(make("h3", { textContent: "Missing" }), make("ul", { id: "problems" }, ...problems));
  parts.push(make("h3", { textContent: "How to read it" }), make("p", { textContent: `A neuron's contribution map c is what it adds to every pixel. ${HOW} The neurons that favour a segment have the largest mean |c| inside it relative to their mean over the frame, among the half of the layer with the larger Σ|c|. “Partly” marks a neuron whose map was not saved: it is drawn from the squares in which it is among the strongest.` }));
  byId("about-body").replaceChildren(...parts);
}
