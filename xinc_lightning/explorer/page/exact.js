// Layers of an epoch whose weights were kept: a server computes any neuron's map at any frame, and ranks all at a pixel.

const MOST_VALUES = 1 << 25; // of maps in memory, 128 MB
const AT_ONCE = 16;

const maps = new Map(); // by address and neuron: {values, rows, cols}; null while on its way
const wantedMaps = new Map(); // by address without neurons: the neurons to ask for
let valuesKept = 0;

/** A map from the server; null until it is there. All that are wanted at once are asked for together. */
function servedMap(place, layer, neuron, cell, of = "contribution") {
  const address = `${place}/maps?layer=${encodeURIComponent(layer)}&cell=${cell}&of=${of}`;
  const key = `${address}&neurons=${neuron}`;
  if (!maps.has(key)) {
    maps.set(key, null);
    if (!wantedMaps.size) setTimeout(fetchMaps, 0);
    if (!wantedMaps.has(address)) wantedMaps.set(address, []);
    wantedMaps.get(address).push(neuron);
  }
  return maps.get(key);
}

function fetchMaps() {
  for (const [address, neurons] of wantedMaps) {
    for (let i = 0; i < neurons.length; i += AT_ONCE) fetchSomeMaps(address, neurons.slice(i, i + AT_ONCE));
  }
  wantedMaps.clear();
}

async function fetchSomeMaps(address, neurons) {
  try {
    const { rows, cols, values } = await request(`${address}&neurons=${neurons.join(",")}`);
    const all = new Float32Array(bytes(values));
    neurons.forEach((neuron, i) => keepMap(`${address}&neurons=${neuron}`, { rows, cols, values: all.slice(i * rows * cols, (i + 1) * rows * cols) }));
  } catch (error) {
    say(error.message);
    setTimeout(() => {
      neurons.forEach((neuron) => maps.delete(`${address}&neurons=${neuron}`));
      redraw();
    }, AGAIN);
  }
  redraw();
}

function keepMap(key, map) {
  maps.delete(key);
  maps.set(key, map);
  valuesKept += map.values.length;
  for (const [old, { values } = {}] of [...maps].filter(([, found]) => found)) {
    if (valuesKept <= MOST_VALUES || old === key) break;
    maps.delete(old);
    valuesKept -= values.length;
  }
}

const latestPixel = RUNS.map(() => new Latest());

/** The position in a run's clip of the frame that is shown. */
function positionOf(r) {
  const { frames, frame } = RUNS[r];
  if (!LIVE || !frames.length) return 0;
  const own = frame ? Math.max(0, frames.indexOf(frame.number)) : 0;
  return state.frame === null ? own : Math.min(state.frame, frames.length - 1);
}

/** The position of the frame that was analysed. */
const positionSaved = (r) => (RUNS[r].frame ? RUNS[r].frames.indexOf(RUNS[r].frame.number) : -1);

const placeOf = (r, epoch) => `api/${r}/${epoch}/${positionOf(r)}`;

/** What the server says of the frame that is shown: {picture, reconstruction, number, psnr, labels, segments}; or null. */
function servedFrame(r) {
  const epoch = epochOf(r);
  return LIVE && RUNS[r].weights.includes(epoch) ? ask(`${placeOf(r, epoch)}/frame`) : null;
}

const LISTED = 8;
const MOST_LISTED = 1024; // of the server

/** How many neurons of a layer are listed beside the frame: more only where the place is pinned. */
const listed = (layer) => Math.min((state.pinned && state.more[layer]) || LISTED, MOST_LISTED);

class ExactLayer extends Layer {
  constructor(data, r, epoch, name) {
    super(data);
    Object.assign(this, { r, epoch, name, hasTable: true, exact: true, cell: 1 });
  }

  get place() {
    return placeOf(this.r, this.epoch);
  }

  /** Whether the frame that is shown is the one of which something was saved. */
  get isSaved() {
    return this.top !== undefined && positionOf(this.r) === positionSaved(this.r);
  }

  /** The neurons that contribute most at a pixel, as [{neuron, share, value}]; what is known while they are computed. */
  at(row, col) {
    const count = Math.max(...RUNS[this.r].layers.map(listed));
    const answer = latestPixel[this.r].ask(`${this.place}/pixel?row=${row}&col=${col}&count=${count}`);
    if (answer) {
      const { of, kernels, kinds, neurons, shares, values } = answer.layers[this.name];
      Object.assign(this, { neurons: of, kernels, kinds });
      this.shown = neurons.map((neuron, i) => ({ neuron, share: shares[i], value: values[i] }));
    }
    return (this.shown || (this.isSaved ? super.at(row, col) : [])).slice(0, listed(this.name));
  }

  get favouritesAddress() {
    return `${this.place}/favourites?layer=${encodeURIComponent(this.name)}&count=${listed(this.name)}`;
  }

  /** What was saved of the neurons that favour segments, if it is of this frame and enough. */
  get savedFavourites() {
    return this.isSaved && (this.favourites[0] || []).length >= listed(this.name) ? this : null;
  }

  /** The neurons that favour a segment at this frame; null while they are computed. */
  favouring(segment) {
    const frame = servedFrame(this.r);
    if (frame && !frame.labels) return this.isSaved ? favouringOf(this, segment) : [];
    const tables = this.savedFavourites || (frame && ask(this.favouritesAddress));
    return tables && favouringOf(tables, segment);
  }

  map(neuron) {
    if (this.neurons !== undefined && neuron >= this.neurons) return null;
    const found = servedMap(this.place, this.name, neuron, Math.max(1, Math.ceil(RUNS[this.r].frame.width / 64)));
    if (found) return scaled(found, false);
    return this.isSaved && this.keptPlaces.has(neuron) ? super.map(neuron) : null;
  }

  /** The map at full resolution: |c|, signed, or the effect of taking the neuron out. */
  fullMap(neuron) {
    if (this.neurons !== undefined && neuron >= this.neurons) return null;
    const found = servedMap(this.place, this.name, neuron, 1, state.sign === "effect" ? "effect" : "contribution");
    return found && scaled(found, state.sign === "signed");
  }
}

/** A map in the form that is painted. */
function scaled({ values, rows, cols }, signed) {
  const scale = values.reduce((most, value) => Math.max(most, Math.abs(value) || 0), 0);
  return { values: values.map((value) => (signed ? value : Math.abs(value)) / (scale || 1)), scale, rows, cols, whole: true, signed };
}
