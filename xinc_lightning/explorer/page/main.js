// Assembles the page: the epoch slider, the keys, the first rendering.

let timer = null;

function step(by) {
  const place = EPOCHS.indexOf(state.epoch) + by;
  if (place >= 0 && place < EPOCHS.length) change({ epoch: EPOCHS[place] });
}

function play() {
  const stop = timer !== null;
  clearInterval(timer);
  timer = stop ? null : setInterval(() => change({ epoch: EPOCHS[(EPOCHS.indexOf(state.epoch) + 1) % EPOCHS.length] }), 900);
  byId("play").textContent = stop ? "Play" : "Stop";
  byId("play").setAttribute("aria-pressed", !stop);
}

let film = null;

/** The frames one after the other; the next when this one has come. */
function playFilm() {
  const stop = film !== null;
  clearInterval(film);
  const busy = () => document.querySelector("[aria-busy=true]") !== null;
  film = stop ? null : setInterval(() => busy() || stepFrame(1), 150);
  byId("film").textContent = stop ? "Film" : "Stop";
  byId("film").setAttribute("aria-pressed", !stop);
}

const framesOf = () => Math.max(...RUNS.map((run) => run.frames.length));
const shownFrame = () => Math.max(...RUNS.map((_, r) => positionOf(r)));

function stepFrame(by) {
  if (LIVE && framesOf()) change({ frame: (shownFrame() + by + framesOf()) % framesOf() });
}

function drawFrameTools() {
  const tools = byId("frame-tools");
  tools.hidden = !LIVE || !RUNS.some((run) => run.weights.length && run.frames.length > 1);
  if (tools.hidden) return;
  Object.assign(byId("frame"), { max: framesOf() - 1, value: shownFrame() });
  const r = RUNS.findIndex((run) => run.frames.length === framesOf());
  byId("frame-now").textContent = `${RUNS[r].frames[shownFrame()]}`;
}

function enlarge(source, words) {
  byId("large-picture").src = source;
  byId("large-picture").alt = words;
  byId("large-words").textContent = words;
  byId("large").showModal();
}

// --- a link holds what is shown, in what comes after # ---------------------------------------------------------

/** What is shown, as it stands in a link. */
function link() {
  const parts = { epoch: state.epoch };
  if (state.neuron) Object.assign(parts, { run: RUNS[state.neuron.run].name, layer: state.neuron.layer, neuron: state.neuron.index });
  if (state.frame !== null) parts.frame = state.frame;
  if (state.pinned) Object.assign(parts, { x: state.place.x.toFixed(4), y: state.place.y.toFixed(4) });
  if (state.mode === "segment" && state.segment) parts.segment = state.segment;
  if (state.picture !== "picture") parts.show = state.picture;
  if (state.sign !== "size") parts.map = state.sign;
  if (state.figure && state.figure !== FIGURE_NAMES[0]) parts.figure = state.figure;
  if (Object.keys(state.removed.layers).length) {
    const layers = Object.entries(state.removed.layers).map(([layer, neurons]) => [layer, neurons.length > FEW ? toBits(neurons) : neurons]);
    Object.assign(parts, { off: JSON.stringify(Object.fromEntries(layers)), of: RUNS[state.removed.run].name });
  }
  return `#${new URLSearchParams(parts)}`;
}

/** What a link says is shown, as far as it makes sense here; nothing for one that leads to a place of the page. */
function follow(fragment) {
  const parts = new URLSearchParams(fragment.replace(/^#/, ""));
  if (!fragment.includes("=")) return {};
  const changes = { frame: null, pinned: false, mode: "pixel", segment: null, picture: "picture", sign: "size", figure: FIGURE_NAMES[0] || null, removed: { run: 0, layers: {} } };
  const number = (name) => (parts.has(name) && Number.isFinite(Number(parts.get(name))) ? Number(parts.get(name)) : null);
  if (EPOCHS.includes(number("epoch"))) changes.epoch = number("epoch");
  if (number("frame") !== null && LIVE) changes.frame = Math.max(0, Math.floor(number("frame")));
  const run = RUNS.findIndex(({ name }) => name === parts.get("run"));
  if (run >= 0 && RUNS[run].layers.includes(parts.get("layer")) && number("neuron") >= 0) {
    changes.neuron = { run, layer: parts.get("layer"), index: Math.floor(number("neuron")) };
  }
  const inside = (value) => value !== null && value >= 0 && value < 1;
  if (inside(number("x")) && inside(number("y"))) Object.assign(changes, { place: { x: number("x"), y: number("y") }, pinned: true, mode: "pixel" });
  if (parts.has("segment") && RUNS.some((r) => r.frame && r.frame.segments.includes(parts.get("segment")))) Object.assign(changes, { mode: "segment", segment: parts.get("segment"), pinned: true });
  if (parts.get("show") === "reconstruction") changes.picture = "reconstruction";
  if (["signed", "effect"].includes(parts.get("map"))) changes.sign = parts.get("map");
  if (FIGURE_NAMES.includes(parts.get("figure"))) changes.figure = parts.get("figure");
  const off = RUNS.findIndex(({ name }) => name === parts.get("of"));
  if (LIVE && off >= 0) changes.removed = { run: off, layers: offOf(parts.get("off"), off) };
  return changes;
}

function offOf(text, r) {
  try {
    const entries = Object.entries(JSON.parse(text)).filter(([layer]) => RUNS[r].layers.includes(layer));
    const lists = entries.map(([layer, neurons]) => [layer, Array.isArray(neurons) ? neurons : fromBits(neurons)]);
    return Object.fromEntries(lists.map(([layer, neurons]) => [layer, neurons.filter((n) => Number.isInteger(n) && n >= 0 && n < 1 << 24)]));
  } catch {
    return {};
  }
}

const FEW = 100; // neurons of a layer that stand in a link one by one

/** A bit for each neuron, in base 64. */
function toBits(neurons) {
  const bits = new Uint8Array((neurons.reduce((most, n) => Math.max(most, n), 0) >> 3) + 1);
  for (const n of neurons) bits[n >> 3] |= 1 << (n & 7);
  return btoa(Array.from(bits, (byte) => String.fromCharCode(byte)).join(""));
}

const fromBits = (text) =>
  Array.from(new Uint8Array(bytes(text))).flatMap((byte, i) => [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte >> bit) & 1).map((bit) => 8 * i + bit));

const LONGEST_LINK = 20000;
let linkTimer = null;

function keepLink() {
  const now = link();
  if (now.length < LONGEST_LINK && now !== location.hash) history.replaceState(null, "", now);
}

function drawLink() {
  clearTimeout(linkTimer);
  linkTimer = setTimeout(keepLink, 250);
}

function drawTime() {
  Object.assign(byId("epoch"), { max: EPOCHS.length - 1, value: EPOCHS.indexOf(state.epoch) });
  byId("epoch").setAttribute("aria-valuetext", `epoch ${state.epoch}`);
  byId("now").textContent = `epoch ${state.epoch}`;
  byId("time").hidden = !EPOCHS.length;
  byId("earlier").disabled = state.epoch === EPOCHS[0];
  byId("later").disabled = state.epoch === EPOCHS[EPOCHS.length - 1];
}

function drawTools() {
  for (const name of ["mode", "picture", "sign"]) {
    for (const input of document.getElementsByName(name)) input.checked = input.value === state[name];
  }
  byId("unpin").hidden = !state.pinned;
}

function changeMode(mode) {
  const part = frameParts.find(Boolean);
  change({ mode, segment: mode === "segment" ? state.segment || part.segmentNamed(state.place) : null });
}

byId("epoch").oninput = (event) => change({ epoch: EPOCHS[Number(event.target.value)] });
byId("earlier").onclick = () => step(-1);
byId("later").onclick = () => step(1);
byId("play").onclick = play;
byId("frame").oninput = (event) => change({ frame: Number(event.target.value) });
byId("film").onclick = playFilm;
byId("help-open").onclick = () => byId("help").showModal();
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.onclick = (event) => (event.target.closest("button") || event.target === dialog || dialog.id === "large") && dialog.close();
}
byId("unpin").onclick = () => change({ pinned: false });
for (const input of document.getElementsByName("mode")) input.onchange = () => changeMode(input.value);
for (const input of document.getElementsByName("picture")) input.onchange = () => change({ picture: input.value });

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, input[type=number], input[type=search]")) return;
  const actions = {
    "[": () => step(-1),
    "]": () => step(1),
    p: play,
    ",": () => stepFigure(-1),
    ".": () => stepFigure(1),
    f: () => stepFrame(1),
    d: () => stepFrame(-1),
    o: () => LIVE && state.neuron && toggleRemoved(state.neuron.run, state.neuron.layer, [state.neuron.index]),
    "?": () => byId("help").showModal(),
    s: () => frameParts.some(Boolean) && changeMode(state.mode === "pixel" ? "segment" : "pixel"),
    Escape: () => change({ pinned: false }),
  };
  const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (action) action();
});

function firstNeuron() {
  for (const [r, run] of RUNS.entries()) {
    if (LIVE && run.weights.length && run.layers.length) return { run: r, layer: run.layers[run.layers.length - 1], index: 0 };
    for (const layer of run.layers.slice().reverse()) {
      const data = snapshotNow(r).layers[layer];
      if (data && data.kept && data.kept.length) return { run: r, layer, index: data.kept[0] };
      if (data && data.known.size) return { run: r, layer, index: data.known.keys().next().value };
    }
  }
  return null;
}

/** The frame of a run that saved none, but its weights. */
async function firstFrame(run, r) {
  if (run.frame || !run.weights.length) return;
  const epoch = run.weights[run.weights.length - 1];
  run.frame = await request(`api/${r}/${epoch}/0/frame`);
}

function start() {
  frameParts = RUNS.map((run, r) => (run.frame ? new FramePart(run, r) : null));
  arrangeFigures();
  arrangeCurves();
  drawCards();
  drawAbout();
  const parts = frameParts.filter(Boolean);
  byId("frames").append(...parts.map((part) => part.element));
  byId("figure-columns").append(...figureParts.map((part) => part.element));
  byId("pixels-tools").hidden = !parts.length;
  byId("pixels-hint").textContent = pixelsHint(parts);
  Object.assign(state, { neuron: firstNeuron(), figure: FIGURE_NAMES[0] || null });
  Object.assign(state, follow(location.hash));
  byId("neuron").hidden = !state.neuron;
  byId("removal").hidden = !LIVE || !state.neuron || !RUNS.some((run) => run.weights.length);
  document.querySelectorAll(".columns").forEach((columns) => columns.classList.toggle("several", RUNS.length > 1));
  whenChanged(["epoch", "grown"], drawTime);
  whenChanged(["mode", "picture", "pinned", "sign"], drawTools);
  whenChanged(["frame", "epoch", "grown"], drawFrameTools);
  whenChanged(["epoch", "frame", "place", "pinned", "mode", "segment", "picture", "neuron", "removed", "more", "loaded"], () => parts.forEach((part) => part.draw()));
  whenChanged(["epoch", "frame", "neuron", "removed", "sign", "loaded"], drawNeuron);
  whenChanged(["epoch", "frame", "neuron", "removed", "loaded"], () => byId("removal").hidden || drawRemoval());
  whenChanged(["epoch", "neuron", "loaded"], drawEmbedding);
  whenChanged(["epoch", "figure", "loaded"], drawFigures);
  whenChanged(["epoch", "grown"], drawCurves);
  whenChanged(["epoch", "frame", "neuron", "place", "pinned", "mode", "segment", "picture", "sign", "figure", "removed"], drawLink);
  addEventListener("hashchange", (event) => change(follow(new URL(event.newURL).hash)));
}

function pixelsHint(parts) {
  if (parts.length) return "Point at the frame, or tap it. A click pins the place; a click on a neuron shows the neuron below.";
  if (LIVE && !EPOCHS.length) return "Nothing has been analysed yet. The page follows by itself as soon as something is.";
  return "These runs have no data on which neurons contribute to which pixel. Train or test one with the callback PixelsToNeurons, which the shipped configs have; figures and curves are below.";
}

async function begin() {
  for (const run of LIVE ? RUNS : []) run.shape = shapeOf(run);
  if (LIVE) await Promise.all(RUNS.map(firstFrame)).catch((error) => say(error.message));
  if (RUNS.length) start();
  if (LIVE) listen();
}

if (LIVE) begin();
else if (RUNS.length) start();
