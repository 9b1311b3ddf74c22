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

function drawTime() {
  Object.assign(byId("epoch"), { max: EPOCHS.length - 1, value: EPOCHS.indexOf(state.epoch) });
  byId("epoch").setAttribute("aria-valuetext", `epoch ${state.epoch}`);
  byId("now").textContent = `epoch ${state.epoch}`;
  byId("earlier").disabled = state.epoch === EPOCHS[0];
  byId("later").disabled = state.epoch === EPOCHS[EPOCHS.length - 1];
}

function drawTools() {
  for (const name of ["mode", "picture"]) {
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
byId("unpin").onclick = () => change({ pinned: false });
for (const input of document.getElementsByName("mode")) input.onchange = () => changeMode(input.value);
for (const input of document.getElementsByName("picture")) input.onchange = () => change({ picture: input.value });

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, input[type=number], input[type=search]")) return;
  const actions = {
    "[": () => step(-1),
    "]": () => step(1),
    p: play,
    ",": () => stepFigure(-1),
    ".": () => stepFigure(1),
    s: () => frameParts.some(Boolean) && changeMode(state.mode === "pixel" ? "segment" : "pixel"),
    Escape: () => change({ pinned: false }),
  };
  const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (action) action();
});

function firstNeuron() {
  for (const [r, run] of RUNS.entries()) {
    for (const layer of run.layers.slice().reverse()) {
      const data = snapshotNow(r).layers[layer];
      if (data && data.kept && data.kept.length) return { run: r, layer, index: data.kept[0] };
      if (data && data.known.size) return { run: r, layer, index: data.known.keys().next().value };
    }
  }
  return null;
}

function start() {
  drawCards();
  drawAbout();
  const parts = frameParts.filter(Boolean);
  byId("frames").append(...parts.map((part) => part.element));
  byId("figure-columns").append(...figureParts.map((part) => part.element));
  byId("pixels-tools").hidden = !parts.length;
  byId("pixels-hint").textContent = parts.length
    ? "Point at the frame, or tap it. A click pins the place; a click on a neuron shows the neuron below."
    : "These runs have no data on which neurons contribute to which pixel. Train or test one with the callback PixelsToNeurons, which the shipped configs have; figures and curves are below.";
  Object.assign(state, { neuron: firstNeuron(), figure: FIGURE_NAMES[0] || null });
  byId("neuron").hidden = !state.neuron;
  byId("figures").hidden = !FIGURE_NAMES.length;
  document.querySelectorAll(".columns").forEach((columns) => columns.classList.toggle("several", RUNS.length > 1));
  whenChanged(["epoch"], drawTime);
  whenChanged(["mode", "picture", "pinned"], drawTools);
  whenChanged(["epoch", "place", "pinned", "mode", "segment", "picture", "neuron", "loaded"], () => parts.forEach((part) => part.draw()));
  whenChanged(["epoch", "neuron", "loaded"], drawNeuron);
  whenChanged(["epoch", "neuron"], drawEmbedding);
  whenChanged(["epoch", "figure"], drawFigures);
  whenChanged(["epoch"], drawCurves);
}

if (RUNS.length) start();
