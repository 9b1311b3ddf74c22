// Colours of values and categories. COLOURS and CLUSTER_COLOURS are the palette of the figures, inserted before this.
// Magnitudes: cividis, perceptually uniform, also for colour-blind readers.

/** 256 colours between even stops. */
function colourTable(hexes) {
  const stops = hexes.match(/../g).map((hex) => parseInt(hex, 16));
  const last = stops.length / 3 - 1;
  const table = new Uint8ClampedArray(256 * 3);
  for (let level = 0; level < 256; level++) {
    const at = Math.min((level / 255) * last, last - 0.001);
    const stop = Math.floor(at);
    for (let c = 0; c < 3; c++) {
      const [low, high] = [stops[3 * stop + c], stops[3 * stop + 3 + c]];
      table[3 * level + c] = low + (high - low) * (at - stop);
    }
  }
  return table;
}

const CIVIDIS = colourTable(
  "00224e002e6a1a386f32436d434e6c535a6d61656f6f70737d7c78" +
  "8c88789b9476aba072bcae6ccdbb63dec958f0d846fee838",
);

// Signed values: PuOr reversed, light at zero, as in the figures.

const PUOR = colourTable("2d004b5427888073acb2abd2d8daebf7f7f7fee0b6fdb863e08214b358067f3b08");

const DASHES = ["", "6 3", "2 3", "8 3 2 3", "1 4"];

/** Paint values in [0, 1], or in [-1, 1] if signed, row by row, on a canvas of one pixel a cell; NaN is left out, where the page is grey. */
function paint(canvas, values, rows, cols, signed = false) {
  const table = signed ? PUOR : CIVIDIS;
  if (canvas.width !== cols || canvas.height !== rows) Object.assign(canvas, { width: cols, height: rows });
  const context = canvas.getContext("2d");
  const image = context.createImageData(cols, rows);
  for (let i = 0; i < rows * cols; i++) {
    const level = Math.max(0, Math.min(255, Math.round((signed ? (values[i] + 1) / 2 : values[i]) * 255)));
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = table[3 * level + c];
    image.data[4 * i + 3] = Number.isNaN(values[i]) ? 0 : 255;
  }
  context.putImageData(image, 0, 0);
}
