// The saved analyses of an epoch, decoded at first use.

function bytes(text) {
  const binary = atob(text);
  const buffer = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) buffer[i] = binary.charCodeAt(i);
  return buffer.buffer;
}

/** Whole numbers; the largest of their type stands for -1. */
function words(text) {
  const wide = text.startsWith("32");
  const raw = wide ? new Uint32Array(bytes(text.slice(2))) : new Uint16Array(bytes(text.slice(2)));
  return Int32Array.from(raw, (value) => (value === (wide ? 0xffffffff : 0xffff) ? -1 : value));
}

const fractions = (text) => Float32Array.from(new Uint16Array(bytes(text)), (value) => value / 0xffff);

const levels = (text) => Float32Array.from(new Uint8Array(bytes(text)), (value) => value / 255);

/** Upper halves of float32 numbers. */
function halves(text) {
  return new Float32Array(Uint32Array.from(new Uint16Array(bytes(text)), (value) => value << 16).buffer);
}

/** One layer in one snapshot. */
class Layer {
  constructor(data) {
    Object.assign(this, data);
    this.hasTable = data.top !== undefined;
    this.tableCell = data.cell;
    if (this.hasTable) {
      this.top = words(data.top);
      this.shares = fractions(data.shares);
      this.totals = new Float32Array(bytes(data.totals));
    }
    this.known = new Map(Array.from(words(data.known), (neuron, place) => [neuron, place]));
    if (data.parts) {
      this.parts = halves(data.parts);
      this.ranks = words(data.ranks);
    }
    if (data.pixels) this.pixels = words(data.pixels);
    this.keptPlaces = new Map((data.kept || []).map((neuron, place) => [neuron, place]));
    if (data.embedding) {
      this.embedding = { ...data.embedding, neurons: words(data.embedding.neurons), positions: fractions(data.embedding.positions) };
    }
    this.sparse = new Map();
  }

  /** What identifies a neuron: its index, and for a kernel its channels. */
  label(neuron) {
    return this.kernels ? `#${neuron} (${Math.floor(neuron / this.kernels)}→${neuron % this.kernels})` : `#${neuron}`;
  }

  /** The strongest neurons at a pixel of the frame, as [{neuron, share}]. */
  at(row, col) {
    const cell = (Math.floor(row / this.tableCell) * this.cols + Math.floor(col / this.tableCell)) * this.count;
    const found = [];
    for (let i = cell; i < cell + this.count; i++) {
      if (this.top[i] >= 0) found.push({ neuron: this.top[i], share: this.shares[i] });
    }
    return found;
  }

  /** The neurons that favour a segment, as [{neuron, ratio}]; null if they were not saved. */
  favouring(segment) {
    return this.favourites ? favouringOf(this, segment) : null;
  }

  /** A neuron's map: {values in [0, 1], scale, rows, cols, whole}; null while it is decoded or if unknown. */
  map(neuron) {
    const place = this.keptPlaces.get(neuron);
    if (place === undefined) return this.sparseMap(neuron);
    if (!this.pixelsOfSheet) {
      this.decodeSheet();
      return null;
    }
    const { mapRows: rows, mapCols: cols, across } = this;
    const values = new Float32Array(rows * cols);
    const top = Math.floor(place / across) * rows;
    const left = (place % across) * cols;
    const width = across * cols;
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < cols; x++) values[y * cols + x] = this.pixelsOfSheet[4 * ((top + y) * width + left + x)] / 255;
    }
    return { values, scale: this.scales[place], rows, cols, whole: true };
  }

  /** What the tables tell of a neuron without a map: its contribution where it is among the strongest. */
  sparseMap(neuron) {
    if (!this.hasTable) return null;
    if (!this.sparse.has(neuron)) {
      const values = new Float32Array(this.rows * this.cols).fill(NaN);
      let scale = 0;
      for (let i = 0; i < this.top.length; i++) {
        if (this.top[i] === neuron) {
          const cell = Math.floor(i / this.count);
          values[cell] = this.shares[i] * this.totals[cell];
          scale = Math.max(scale, values[cell]);
        }
      }
      this.sparse.set(neuron, { values: values.map((v) => v / (scale || 1)), scale, rows: this.rows, cols: this.cols, whole: false });
    }
    const found = this.sparse.get(neuron);
    return found.scale > 0 ? found : null;
  }

  decodeSheet() {
    if (this.decoding || !this.sheet) return;
    this.decoding = true;
    const image = new Image();
    image.onload = () => {
      const canvas = make("canvas", { width: image.width, height: image.height });
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(image, 0, 0);
      this.pixelsOfSheet = context.getImageData(0, 0, image.width, image.height).data;
      change({ loaded: state.loaded + 1 });
    };
    image.src = this.sheet;
  }
}

const favouringOf = ({ favourites, preferences }, segment) =>
  (favourites[segment] || []).map((neuron, i) => ({ neuron, ratio: preferences[segment][i] })).filter(({ neuron }) => neuron >= 0);

const snapshots = new Map();

/** The snapshot of a run at one of its epochs: {psnr, reconstruction, figures, layers}. */
function snapshotAt(run, epoch) {
  if (LIVE) return servedSnapshot(run, epoch);
  const key = `snapshot-${run}-${epoch}`;
  if (!snapshots.has(key)) {
    const data = JSON.parse(byId(key).textContent);
    const layers = {};
    for (const [name, layer] of Object.entries(data.layers)) layers[name] = new Layer(layer);
    snapshots.set(key, { ...data, layers });
  }
  return snapshots.get(key);
}

/** The latest of a run's epochs that is not after the chosen one, or its first; undefined before the first. */
function epochOf(run) {
  const before = RUNS[run].epochs.filter((epoch) => epoch <= state.epoch);
  return before.length ? before[before.length - 1] : RUNS[run].epochs[0];
}

const snapshotNow = (run) => snapshotAt(run, epochOf(run));

/** What stands where a run has nothing at the chosen epoch; dots as long as it may still come. */
const missing = (run, text) => (snapshotNow(run).waiting ? "…" : text);
