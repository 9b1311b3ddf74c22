// The state of the page, and which parts redraw when it changes.

const RUNS = JSON.parse(document.getElementById("runs").textContent);
const EPOCHS = [...new Set(RUNS.flatMap((run) => run.epochs))].sort((a, b) => a - b);

const state = {
  epoch: EPOCHS[EPOCHS.length - 1] ?? 0,
  place: { x: 0.5, y: 0.5 }, // of the pointer, as fractions of the frame, alike in all runs
  pinned: false,
  mode: "pixel", // or "segment"
  segment: null, // its name
  picture: "picture", // or "reconstruction"
  neuron: null, // {run, layer, index}
  figure: null, // its name
  frame: null, // position in the clip, where a server computes it; null for the one that was analysed
  sign: "size", // of the chosen neuron's map: "size" for |c|, "signed" for c, or "effect"
  removed: { run: 0, layers: {} }, // neurons that are switched off, by layer
  more: {}, // by layer, how many neurons are listed beside a pinned place, where it is not the usual number
  grown: 0, // times that a run has grown
  loaded: 0, // pictures decoded and answers received so far
};

const listeners = [];

/** Call `draw` now and whenever one of the named parts of the state changes. */
function whenChanged(names, draw) {
  listeners.push({ names, draw });
  draw();
}

/** Change parts of the state and redraw what shows them. */
function change(changes) {
  const changed = Object.keys(changes).filter((name) => state[name] !== changes[name]);
  Object.assign(state, changes);
  for (const { names, draw } of listeners) {
    if (changed.some((name) => names.includes(name))) draw();
  }
}

/** A new element with properties, and children that are elements or text. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("data-") || name.startsWith("aria-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

const byId = (id) => document.getElementById(id);

/** A number with three significant digits, or a dash. */
function digits(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) return value.toExponential(1);
  return Math.abs(value) >= 100 ? value.toFixed(value % 1 ? 1 : 0) : String(Number(value.toPrecision(3)));
}

/** A share in per cent, with two significant digits and no break before the sign. */
const percent = (share) => `${100 * share >= 9.95 ? (100 * share).toFixed(0) : Number((100 * share).toPrecision(2))}\u202f%`;

/** Draw again what waits for a picture or an answer. */
const redraw = () => change({ loaded: state.loaded + 1 });
