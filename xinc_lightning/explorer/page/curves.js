// Curves of all scalars: one chart for each kind, a colour for each layer, a dash for each run.

const SVG = "http://www.w3.org/2000/svg";
const CHART = { width: 340, height: 180, left: 46, right: 8, top: 8, bottom: 20 };
const LAYERS = [...new Set(RUNS.flatMap((run) => run.layers))];
let CHARTS = new Map();

function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Charts by title, each with its lines: [{name, colour, dash, epochs, values}]. */
function collectCharts() {
  const charts = new Map();
  RUNS.forEach((run, r) => {
    for (const [key, [epochs, values]] of Object.entries(run.curves)) {
      const parts = key.split("/");
      const ofLayer = parts.length === 3; // analysis/layer/name
      const title = ofLayer ? `${parts[0]} / ${parts[2]}` : key;
      const layer = ofLayer ? parts[1] : null;
      const colour = COLOURS[(layer ? LAYERS.indexOf(layer) : r) % COLOURS.length];
      const name = [layer, RUNS.length > 1 ? run.name : null].filter(Boolean).join(" · ") || run.name;
      if (!charts.has(title)) charts.set(title, []);
      charts.get(title).push({ name, colour, dash: DASHES[r % DASHES.length], epochs, values, r });
    }
  });
  return charts;
}

/** Three even marks that span the values, with as many digits as tell them apart. */
function ticks(low, high) {
  const places = 1 - Math.floor(Math.log10(high - low));
  const text = (value) => (places > 5 || Math.abs(value) >= 1e5 ? value.toExponential(2) : value.toFixed(Math.max(0, places)));
  return [low, (low + high) / 2, high].map((value) => [value, text(value)]);
}

function drawChart(lines) {
  const points = lines.flatMap(({ epochs, values }) => epochs.map((x, i) => [x, values[i]])).filter(([, y]) => y !== null);
  if (!points.length) return null;
  const bounds = (i) => points.reduce(([low, high], p) => [Math.min(low, p[i]), Math.max(high, p[i])], [Infinity, -Infinity]);
  let [[x0, x1], [y0, y1]] = [bounds(0), bounds(1)];
  if (x0 === x1) [x0, x1] = [x0 - 1, x1 + 1];
  if (y0 === y1) [y0, y1] = [y0 - Math.max(Math.abs(y0) * 0.1, 1e-9), y1 + Math.max(Math.abs(y1) * 0.1, 1e-9)];
  const { width, height, left, right, top, bottom } = CHART;
  const x = (v) => left + ((v - x0) / (x1 - x0)) * (width - left - right);
  const y = (v) => height - bottom - ((v - y0) / (y1 - y0)) * (height - top - bottom);
  const parts = [];
  for (const [value, text] of ticks(y0, y1)) {
    parts.push(svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "grid" }));
    parts.push(svg("text", { x: left - 4, y: y(value) + 3.5, "text-anchor": "end" }, text));
  }
  for (const [value, anchor] of [[x0, "start"], [x1, "end"]]) parts.push(svg("text", { x: x(value), y: height - 5, "text-anchor": anchor }, digits(value)));
  const cursor = Math.max(x0, Math.min(x1, state.epoch));
  parts.push(svg("line", { x1: x(cursor), x2: x(cursor), y1: top, y2: height - bottom, class: "cursor" }));
  for (const { epochs, values, colour, dash } of lines) {
    const shown = epochs.map((e, i) => [e, values[i]]).filter(([, v]) => v !== null);
    const path = shown.map(([e, v]) => `${x(e).toFixed(1)},${y(v).toFixed(1)}`).join(" ");
    parts.push(svg("polyline", { points: path, stroke: colour, "stroke-dasharray": dash, class: "line" }));
    if (shown.length <= 24) for (const [e, v] of shown) parts.push(svg("circle", { cx: x(e), cy: y(v), r: 2.2, fill: colour }));
  }
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" }, ...parts);
}

/** The last value of a line that is not after the chosen epoch. */
function valueNow({ epochs, values, r }) {
  const until = Math.max(state.epoch, epochOf(r) ?? 0);
  let found = null;
  epochs.forEach((epoch, i) => {
    if (epoch <= until) found = values[i];
  });
  return found;
}

function chartWithLegend(title, lines) {
  const chart = drawChart(lines);
  if (!chart) return "";
  chart.setAttribute("aria-label", `${title} over epochs`);
  const legend = lines.map((line) => {
    const key = svg("svg", { viewBox: "0 0 24 8", class: "key" }, svg("line", { x1: 0, x2: 24, y1: 4, y2: 4, stroke: line.colour, "stroke-dasharray": line.dash, class: "line" }));
    return make("li", {}, key, `${line.name} `, make("b", { textContent: digits(valueNow(line)) }));
  });
  return make("figure", { className: "chart" }, make("figcaption", { textContent: title.replaceAll("_", " ") }), chart, make("ul", {}, ...legend));
}

/** Groups that unfold: training first and open, then one for each analysis. What is folded is not drawn. */
const chartGroups = new Map();
const noNumbers = make("p", { className: "hint" });
byId("charts").append(noNumbers);

/** Group the charts of the curves as they are now; groups that are there stay as they are. */
function arrangeCurves() {
  CHARTS = collectCharts();
  for (const group of chartGroups.values()) group.titles = [];
  for (const title of CHARTS.keys()) {
    const kind = title.includes(" / ") ? title.split(" / ")[0] : "training";
    if (!chartGroups.has(kind)) {
      const element = make("details", { open: kind === "training" }, make("summary", { textContent: kind.replaceAll("_", " ") }), make("div"));
      element.ontoggle = drawCurves;
      noNumbers.before(element);
      chartGroups.set(kind, { element, titles: [] });
    }
    chartGroups.get(kind).titles.push(title);
  }
}

/** Scalars with a single value, of which a chart would show nothing. */
function tableOfPoints(titles) {
  const rows = titles.flatMap((title) => CHARTS.get(title).map(({ name, epochs, values }) => [title.replaceAll("_", " "), name, digits(values[0]), digits(epochs[0])]));
  return rows.length ? [table(["scalar", "of", "value", "epoch"], rows)] : [];
}

function drawCurves() {
  const wanted = byId("curve-filter").value.trim().toLowerCase();
  let any = false;
  for (const { element, titles } of chartGroups.values()) {
    const found = titles.filter((title) => title.replaceAll("_", " ").toLowerCase().includes(wanted.replaceAll("_", " ")));
    element.hidden = !found.length;
    any ||= found.length > 0;
    if (wanted && found.length && !element.open) element.open = true;
    const points = found.filter((title) => CHARTS.get(title).every(({ epochs }) => epochs.length < 2));
    const charts = found.filter((title) => !points.includes(title)).map((title) => chartWithLegend(title, CHARTS.get(title)));
    element.lastChild.replaceChildren(...(element.open ? [make("div", { className: "charts" }, ...charts), ...tableOfPoints(points)] : []));
  }
  noNumbers.textContent = any ? "" : CHARTS.size ? "No scalar matches." : "No scalars were logged.";
}

byId("curve-filter").oninput = drawCurves;
