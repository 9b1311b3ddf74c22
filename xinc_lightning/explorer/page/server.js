// What a served page asks its server for; a page from disk has its data in itself and asks nothing.

const MOST_ANSWERS = 400;
const AGAIN = 2000; // milliseconds after which what failed is asked again

const answers = new Map(); // by address and content, the oldest first; null while one is on its way

async function request(address, content = null) {
  const options = content === null ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: content };
  const response = await fetch(address, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

function say(text) {
  byId("status").textContent = text;
}

/** Ask, keep the answer, and draw again. */
async function fetchAnswer(address, content) {
  const key = `${address} ${content ?? ""}`;
  answers.set(key, null);
  try {
    const answer = await request(address, content);
    answers.delete(key);
    answers.set(key, answer);
    while (answers.size > MOST_ANSWERS) answers.delete(answers.keys().next().value);
    say("");
  } catch (error) {
    say(error.message);
    setTimeout(() => {
      answers.delete(key);
      redraw();
    }, AGAIN);
  }
  redraw();
}

/** An answer if it is there; else null, and the page is drawn again when it comes. */
function ask(address, content = null) {
  const key = `${address} ${content ?? ""}`;
  if (!answers.has(key)) fetchAnswer(address, content);
  return answers.get(key) ?? null;
}

/** Asks one thing at a time and always what is wanted last, so that a moving pointer leaves no queue behind. */
class Latest {
  ask(address, content = null) {
    const key = `${address} ${content ?? ""}`;
    const found = answers.get(key);
    if (found) {
      this.wanted = null;
      return found;
    }
    if (!answers.has(key)) {
      this.wanted = [address, content];
      this.next();
    }
    return null;
  }

  async next() {
    if (this.busy || !this.wanted) return;
    this.busy = true;
    const [address, content] = this.wanted;
    this.wanted = null;
    await fetchAnswer(address, content);
    this.busy = false;
    this.next();
  }
}

const NOTHING_YET = { figures: {}, layers: {}, waiting: true };

function servedSnapshot(r, epoch) {
  if (epoch === undefined) return NOTHING_YET;
  const key = `${r}/${epoch}`;
  if (!snapshots.has(key)) {
    const data = ask(`api/${r}/${epoch}`);
    if (!data) return NOTHING_YET;
    const exact = RUNS[r].weights.includes(epoch);
    const layers = {};
    for (const name of RUNS[r].layers) {
      const saved = data.layers[name];
      if (exact) layers[name] = new ExactLayer(saved || { known: "16" }, r, epoch, name);
      else if (saved) layers[name] = new Layer(saved);
    }
    snapshots.set(key, { ...data, layers });
  }
  return snapshots.get(key);
}

/** Forget what was said of an epoch that has been analysed again. */
function forget(r, epoch) {
  snapshots.delete(`${r}/${epoch}`);
  for (const store of [answers, maps]) {
    for (const key of store.keys()) if (`${key}/`.startsWith(`api/${r}/${epoch}/`) || key.startsWith(`api/${r}/${epoch} `)) store.delete(key);
  }
}

/** What the page is laid out by; if it changes, the page is loaded anew, at the same link. */
const shapeOf = (run) => JSON.stringify([run.name, run.layers, run.frame !== null || run.weights.length > 0]);

/** Take over what the runs have become; the slider stays where it is unless it was at the end. */
async function refresh() {
  const runs = await request("api/runs");
  if (runs.length !== RUNS.length || runs.some((run, r) => shapeOf(run) !== RUNS[r].shape)) {
    keepLink();
    location.reload();
    return;
  }
  const following = !EPOCHS.length || state.epoch === EPOCHS[EPOCHS.length - 1];
  runs.forEach((run, r) => Object.assign(RUNS[r], run, { frame: run.frame || RUNS[r].frame }));
  EPOCHS.splice(0, EPOCHS.length, ...new Set(RUNS.flatMap((run) => run.epochs).sort((a, b) => a - b)));
  arrangeFigures();
  arrangeCurves();
  drawCards();
  drawAbout();
  const epoch = following ? EPOCHS[EPOCHS.length - 1] ?? 0 : state.epoch;
  change({ epoch, loaded: state.loaded + 1, grown: state.grown + 1 });
}

function takeCurves(r, curves) {
  for (const [name, [epochs, values]] of Object.entries(curves)) {
    const [known, old] = RUNS[r].curves[name] || [[], []];
    const points = new Map(known.map((epoch, i) => [epoch, old[i]]));
    epochs.forEach((epoch, i) => points.set(epoch, values[i]));
    const order = [...points.keys()].sort((a, b) => a - b);
    RUNS[r].curves[name] = [order, order.map((epoch) => points.get(epoch))];
  }
  arrangeCurves();
  change({ grown: state.grown + 1 });
}

/** Follow the runs while they are trained. */
function listen() {
  let lost = false;
  const source = new EventSource("api/events");
  source.addEventListener("hello", () => {
    say("");
    refresh().catch((error) => say(error.message)); // something may have changed since the page was made
    if (lost) answers.clear();
    lost = false;
  });
  source.addEventListener("change", (event) => {
    const { run, snapshots: written, curves } = JSON.parse(event.data);
    if (written === null) return takeCurves(run, curves);
    for (const epoch of written) forget(run, epoch);
    return refresh().catch((error) => say(error.message));
  });
  source.onerror = () => {
    lost = true;
    say("The server does not answer; the page goes on when it does.");
  };
}
