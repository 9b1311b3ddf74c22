// The layer's UMAP: every marker is a neuron, the selected one is ringed.

const MARKS = ["circle", "square", "triangle", "diamond"];

function mark(context, shape, x, y, r) {
  context.beginPath();
  if (shape === "circle") context.arc(x, y, r, 0, 7);
  else if (shape === "square") context.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8);
  else {
    const corners = shape === "triangle" ? [[0, -1.2], [1.1, 0.9], [-1.1, 0.9]] : [[0, -1.3], [1.1, 0], [0, 1.3], [-1.1, 0]];
    for (const [dx, dy] of corners) context.lineTo(x + dx * r, y + dy * r);
  }
  context.closePath();
}

/** Where a neuron of the embedding is drawn. */
function spot(embedding, i, canvas) {
  const side = Math.min(canvas.width, canvas.height) - 28;
  return [
    14 + embedding.positions[2 * i] * side + (canvas.width - side - 28) / 2,
    canvas.height - 14 - embedding.positions[2 * i + 1] * side,
  ];
}

function currentEmbedding() {
  const data = state.neuron && chosenLayer(epochOf(state.neuron.run));
  return data && data.embedding;
}

function drawEmbedding() {
  const canvas = byId("embedding");
  const caption = byId("embedding-caption");
  const embedding = currentEmbedding();
  canvas.hidden = !embedding;
  if (!embedding) {
    caption.textContent = state.neuron ? missing(state.neuron.run, "No UMAP was made at this epoch.") : "";
    return;
  }
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  const size = embedding.neurons.length > 300 ? 2.6 : 4.5;
  let chosen = -1;
  embedding.neurons.forEach((neuron, i) => {
    if (neuron === state.neuron.index) chosen = i;
    const cluster = embedding.clusters[i];
    context.fillStyle = CLUSTER_COLOURS[cluster % CLUSTER_COLOURS.length];
    mark(context, MARKS[cluster % MARKS.length], ...spot(embedding, i, canvas), size);
    context.fill();
  });
  if (chosen >= 0) {
    const [x, y] = spot(embedding, chosen, canvas);
    for (const [colour, width] of [["#fff", 6], ["#000", 2.5]]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: width });
      mark(context, "circle", x, y, 9);
      context.stroke();
    }
  }
  const shown = embedding.neurons.length.toLocaleString("en");
  const sample = embedding.neurons.length < embedding.of ? `${shown} of ${embedding.of.toLocaleString("en")} neurons` : `${shown} neurons`;
  caption.textContent = chosen >= 0 ? `${sample}; ringed: #${state.neuron.index}, cluster ${embedding.clusters[chosen] + 1}. Click a marker to select its neuron.` : `${sample}, not this one: it was not drawn, or contributes nothing. Click a mark for its neuron.`;
}

byId("embedding").onclick = (event) => {
  const canvas = byId("embedding");
  const embedding = currentEmbedding();
  const box = canvas.getBoundingClientRect();
  const at = [((event.clientX - box.left) * canvas.width) / box.width, ((event.clientY - box.top) * canvas.height) / box.height];
  let [nearest, least] = [-1, Infinity];
  embedding.neurons.forEach((_, i) => {
    const [x, y] = spot(embedding, i, canvas);
    const distance = Math.hypot(x - at[0], y - at[1]);
    if (distance < least) [nearest, least] = [i, distance];
  });
  if (nearest >= 0) choose({ index: embedding.neurons[nearest] });
};

byId("embedding").onkeydown = (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const embedding = currentEmbedding();
  if (!step || !embedding) return;
  event.preventDefault();
  const order = Array.from(embedding.neurons.keys()).sort((a, b) => embedding.positions[2 * a] - embedding.positions[2 * b]);
  const place = order.findIndex((i) => embedding.neurons[i] === state.neuron.index);
  choose({ index: embedding.neurons[order[(place + step + order.length) % order.length]] });
};
