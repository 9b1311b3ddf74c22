// Neurons switched off, and the frame without them.

const latestRemoval = new Latest();

function isRemoved(r, layer, neuron) {
  return state.removed.run === r && (state.removed.layers[layer] || []).includes(neuron);
}

/** Switch neurons of a layer off; those of another run are then on again. */
function addRemoved(r, layer, neurons) {
  const before = state.removed.run === r ? state.removed.layers : {};
  const all = [...new Set([...(before[layer] || []), ...neurons])].sort((a, b) => a - b);
  change({ removed: { run: r, layers: { ...before, [layer]: all } } });
}

/** Switch neurons off, or on again if they all are off. */
function toggleRemoved(r, layer, neurons) {
  if (!neurons.every((neuron) => isRemoved(r, layer, neuron))) return addRemoved(r, layer, neurons);
  const left = state.removed.layers[layer].filter((neuron) => !neurons.includes(neuron));
  const layers = { ...state.removed.layers, [layer]: left };
  if (!left.length) delete layers[layer];
  return change({ removed: { run: r, layers } });
}

function drawRemoval() {
  const { run: r, layers } = state.removed;
  const entries = Object.entries(layers);
  const epoch = epochOf(r);
  const exact = RUNS[r].weights.includes(epoch);
  byId("removed-words").textContent = entries.length
    ? `${RUNS[r].name}, off: ${entries.map(([layer, neurons]) => `${layer} ${neurons.length <= 8 ? neurons.map((n) => `#${n}`).join(" ") : `${neurons.length.toLocaleString("en")} neurons`}`).join(" · ")}`
    : "None is off. Switch neurons off beside the frame, above, or here.";
  byId("removed-clear").disabled = byId("removed-export").disabled = !entries.length;
  drawRemovalTools();
  if (!exact) byId("removed-words").textContent = "The weights of this epoch were not kept.";
  const shown = exact && entries.length > 0;
  const answer = shown && latestRemoval.ask(`${placeOf(r, epoch)}/without`, JSON.stringify({ removed: layers }));
  byId("removed-pictures").hidden = !shown;
  byId("removed-pictures").setAttribute("aria-busy", shown && !answer);
  if (answer) showRemoval(answer);
}

function showRemoval(answer) {
  byId("removed-whole").src = answer.whole;
  byId("removed-picture").src = answer.picture;
  const scale = answer.largest || 1;
  paint(byId("removed-difference"), halves(answer.difference).map((value) => value / scale), answer.rows, answer.cols);
  const psnr = (value, same) => (value === null ? same : `${value.toFixed(2)} dB`);
  const truth = answer.psnr !== null || answer.whole_psnr !== null;
  byId("removed-numbers").textContent = [
    truth ? `PSNR ${psnr(answer.whole_psnr, "∞")} → ${psnr(answer.psnr, "∞")}` : "The clip cannot be read here, so there is no PSNR against it",
    `without against with: ${psnr(answer.change_psnr, "equal")}`,
    `largest mean difference of the colours ${digits(answer.largest)}`,
  ].join(" · ");
}

function drawRemovalTools() {
  if (!state.neuron) return;
  const data = chosenLayer(epochOf(state.neuron.run));
  fillSelect(byId("alike-kind"), ((data && data.kinds) || ["layer"]).map((kind) => [kind, kind === "layer" ? "its whole layer" : `its ${kind.replace("_", " ")}`]), byId("alike-kind").value || "layer");
  const frame = RUNS[state.neuron.run].frame;
  fillSelect(byId("favourites-segment"), (frame ? frame.segments : []).map((name, i) => [i, name]), byId("favourites-segment").value || 0);
  byId("favourites-tools").hidden = !frame || !frame.segments.length;
}

async function addFromServer(query) {
  const { run, layer } = state.neuron;
  try {
    const { neurons } = await request(`${placeOf(run, epochOf(run))}/${query}`);
    addRemoved(run, layer, neurons);
  } catch (error) {
    say(error.message);
  }
}

byId("alike-add").onclick = () => addFromServer(`alike?layer=${encodeURIComponent(state.neuron.layer)}&neuron=${state.neuron.index}&kind=${byId("alike-kind").value}`);
byId("weakest-add").onclick = () => addFromServer(`weakest?layer=${encodeURIComponent(state.neuron.layer)}&share=${Number(byId("weakest-share").value) / 100}`);
byId("favourites-add").onclick = async () => {
  const { run } = state.neuron;
  const segment = Number(byId("favourites-segment").value);
  try {
    for (const [layer, data] of Object.entries(snapshotNow(run).layers)) {
      const tables = data.exact && (data.savedFavourites || (await request(data.favouritesAddress)));
      const neurons = tables ? favouringOf(tables, segment).map(({ neuron }) => neuron) : [];
      if (neurons.length) addRemoved(run, layer, neurons);
    }
  } catch (error) {
    say(error.message);
  }
};
byId("removed-clear").onclick = () => change({ removed: { run: state.removed.run, layers: {} } });
byId("removed-export").onclick = () => {
  const { run: r, layers } = state.removed;
  const selection = { run: RUNS[r].name, epoch: epochOf(r), frame: positionOf(r), removed: layers };
  const link = make("a", { href: `data:application/json,${encodeURIComponent(JSON.stringify(selection, null, 1))}`, download: `${RUNS[r].name}-selection.json` });
  link.click();
};
for (const id of ["removed-whole", "removed-picture"]) byId(id).onclick = () => enlarge(byId(id).src, `${byId(id).alt}. ${byId("removed-numbers").textContent}`);
byId("removed-difference").onclick = () => enlarge(byId("removed-difference").toDataURL(), `Difference. ${byId("removed-numbers").textContent}`);
