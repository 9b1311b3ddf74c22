"""Batches of one clip, which is entirely in memory on the training device."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from math import ceil

import lightning.pytorch as pl
import torch
from torch import Tensor

from xinc_lightning.data.clip import PanopticClip, load_clip
from xinc_lightning.data.datasets import open_clip
from xinc_lightning.data.deep import FULL
from xinc_lightning.data.errors import DataError
from xinc_lightning.data.images import LARGEST, PictureOptions
from xinc_lightning.data.own import BUNNY
from xinc_lightning.data.resizing import Interpolation, MaskPixel, Resizing


class ClipLoader:
    """Batches (frame index [batch], frames [batch, 3, height, width]) of a clip that is already in memory.

    A torch DataLoader would copy frame by frame and draw from the global random numbers at every epoch. Here
    a batch is one indexing operation, and the order depends on seed and epoch only, so that a run resumed at
    an epoch's end continues like an uninterrupted one.

    Several processes divide every batch, so that they take the same steps as one process. If a batch cannot be divided
    equally, it is padded with frames of its own.

    Args:
        frames: [frame, 3, height, width].
        batch_size: frames per batch of all processes together; None for all in one batch, on every rank.
        shuffle: draw a new order every epoch.
        seed: of the order.
        rank: of this process among ``world_size``.
        world_size: processes.

    Raises:
        DataError: if a batch does not divide among the processes.
    """

    batch_sampler = None  # the Trainer expects this attribute of a sampler

    def __init__(
        self,
        frames: Tensor,
        batch_size: int | None = None,
        shuffle: bool = False,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.frames = frames
        self.batch_size = batch_size or len(frames)
        self.shuffle = shuffle
        self.seed = seed
        self.rank, self.world_size = (rank, world_size) if batch_size is not None else (0, 1)
        if self.batch_size % self.world_size:
            raise DataError(
                f"data.batch_size is {batch_size}, which {world_size} processes cannot share equally; use a multiple "
                f"of {world_size}, or null for all frames in every process"
            )
        self.epoch = 0

    @property
    def sampler(self) -> "ClipLoader":
        """The sampler whose ``set_epoch`` the Trainer calls before every epoch."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next iteration follows."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Count the batches of one epoch."""
        return ceil(len(self.frames) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield one epoch's batches."""
        order = torch.arange(len(self.frames))
        if not self.shuffle and self.batch_size >= len(order) and self.world_size == 1:
            yield order.to(self.frames.device), self.frames  # as they are: indexing would copy the whole clip
            return
        if self.shuffle:
            # One seed from both, such that neighbouring seeds do not share the orders of epochs.
            mixed = (self.seed * 1_000_003 + self.epoch) % 2**63
            order = torch.randperm(len(self.frames), generator=torch.Generator().manual_seed(mixed))
        for batch in torch.split(order.to(self.frames.device), self.batch_size):
            share = ceil(len(batch) / self.world_size)
            filled = batch.repeat(self.world_size)[: share * self.world_size]
            indices = filled[self.rank :: self.world_size]
            yield indices, self.frames[indices]


def clip_of(trainer: pl.Trainer) -> PanopticClip:
    """The clip that a trainer was given.

    Raises:
        DataError: if its data is no clip.
    """
    data = getattr(trainer, "datamodule", None)
    clip = getattr(data, "clip", None)
    if not isinstance(clip, PanopticClip):
        raise DataError(
            f"the trainer's datamodule is {type(data).__name__ if data else 'missing'}; an INR is trained on a clip: "
            "trainer.fit(module, datamodule=ClipDataModule(...))"
        )
    return clip


class ClipDataModule(pl.LightningDataModule):
    """A clip to train on: the demo clip, a video, a folder of images, or a clip of a dataset.

    The whole clip is decoded once and kept in memory, on the training device. Batches are (frame index,
    frames): index [batch] counts within the chosen frames, frames [batch, 3, height, width] RGB in [0, 1].

    Args:
        path: ``bunny``, ``bikes`` or ``carphone`` for a demo clip; a video, an image, a stack or a folder of images;
            or the folder of a Cityscapes-VPS, VIPSeg, DAVIS or YouTube-VOS dataset.
        frames: ``all``, a slice such as ``0:30`` or ``::2``, one number, or a list such as ``[0, 5, 10]``.
        crop: ``aspect`` for the largest centred part with the proportions of ``resize``, [height, width] for
            a centred part, [top, bottom, left, right] for that part, null for the whole frame.
        resize: height and width of the frames to train on; null keeps the resolution.
        interpolation: ``bicubic``, the authors' for NeRV, or ``bilinear``, theirs for FFN, then with ``antialias``.
        antialias: average over the source pixels that a pixel covers.
        clamp: keep frames within [0, 1]; false keeps the cubic's overshoot in the targets, as the released code does.
        mask_pixel: the source pixel whose id a resized mask takes: at the ``centre``, or, ``released``, the top left.
        masks: folder of panoptic masks named like the frames, optionally with a ``segments.json``, or a stack of
            them in one file; for a clip that is not part of a dataset.
        clip_id: which clip of a dataset, such as ``0005``.
        annotated_only: leave out frames that have no mask.
        batch_size: frames per step, in a new order every epoch; null for all frames at every step, in order.
            Several processes divide the frames of a step; with null, every process takes all of them.
        seed: of the order of frames.
        white: value that is white in your own pictures of 16 bits, such as 4095 for 12-bit cameras; null for what
            the files state.
        max_pixels: the largest of your own pictures to open, in pixels; null for any.

    Raises:
        DataError: a file or an option cannot be used; raised when the clip is opened.
    """

    def __init__(
        self,
        path: str = BUNNY,
        frames: list[int] | str = "0:30",
        crop: list[int] | str | None = "aspect",
        resize: tuple[int, int] | None = (128, 256),
        interpolation: Interpolation = "bicubic",
        antialias: bool = False,
        clamp: bool = True,
        mask_pixel: MaskPixel = "centre",
        masks: str | None = None,
        clip_id: str | int | None = None,
        annotated_only: bool = False,
        batch_size: int | None = 2,
        seed: int = 0,
        white: int | None = None,
        max_pixels: int | None = LARGEST,
    ) -> None:
        super().__init__()
        if batch_size is not None and batch_size < 1:
            raise DataError(
                f"batch_size is {batch_size}; it must be 1 or more, or null for all frames at once"
            )
        if resize is not None and min(resize) < 1:
            raise DataError(f"resize is {[*resize]}; height and width must be 1 or more")
        if white is not None and not 1 <= white <= FULL:
            raise DataError(
                f"white is {white}; it must be from 1 to {FULL}, or null for what the files state"
            )
        self.save_hyperparameters(logger=False)  # the run's config has them; its seed is another
        self.path = path
        self.selection = frames
        self.crop: Sequence[int] | str | None = crop
        self.resize = resize
        self.resizing = Resizing(interpolation, antialias, clamp, mask_pixel)
        self.masks = masks
        self.clip_id = clip_id
        self.annotated_only = annotated_only
        self.batch_size = batch_size
        self.seed = seed
        self.pictures = PictureOptions(white, max_pixels)

    @cached_property
    def clip(self) -> PanopticClip:
        """The clip, decoded at the first use."""
        files = open_clip(self.path, self.clip_id, self.masks, self.pictures)
        return load_clip(files, self.selection, self.crop, self.resize, self.annotated_only, self.resizing)

    @cached_property
    def _frames(self) -> Tensor:
        """The clip's frames on the device of this process."""
        device = self.trainer.strategy.root_device if self.trainer is not None else torch.device("cpu")
        return self.clip.frames.to(device)

    def setup(self, stage: str) -> None:
        """Decode the clip and move its frames to the training device."""
        self.__dict__.pop("_frames", None)  # another trainer may use another device
        _ = self._frames

    def train_dataloader(self) -> ClipLoader:
        """Batches in an order drawn from seed and epoch; all frames in order if ``batch_size`` is None."""
        return self._loader(shuffle=self.batch_size is not None)

    def val_dataloader(self) -> ClipLoader:
        """All frames in order, for every process: so no metric counts a frame twice."""
        return self._loader()

    def test_dataloader(self) -> ClipLoader:
        """All frames in order."""
        return self._loader()

    def predict_dataloader(self) -> ClipLoader:
        """All frames in order, for every process: the first writes them."""
        return self._loader()

    def _loader(self, shuffle: bool = False) -> ClipLoader:
        """Batches of all frames, those of training shared among the processes."""
        trainer = self.trainer if shuffle else None
        rank, world_size = (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)
        return ClipLoader(self._frames, self.batch_size, shuffle, self.seed, rank, world_size)
