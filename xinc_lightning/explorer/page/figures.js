// The figures of every run at the chosen epoch, side by side.

const FIGURE_NAMES = [];

function arrangeFigures() {
  FIGURE_NAMES.splice(0, FIGURE_NAMES.length, ...new Set(RUNS.flatMap((run) => run.figures)));
  byId("figures").hidden = !FIGURE_NAMES.length;
  if (!state.figure && FIGURE_NAMES.length) state.figure = FIGURE_NAMES[0];
}

/** A figure's name for people: layers of different networks have their own. */
const figureTitle = (name) => name.replaceAll("_", " ").replace("/", " · ");

function stepFigure(step) {
  const place = FIGURE_NAMES.indexOf(state.figure);
  if (place >= 0) change({ figure: FIGURE_NAMES[(place + step + FIGURE_NAMES.length) % FIGURE_NAMES.length] });
}

const figureParts = RUNS.map((run) => {
  const image = make("img");
  const zoom = make("button", { className: "zoom", title: "In full size, or to fit" }, image);
  zoom.onclick = () => document.body.classList.toggle("zoomed");
  const caption = make("figcaption");
  return { run, image, zoom, caption, element: make("figure", {}, zoom, caption) };
});

function drawFigures() {
  fillSelect(byId("figure"), FIGURE_NAMES.map((name) => [name, figureTitle(name)]), state.figure);
  figureParts.forEach(({ run, image, zoom, caption }, r) => {
    const source = state.figure && snapshotNow(r).figures[state.figure];
    zoom.hidden = !source;
    if (source && image.getAttribute("src") !== source) image.src = source;
    image.alt = state.figure ? `${figureTitle(state.figure)} of ${run.name} at epoch ${epochOf(r)}` : "";
    caption.textContent = source ? `${run.name} · epoch ${epochOf(r)}` : missing(r, `${run.name} has no such figure at epoch ${epochOf(r)}.`);
  });
}

byId("figure").onchange = (event) => change({ figure: event.target.value });
byId("figure-before").onclick = () => stepFigure(-1);
byId("figure-after").onclick = () => stepFigure(1);
