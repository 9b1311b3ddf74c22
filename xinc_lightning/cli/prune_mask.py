"""``xinc prune --mask``: a network without the neurons that were switched off in the explorer."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from xinc_lightning.cli.console import note, say
from xinc_lightning.errors import UserError
from xinc_lightning.pruning import masks_of, read_selection, without_neurons
from xinc_lightning.runs.atomic import save
from xinc_lightning.runs.reader import read_run
from xinc_lightning.server.clips import clip_of_run
from xinc_lightning.server.exact import ExactCanvases
from xinc_lightning.studies.selection import Measured, measure_pruned

PRUNED = "pruned.xinc"


def prune_by_mask(runs: Sequence[Path], mask: Path, bits: int, out: Path) -> None:
    """Print quality and bytes with and without the selected neurons, and write the file without them.

    The network is that of the selection's epoch, from the weights that were kept.

    Raises:
        UserError: if there are several runs, or the selection, the run's weights or its clip cannot be read or do not
            fit one another.
    """
    if len(runs) != 1:
        raise UserError(f"--mask is of one run, got {len(runs)}.")
    selection = read_selection(mask)
    run = read_run(runs[0])
    if selection.run != run.name:
        note(f"the selection was made in '{selection.run}'; neurons of '{run.name}' are others.")
    canvases = ExactCanvases(lambda: [run], clip_of_run)
    network = canvases.network(0, selection.epoch)
    clip = canvases.clip(0, network)
    if clip is None:
        raise UserError(f"the clip of '{run.name}' cannot be read here, or is another by now.")
    if selection.frame >= len(clip):
        raise UserError(f"there is no frame {selection.frame}; they are numbered 0 … {len(clip) - 1}.")
    module = network.module
    pruned, masks = without_neurons(module, selection.removed, network.options.neuron)
    before = measure_pruned(module, masks_of(module, {}), clip, selection.frame, bits)
    after = measure_pruned(pruned, masks, clip, selection.frame, bits)
    path = out / PRUNED
    save(path, after.content)
    count = sum(len(set(neurons)) for neurons in selection.removed.values())
    number = clip.indices[selection.frame]
    title = f"{run.name} after {selection.epoch} epochs, without {count:,} neurons, no training after it"
    say(title)
    Console(width=120).print(_table(number, bits, before, after))
    say(f"the network without them is in {path}; `xinc decode` shows its frames")


def _table(number: int, bits: int, whole: Measured, pruned: Measured) -> Table:
    table = Table(box=box.SIMPLE)
    for head in ("", "as it was", "without them"):
        table.add_column(head, justify="right" if head else "left", no_wrap=True)
    pair = (whole, pruned)
    rows = {
        f"PSNR of frame {number}": [f"{one.frame:.2f} dB" for one in pair],
        "PSNR of all frames": [f"{one.frames:.2f} dB" for one in pair],
        f"the same in a file of {bits} bits": [f"{one.coded:.2f} dB" for one in pair],
        "the file": [f"{len(one.content):,} bytes" for one in pair],
        "bits per pixel": [f"{one.bpp:.4f}" for one in pair],
        "kernels kept": [f"{one.kernels:.2%}" for one in pair],
        "parameters kept": [f"{one.parameters:.2%}" for one in pair],
    }
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table
