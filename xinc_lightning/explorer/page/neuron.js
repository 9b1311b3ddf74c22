// One neuron: its map over the epochs, how much it contributes, its variances.

function chosenLayer(epoch) {
  const { run, layer } = state.neuron;
  return snapshotAt(run, epoch).layers[layer];
}

function choose(changes) {
  const next = { ...state.neuron, ...changes };
  const layers = RUNS[next.run].layers;
  if (!layers.includes(next.layer)) next.layer = layers[layers.length - 1];
  change({ neuron: next });
}

function drawNeuron() {
  if (!state.neuron) return;
  const { run, layer, index } = state.neuron;
  fillSelect(byId("neuron-run"), RUNS.map((r, i) => [i, r.name]), run);
  fillSelect(byId("neuron-layer"), RUNS[run].layers.map((name) => [name, name]), layer);
  if (document.activeElement !== byId("neuron-index")) byId("neuron-index").value = index;
  const data = chosenLayer(epochOf(run));
  const place = data ? data.known.get(index) : undefined;
  byId("neuron-words").textContent = neuronWords(data, place);
  const map = data && (data.exact ? data.fullMap(index) : data.map(index));
  const canvas = byId("neuron-map");
  canvas.hidden = !map;
  if (map) paint(canvas, map.values, map.rows, map.cols, map.signed);
  byId("sign-tools").hidden = byId("neuron-off").hidden = !(data && data.exact);
  byId("neuron-off").setAttribute("aria-pressed", isRemoved(run, layer, index));
  canvas.setAttribute("aria-label", `Contribution map of neuron ${index} of ${layer}`);
  byId("neuron-caption").textContent = mapWords(data, map, index);
  drawVariance(data, place);
  drawStrip();
}

function neuronWords(data, place) {
  const { layer, index } = state.neuron;
  const name = `${layer} ${data ? data.label(index) : `#${index}`}`;
  const facts = [name];
  if (data && data.exact && (!data.parts || place === undefined || positionOf(state.neuron.run) !== positionSaved(state.neuron.run))) {
    if (data.neurons !== undefined) facts.push(`of ${data.neurons.toLocaleString("en")} neurons`);
    if (data.neurons !== undefined && index >= data.neurons) facts.push("there is none of this number");
  } else if (data && data.parts && place !== undefined) {
    const equal = data.parts[place] * data.neurons;
    facts.push(`${percent(data.parts[place])} of the layer's Σ|c|, ${digits(equal)} times an equal share`);
    facts.push(`rank ${data.ranks[place].toLocaleString("en")} of ${data.neurons.toLocaleString("en")}`);
    if (data.pixels) facts.push(`above an equal share at ${data.pixels[place].toLocaleString("en")} pixels`);
  } else if (data && data.neurons !== undefined && index >= data.neurons) {
    facts.push(`the layer has neurons 0 … ${(data.neurons - 1).toLocaleString("en")}`);
  } else {
    facts.push(missing(state.neuron.run, "no further data was saved at this epoch"));
  }
  return facts.join(" · ");
}

function mapWords(data, map, index) {
  if (!map && data && data.exact) return "";
  if (map && data.exact && state.sign === "effect") return `what the picture loses without it, |e| over the three colours: dark 0, bright ${digits(map.scale)}`;
  if (map && data.exact) return map.signed ? `c of every pixel: purple −${digits(map.scale)}, white 0, orange ${digits(map.scale)}` : `|c| of every pixel, dark 0, bright ${digits(map.scale)}`;
  if (!map) return data && data.keptPlaces.has(index) ? "" : missing(state.neuron.run, "Its map was not saved at this epoch.");
  const scale = `dark 0, bright ${digits(map.scale)}`;
  return map.whole ? `|c|, ${scale}` : `Its map was not saved: |c| where it is among the strongest (${scale}), grey elsewhere`;
}

function drawVariance(data, place) {
  const box = byId("neuron-variance");
  if (!data || !data.variance || place === undefined) {
    box.replaceChildren(make("p", { className: "hint", textContent: missing(state.neuron.run, "None were saved at this epoch.") }));
    return;
  }
  const rows = Object.entries(data.variance).map(([partition, { scores, below, median }]) => {
    const [score, share] = [halves(scores)[place], levels(below)[place]];
    const words = Number.isNaN(score) ? "no contribution" : `above ${percent(share)}`;
    const bar = make("span", { className: "bar" }, make("i"));
    bar.firstChild.style.width = `${Number.isNaN(score) ? 0 : 100 * share}%`;
    return make("tr", {}, make("th", { textContent: partition, scope: "row" }), make("td", { textContent: digits(score) }), make("td", { textContent: digits(median) }), make("td", {}, bar, make("small", { textContent: words })));
  });
  const head = ["groups", "neuron", "median", "rank"].map((text) => make("th", { textContent: text, scope: "col" }));
  box.replaceChildren(make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)));
}

/** The neuron's map in every snapshot, in one scale, so that it can be seen to grow. */
function drawStrip() {
  const { run, index } = state.neuron;
  const strip = byId("strip");
  const maps = RUNS[run].epochs.map((epoch) => {
    const data = chosenLayer(epoch);
    return { epoch, map: data && data.map(index), waiting: Boolean(data ? data.exact : snapshotAt(run, epoch).waiting) };
  });
  const largest = Math.max(...maps.map(({ map }) => (map ? map.scale : 0)), 1e-12);
  const items = maps.map(({ epoch, map, waiting }) => {
    const canvas = make("canvas", { className: "map" });
    if (map) paint(canvas, map.values.map((v) => (v * map.scale) / largest), map.rows, map.cols);
    else paint(canvas, new Float32Array(2).fill(NaN), 1, 2);
    canvas.classList.toggle("partly", Boolean(map && !map.whole));
    const words = map ? (map.whole ? "" : " (partly)") : waiting ? " …" : " (no map)";
    const button = make("button", { className: "entry", "aria-pressed": epoch === epochOf(run) }, canvas, make("span", { textContent: `epoch ${epoch}${words}` }));
    button.onclick = () => change({ epoch });
    return button;
  });
  const focused = [...strip.children].indexOf(document.activeElement);
  strip.replaceChildren(...items);
  if (focused >= 0 && items[focused]) items[focused].focus();
}

function fillSelect(select, options, value) {
  const wanted = JSON.stringify(options);
  if (select.dataset.options !== wanted) {
    select.replaceChildren(...options.map(([key, text]) => make("option", { value: key, textContent: text })));
    select.dataset.options = wanted;
  }
  select.value = value;
}

byId("neuron-run").onchange = (event) => choose({ run: Number(event.target.value) });
byId("neuron-layer").onchange = (event) => choose({ layer: event.target.value });
byId("neuron-index").oninput = (event) => {
  const index = Number.parseInt(event.target.value, 10);
  if (index >= 0) choose({ index });
};
byId("neuron-off").onclick = () => toggleRemoved(state.neuron.run, state.neuron.layer, [state.neuron.index]);
byId("neuron-grow").onclick = () => {
  const canvas = byId("neuron-map");
  enlarge(canvas.toDataURL(), `${byId("neuron-words").textContent}: ${byId("neuron-caption").textContent}`);
};
for (const input of document.getElementsByName("sign")) input.onchange = () => change({ sign: input.value });
