// The frame of every run: pointing at a place or a segment shows its neurons.

let frameParts = []; // a run each; null for one without a frame

/** One run's frame and the lists of neurons beside it. */
function FramePart(run, r) {
  const { height, width } = run.frame;
  const savedLabels = run.frame.labels ? words(run.frame.labels) : null;
  const labelsOf = new WeakMap(); // by answer of the server
  const image = new Image();
  const canvas = make("canvas", {
    className: "frame", width: width * Math.ceil(512 / width), tabIndex: 0, role: "application",
    "aria-label": `Frame of ${run.name}: arrow keys move, Enter pins, Escape unpins`,
  });
  canvas.height = (canvas.width / width) * height;
  canvas.dataset.run = r;
  const where = make("p", { className: "where" });
  const chips = make("div", { className: "chips" });
  const lists = make("div", { className: "lists" });
  const heading = make("h3");
  const grow = make("button", { className: "grow", textContent: "Enlarge", title: "The frame as large as the window" });
  grow.onclick = () => enlarge(image.src, `${heading.textContent} · ${state.picture === "picture" ? "the frame" : "its reconstruction"}`);
  this.element = make("article", {}, heading, canvas, where, chips, make("p", {}, grow), lists);
  image.onload = () => this.drawFrame();

  const layers = run.layers.slice().reverse(); // the head first: it is nearest to the picture
  const rows = layers.map((layer) => {
    const title = make("h4");
    const list = make("ol", { className: "neurons" });
    list.dataset.layer = layer;
    const more = make("button", { className: "more", textContent: "More", title: `Twice as many neurons of ${layer}; the place is pinned` });
    more.onclick = () => change({ pinned: true, more: { ...state.more, [layer]: 2 * listed(layer) } });
    lists.append(make("div", { className: "layer" }, title, list, more));
    return { layer, title, list, more };
  });

  /** Segment labels of the frame that is shown, 0 for none. */
  this.labelsNow = () => {
    const served = servedFrame(r);
    if (!served || !served.labels) return !LIVE || !served || served.number === run.frame.number ? savedLabels : null;
    if (!labelsOf.has(served)) labelsOf.set(served, words(served.labels));
    return labelsOf.get(served);
  };
  this.pixel = () => ({
    row: Math.min(height - 1, Math.floor(state.place.y * height)),
    col: Math.min(width - 1, Math.floor(state.place.x * width)),
  });
  this.segmentAt = ({ row, col }) => {
    const labels = this.labelsNow();
    return labels ? labels[row * width + col] : 0;
  };

  for (const name of run.frame.segments) {
    const chip = make("button", { className: "chip", textContent: name, "data-segment": name });
    chip.onclick = () => change({ mode: "segment", segment: name, pinned: true });
    chips.append(chip);
  }

  const pointAt = (event) => {
    const box = canvas.getBoundingClientRect();
    const clamp = (v) => Math.max(0, Math.min(0.999999, v));
    const place = { x: clamp((event.clientX - box.left) / box.width), y: clamp((event.clientY - box.top) / box.height) };
    change(state.mode === "segment" ? { place, segment: this.segmentNamed(place) } : { place });
  };
  this.segmentNamed = (place) => {
    const label = this.segmentAt({ row: Math.floor(place.y * height), col: Math.floor(place.x * width) });
    return label ? run.frame.segments[label - 1] : null;
  };
  canvas.onpointermove = (event) => state.pinned || pointAt(event);
  canvas.onclick = (event) => {
    pointAt(event);
    change({ pinned: !state.pinned || event.pointerType === "touch" });
  };
  canvas.onkeydown = (event) => {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (event.key === "Enter" || event.key === " ") change({ pinned: !state.pinned });
    else if (steps && state.mode === "segment") this.nextSegment(steps[0] + steps[1]);
    else if (steps) this.move(...steps);
    else return;
    event.preventDefault();
  };
  this.move = (down, right) => {
    const cell = this.cell() * (1 / height);
    const across = this.cell() / width;
    const clamp = (v) => Math.max(0, Math.min(0.999999, v));
    change({ place: { x: clamp(state.place.x + right * across), y: clamp(state.place.y + down * cell) } });
  };
  this.nextSegment = (step) => {
    const names = run.frame.segments;
    if (names.length) change({ segment: names[(names.indexOf(state.segment) + step + names.length) % names.length] });
  };
  this.cell = () => {
    const layer = Object.values(snapshotNow(r).layers).find((l) => l.hasTable);
    return layer ? layer.cell : 1;
  };

  this.drawFrame = () => {
    const context = canvas.getContext("2d");
    const scale = canvas.width / width;
    context.imageSmoothingEnabled = false;
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    const labels = this.labelsNow();
    if (state.mode === "segment" && labels) {
      const number = run.frame.segments.indexOf(state.segment) + 1;
      context.fillStyle = "rgba(0, 16, 40, 0.62)";
      for (let row = 0; row < height; row++) {
        for (let col = 0; col < width; col++) {
          if (number && labels[row * width + col] !== number) context.fillRect(col * scale, row * scale, scale, scale);
        }
      }
      return;
    }
    const { row, col } = this.pixel();
    const cell = this.cell();
    const side = Math.max(cell * scale, 7);
    const [x, y] = [(Math.floor(col / cell) + 0.5) * cell * scale - side / 2, (Math.floor(row / cell) + 0.5) * cell * scale - side / 2];
    for (const [grow, colour, line] of [[2, "#000", 5], [2, state.pinned ? "#ffd400" : "#fff", 2.5]]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: line });
      context.strokeRect(x - grow, y - grow, side + 2 * grow, side + 2 * grow);
    }
  };

  this.draw = () => {
    const snapshot = snapshotNow(r);
    const served = servedFrame(r);
    const { picture, reconstruction } = served || { picture: run.frame.picture, reconstruction: snapshot.reconstruction };
    const source = (state.picture === "picture" && picture) || reconstruction || picture;
    if (source && image.src !== source) image.src = source;
    else if (image.complete && image.width) this.drawFrame();
    const measured = served ? served.psnr : snapshot.psnr;
    const psnr = measured === undefined || measured === null ? "" : ` · ${measured.toFixed(2)} dB`;
    heading.textContent = `${run.name} · ${run.architecture} · frame ${served ? served.number : run.frame.number} · epoch ${epochOf(r)}${psnr}`;
    this.drawWhere();
    const waiting = rows.map((parts) => this.drawList(snapshot, parts)).includes(true);
    const latest = latestPixel[r];
    lists.setAttribute("aria-busy", Boolean(waiting || snapshot.waiting || latest.busy || latest.wanted));
    for (const chip of chips.children) chip.setAttribute("aria-pressed", state.mode === "segment" && chip.dataset.segment === state.segment);
  };

  this.drawWhere = () => {
    const { row, col } = this.pixel();
    const cell = this.cell();
    const [top, left] = [Math.floor(row / cell) * cell, Math.floor(col / cell) * cell];
    const range = (from, side) => (cell > 1 ? `${from}–${Math.min(from + cell, side) - 1}` : `${from}`);
    const label = this.segmentAt({ row, col });
    const segment = label ? ` · in “${run.frame.segments[label - 1]}”` : "";
    if (state.mode === "pixel") {
      const [rowWord, colWord] = cell > 1 ? ["Rows", "columns"] : ["Row", "column"];
      where.textContent = `${rowWord} ${range(top, height)}, ${colWord} ${range(left, width)}${segment}` + (cell > 1 ? ` · shares of Σ|c| over these ${cell}×${cell} pixels` : "");
    } else {
      where.textContent = state.segment ? `“${state.segment}” · mean |c| relative to the neuron's mean over the frame, among the half of each layer with the larger Σ|c|` : "No segment here.";
    }
  };

  /** Fill a layer's list; true if what belongs there is still being computed. */
  this.drawList = (snapshot, { layer, title, list, more }) => {
    const data = snapshot.layers[layer];
    const segment = run.frame.segments.indexOf(state.segment);
    const favouring = data && data.hasTable && state.mode === "segment" && segment >= 0 ? data.favouring(segment) : [];
    let found = [];
    let words = "";
    if (data && data.hasTable && state.mode === "pixel") {
      const { row, col } = this.pixel();
      found = data.at(row, col).map(({ neuron, share }) => ({ neuron, size: share, text: percent(share) }));
      words = data.neurons === undefined ? "…" : `${data.neurons.toLocaleString("en")} neurons · these hold ${percent(found.reduce((sum, { size }) => sum + size, 0))}`;
    } else if (data && data.hasTable && favouring) {
      found = favouring.map(({ neuron, ratio }) => ({ neuron, size: ratio, text: `${Number(ratio.toPrecision(2))}×` }));
      words = data.neurons === undefined ? "" : `${data.neurons.toLocaleString("en")} neurons`;
    } else if (data && data.exact) {
      words = "…";
    } else {
      words = snapshot.waiting ? "…" : "no table at this epoch";
    }
    title.textContent = words ? `${layer} · ${words}` : layer;
    fillList(list, found, data, r, layer);
    more.hidden = !data || !data.exact || found.length < listed(layer) || found.length >= Math.min(data.neurons ?? Infinity, MOST_LISTED);
    return Boolean(data && data.exact && !favouring);
  };
}

/** Show neurons as buttons with map and bar; the buttons stay, so that a focused one keeps the focus. */
function fillList(list, found, data, r, layer) {
  while (list.children.length > found.length) list.lastChild.remove();
  while (list.children.length < found.length) {
    const button = make("button", { className: "entry" }, make("canvas", { className: "map" }), make("span", { className: "name" }), make("span", { className: "bar" }, make("i")), make("span", { className: "value" }));
    button.onclick = () => {
      change({ neuron: { run: r, layer, index: Number(button.dataset.neuron) } });
      byId("neuron").scrollIntoView({ behavior: "smooth", block: "nearest" });
    };
    const off = make("button", { className: "off", textContent: "off", title: "Switch this neuron off, or on again" });
    off.onclick = () => toggleRemoved(r, layer, [Number(button.dataset.neuron)]);
    list.append(make("li", {}, button, ...(LIVE ? [off] : [])));
  }
  const longest = Math.max(...found.map(({ size }) => size), 1e-12);
  found.forEach(({ neuron, size, text }, i) => {
    const button = list.children[i].firstChild;
    const [canvas, name, bar, value] = button.children;
    Object.assign(button.dataset, { neuron, size });
    name.textContent = data.label(neuron);
    value.textContent = text;
    bar.firstChild.style.width = `${(100 * size) / longest}%`;
    const chosen = state.neuron && state.neuron.run === r && state.neuron.layer === layer && state.neuron.index === neuron;
    button.setAttribute("aria-pressed", Boolean(chosen));
    if (LIVE) list.children[i].lastChild.setAttribute("aria-pressed", isRemoved(r, layer, neuron));
    const map = data.map(neuron);
    if (map) paint(canvas, map.values, map.rows, map.cols);
    else if (!data.exact) paint(canvas, new Float32Array(data.rows * data.cols).fill(NaN), data.rows, data.cols);
    canvas.classList.toggle("partly", Boolean(map && !map.whole));
    button.title = map && !map.whole ? "Its map was not saved: drawn where it is among the strongest" : "";
  });
}
