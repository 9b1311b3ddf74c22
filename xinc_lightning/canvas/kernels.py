"""Numba kernels that compute the maps of a group of neurons row by row and reduce every row while it is in cache.

Layout: the neuron index is innermost, ``[row, col · lanes + lane]``, so that every operation runs over
contiguous numbers: sums per neuron add vectors, sums per pixel sum one vector, sums per cluster add one
vector to that of the cluster. Each call processes one group of neurons; calls run in separate threads.

Rows are summed in float32 and flushed to float64; sums over neurons are float64 throughout.

The file is long because numba's cache does not detect changes in the files that a compiled one imports.
"""

# mypy: ignore-errors
# The arguments are numba's, which mypy does not know.

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from xinc_lightning.canvas.streams import LOW_BITS


def jit(function):
    """Compile without the GIL, and cache the result on disk if possible.

    Sums may be reordered; NaN and infinity are respected.
    """
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "nsz", "contract"}}
    try:
        return njit(function, cache=True, **options)
    except RuntimeError:  # neither the package's folder nor the user's cache folder is writable
        return njit(function, **options)


LOW_MASK = (1 << LOW_BITS) - 1
# A bin's 64-bit counter holds a count (upper bits) and a sum of low bits (lower bits) until it is emptied.
COUNT_SHIFT = 40
COUNT_LIMIT = 1 << 22
CLUSTER_LIMIT = 2048

SQRT_HALF_BITS = np.int32(0x3F3504F3)
LN2 = np.float32(0.6931471805599453)


@intrinsic
def bits_of(typingctx, x):
    """Reinterpret a float32 as int32."""
    return types.int32(types.float32), lambda _, builder, __, args: builder.bitcast(args[0], ir.IntType(32))


@intrinsic
def float_of(typingctx, bits):
    """Reinterpret an int32 as float32."""
    return types.float32(types.int32), lambda _, builder, __, args: builder.bitcast(args[0], ir.FloatType())


@jit
def log(x):
    """Natural logarithm of a positive normal float32 to 1.2e-7, without branches so that it vectorises.

    x = m·2^e with m in [√½, √2); ln m by a polynomial (minimax coefficients of the Cephes library).
    """
    bits = bits_of(x)
    exponent = (bits - SQRT_HALF_BITS) >> np.int32(23)
    m = float_of(bits - (exponent << np.int32(23))) - np.float32(1)
    y = np.float32(7.0376836292e-2)
    y = y * m + np.float32(-1.1514610310e-1)
    y = y * m + np.float32(1.1676998740e-1)
    y = y * m + np.float32(-1.2420140846e-1)
    y = y * m + np.float32(1.4249322787e-1)
    y = y * m + np.float32(-1.6668057665e-1)
    y = y * m + np.float32(2.0000714765e-1)
    y = y * m + np.float32(-2.4999993993e-1)
    y = y * m + np.float32(3.3333331174e-1)
    square = m * m
    return m + (y * m * square - np.float32(0.5) * square) + np.float32(exponent) * LN2


@jit
def form_row(source, y, rows, cols, offset, column_row, out, lanes):
    """Row y of the maps: ``out`` [width, lanes] from ``source`` [height, width · lanes].

    ``offset`` is the value of masked positions; ``column_row`` is scratch space for one row of the source.
    """
    first = source[rows.source[y, 0]]
    weight = rows.weight[y, 0]
    for i in range(len(first)):
        column_row[i] = weight * first[i]
    for tap in range(1, rows.used[y]):
        more = source[rows.source[y, tap]]
        weight = rows.weight[y, tap]
        for i in range(len(more)):
            column_row[i] += weight * more[i]
    base = offset * rows.cover[y]
    for x in range(len(out)):
        pixel = out[x]
        values = column_row[cols.source[x, 0] * lanes :]
        weight = cols.weight[x, 0]
        constant = base * cols.cover[x]
        for j in range(lanes):
            pixel[j] = weight * values[j] + constant
        for tap in range(1, cols.used[x]):
            more = column_row[cols.source[x, tap] * lanes :]
            weight = cols.weight[x, tap]
            for j in range(lanes):
                pixel[j] += weight * more[j]


@jit
def spread(source, rows, cols, offset, out):
    """An intermediate stage: ``out`` [frames, height, width, lanes] before its activation."""
    lanes = out.shape[3]
    column_row = np.empty(source.shape[2], np.float32)
    for f in range(len(source)):
        for y in range(out.shape[1]):
            form_row(source[f], y, rows, cols, offset, column_row, out[f, y], lanes)


@jit
def sum_row(row, signed, absolute, minimum, maximum, partial, lanes):
    """Take the row's absolute values in place and add them up per neuron."""
    partial[:] = 0
    for x in range(len(row)):
        pixel = row[x]
        total = partial[0]
        for j in range(lanes):
            total[j] += pixel[j]
            pixel[j] = abs(pixel[j])
        total = partial[1]
        for j in range(lanes):
            total[j] += pixel[j]
        for j in range(lanes):
            minimum[j] = min(pixel[j], minimum[j])
        for j in range(lanes):
            maximum[j] = max(pixel[j], maximum[j])
    for j in range(lanes):
        signed[j] += partial[0, j]
        absolute[j] += partial[1, j]


@jit
def sum_pixels(row, totals, xlogx, lanes):
    """Add the row's Σ|c| and Σ|c|·ln|c| over the neurons to each pixel's."""
    for x in range(len(row)):
        pixel = row[x]
        total = 0.0
        for j in range(lanes):
            total += np.float64(pixel[j])
        totals[x] += total
        entropy = np.float32(0)
        for j in range(lanes):
            entropy += pixel[j] * log(pixel[j])
        xlogx[x] += entropy


@jit
def sum_clusters(row, labels, partial, lanes):
    """Add every pixel of the row to its cluster of every partition; ``labels`` is [width, partitions]."""
    for x in range(len(row)):
        pixel = row[x]
        for p in range(labels.shape[1]):
            cluster = partial[labels[x, p]]
            for j in range(lanes):
                cluster[j] += pixel[j]


@jit
def sum_changes(row, previous, changes, lanes):
    """Add Σ||c_t| − |c_{t−1}|| over the neurons to each pixel's."""
    for x in range(len(row)):
        now, before = row[x], previous[x]
        total = np.float32(0)
        for j in range(lanes):
            total += abs(now[j] - before[j])
        changes[x] += total


@jit
def count_bins(row, packed, lanes):
    """Count the row's values by their leading bits and add up their low bits, both in one number."""
    for x in range(len(row)):
        pixel = row[x]
        for j in range(lanes):
            bits = bits_of(pixel[j])
            packed[bits >> LOW_BITS] += (1 << COUNT_SHIFT) | (bits & LOW_MASK)


@jit
def empty_bins(packed, counts, lows):
    """Move packed counters to their own arrays."""
    for i in range(len(packed)):
        if packed[i]:
            counts[i] += packed[i] >> COUNT_SHIFT
            lows[i] += packed[i] & ((1 << COUNT_SHIFT) - 1)
            packed[i] = 0


@jit
def sum_group(source, rows, cols, offset, labels, per_neuron, per_pixel, bins):
    """First pass: all reductions that do not need the layer's totals.

    Args:
        source: [frames, rows, cols · lanes].
        rows: taps along the rows.
        cols: taps along the columns.
        offset: value of masked positions.
        labels: [frames, height, width, partitions].
        per_neuron: signed and absolute sums, minimum, maximum [frames, lanes]; cluster sums
            [frames, clusters, lanes] and zeros like them in float32.
        per_pixel: Σ|c| and Σ|c|·ln|c| [frames, height, width] and, with one frame less, Σ||c_t| − |c_{t−1}||.
        bins: zeros, counts and low bits of the histogram, [frames, bins] each.
    """
    signed, absolute, minimum, maximum, clusters, partial_clusters = per_neuron
    totals, xlogx, changes = per_pixel
    packed, counts, lows = bins
    frames, height, width, lanes = len(source), len(rows.used), len(cols.used), signed.shape[1]
    column_row = np.empty(source.shape[2], np.float32)
    buffers = np.empty((2, width, lanes), np.float32)
    partial = np.empty((2, lanes), np.float32)
    summed, counted = 0, 0
    for y in range(height):
        for f in range(frames):
            row = buffers[f % 2]
            form_row(source[f], y, rows, cols, offset, column_row, row, lanes)
            sum_row(row, signed[f], absolute[f], minimum[f], maximum[f], partial, lanes)
            sum_pixels(row, totals[f, y], xlogx[f, y], lanes)
            sum_clusters(row, labels[f, y], partial_clusters[f], lanes)
            count_bins(row, packed[f], lanes)
            if f > 0:
                sum_changes(row, buffers[(f - 1) % 2], changes[f - 1, y], lanes)
        summed += width
        counted += width * lanes
        if summed >= CLUSTER_LIMIT or y == height - 1:
            clusters += partial_clusters
            partial_clusters[:] = 0
            summed = 0
        if counted >= COUNT_LIMIT - width * lanes or y == height - 1:
            for f in range(frames):
                empty_bins(packed[f], counts[f], lows[f])
            counted = 0


@jit
def change_group(source, rows, cols, offset, lanes, per_neuron, per_pixel):
    """A separate pass: Σ||c_t| − |c_{t−1}|| per neuron and per pixel.

    Args:
        source: [frames, rows, cols · lanes].
        rows: taps along the rows.
        cols: taps along the columns.
        offset: value of masked positions.
        lanes: neurons of the group.
        per_neuron: [transitions, lanes] sums over the pixels.
        per_pixel: [transitions, height, width] sums over the neurons.
    """
    column_row = np.empty(source.shape[2], np.float32)
    buffers = np.empty((2, len(cols.used), lanes), np.float32)
    partial = np.empty(lanes, np.float32)
    for y in range(len(rows.used)):
        for f in range(len(source)):
            row, previous = buffers[f % 2], buffers[(f - 1) % 2]
            form_row(source[f], y, rows, cols, offset, column_row, row, lanes)
            partial[:] = 0
            for x in range(len(row)):
                pixel = row[x]
                for j in range(lanes):
                    pixel[j] = abs(pixel[j])
                if f > 0:
                    before = previous[x]
                    total = np.float32(0)
                    for j in range(lanes):
                        change = abs(pixel[j] - before[j])
                        total += change
                        partial[j] += change
                    per_pixel[f - 1, y, x] += total
            if f > 0:
                for j in range(lanes):
                    per_neuron[f - 1, j] += partial[j]


@jit
def refine_group(source, rows, cols, offset, lanes, brackets, fine):
    """Second pass: count the low bits of the values that share their leading bits with a threshold.

    ``brackets`` [thresholds, frames] are those leading bits, ``fine`` [thresholds, frames, low bits] counts.
    """
    column_row = np.empty(source.shape[2], np.float32)
    row = np.empty((len(cols.used), lanes), np.float32)
    for y in range(len(rows.used)):
        for f in range(len(source)):
            form_row(source[f], y, rows, cols, offset, column_row, row, lanes)
            for x in range(len(row)):
                pixel = row[x]
                for t in range(len(brackets)):
                    bracket = brackets[t, f]
                    hits = np.int32(0)  # most pixels have none, and this check vectorises
                    for j in range(lanes):
                        hits += np.int32((bits_of(abs(pixel[j])) >> LOW_BITS) == bracket)
                    if hits:
                        for j in range(lanes):
                            bits = bits_of(abs(pixel[j]))
                            if (bits >> LOW_BITS) == bracket:
                                fine[t, f, bits & LOW_MASK] += 1


@jit
def count_group(source, rows, cols, offset, lanes, limits, thresholds, pixels, above):
    """Third pass: pixels per neuron and neurons per pixel.

    A pixel counts for a neuron where |c| > ``limits`` [frames, height, width], a neuron for a pixel where
    |c| > ``thresholds`` [thresholds, frames].
    """
    column_row = np.empty(source.shape[2], np.float32)
    row = np.empty((len(cols.used), lanes), np.float32)
    for y in range(len(rows.used)):
        for f in range(len(source)):
            form_row(source[f], y, rows, cols, offset, column_row, row, lanes)
            counts = pixels[f]
            for x in range(len(row)):
                pixel = row[x]
                limit = limits[f, y, x]
                for j in range(lanes):
                    pixel[j] = abs(pixel[j])
                for j in range(lanes):
                    counts[j] += np.int32(pixel[j] > limit)
                for t in range(len(thresholds)):
                    threshold = thresholds[t, f]
                    found = np.int32(0)
                    for j in range(lanes):
                        found += np.int32(pixel[j] > threshold)
                    above[t, f, y, x] += found


@jit
def strongest_group(source, rows, cols, offset, lanes, cell, indices, neurons, sums, totals):
    """Keep, for each cell, the neurons with the largest Σ|c| over its pixels.

    Args:
        source: [rows, cols · lanes], of one frame.
        rows: taps along the rows.
        cols: taps along the columns.
        offset: value of masked positions.
        lanes: neurons of the group.
        cell: side of a cell in pixels.
        indices: [lanes] the neurons.
        neurons: [cell rows, cell cols, k] those kept so far, the strongest first.
        sums: [cell rows, cell cols, k] their Σ|c|.
        totals: [cell rows, cell cols] Σ|c| of all neurons so far.
    """
    column_row = np.empty(source.shape[1], np.float32)
    row = np.empty((len(cols.used), lanes), np.float32)
    cells = np.zeros((totals.shape[1], lanes), np.float32)
    height = len(rows.used)
    for y in range(height):
        form_row(source, y, rows, cols, offset, column_row, row, lanes)
        for x in range(len(row)):
            pixel, total = row[x], cells[x // cell]
            for j in range(lanes):
                total[j] += abs(pixel[j])
        if (y + 1) % cell == 0 or y == height - 1:
            band = y // cell
            for c in range(len(cells)):
                totals[band, c] += keep_strongest(cells[c], indices, neurons[band, c], sums[band, c], lanes)
            cells[:] = 0


@jit
def keep_strongest(values, indices, neurons, sums, lanes):
    """Insert the values that are among the largest, ties by index. Returns the sum of all values."""
    last = len(sums) - 1
    limit, total, hits = sums[last], 0.0, np.int32(0)
    for j in range(lanes):
        total += np.float64(values[j])
    for j in range(lanes):
        hits += np.int32(values[j] >= limit)
    if hits:
        for j in range(lanes):
            value, index = values[j], indices[j]
            if value > 0 and (value > sums[last] or (value == sums[last] and index < neurons[last])):
                place = last
                while place > 0 and (
                    value > sums[place - 1] or (value == sums[place - 1] and index < neurons[place - 1])
                ):
                    sums[place], neurons[place] = sums[place - 1], neurons[place - 1]
                    place -= 1
                sums[place], neurons[place] = value, index
    return total
