"""A summary as Markdown, and all its numbers as CSV."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from itertools import groupby
from math import isnan
from typing import get_args

from xinc_lightning.studies.bootstrap import Estimate
from xinc_lightning.studies.comparison import MATCHED_DB, readable
from xinc_lightning.studies.findings import Finding
from xinc_lightning.studies.pairs import MATCHED_BPP, Difference, Pair
from xinc_lightning.studies.summary import Spread, Summary, is_shown
from xinc_lightning.studies.verdicts import FEWEST, Answer, Verdict, verdict_of
from xinc_lightning.text import counted, markdown_cell, printable

ESTIMATE = tuple(field.name for field in fields(Estimate))

CONDITIONS = {
    "bpp": f"matched bits per pixel (within {MATCHED_BPP:.0%})",
    "psnr": f"matched PSNR (within {MATCHED_DB:g} dB)",
}

MOST_LEFT_OUT = 20
"""Lines about runs that are left out."""

READING = f"""\
The unit is the clip: a clip counts once, with the mean of its seeds. Brackets hold the 95 % interval of the mean over \
clips, from resampling clips and, within each, seeds. A verdict says whether that interval lies within the values \
that agree with a finding, whose thresholds were set before; with fewer than {FEWEST} clips it is always *undecided*. \
*Holds* means: on average over clips like these, trained like these. One interval in twenty misses its mean by \
chance."""


def tables(summary: Summary) -> dict[str, str]:
    """All numbers, unrounded, as CSV by name of the table."""
    return {
        "findings": _csv(_answer_rows(summary.answers)),
        "spreads": _csv(_spread_rows(summary.spreads)),
        "runs": _csv(_run_rows(summary)),
        **({"pairs": _csv(_pair_rows(summary.pairs))} if summary.pairs else {}),
    }


def markdown(summary: Summary) -> str:
    """The findings, the paired comparisons, and the spreads of the scalars that matter most."""
    parts = [
        "# What holds across runs",
        _counts(summary),
        READING,
        *_left_out(summary.population.left_out),
        "## The paper's findings",
        _overview(summary.answers),
        *(_answer_table(finding, [*own]) for finding, own in groupby(summary.answers, lambda a: a.finding)),
        *(["## Pairs of settings"] if summary.pairs else []),
        *(_pair_table(pair) for pair in summary.pairs),
        "## Scalars over clips and seeds",
        *(_spread_table(setting, [*own]) for setting, own in groupby(summary.spreads, lambda s: s.setting)),
    ]
    return "\n\n".join(parts) + "\n"


def interval_text(estimate: Estimate) -> str:
    """Mean and interval.

    >>> interval_text(Estimate(0.5, 0.25, 0.75, 0, 1, 0.1, 0.1, 6, 12))
    '0.5 [0.25, 0.75]'
    """
    if isnan(estimate.low):
        return f"{readable(estimate.mean)} [no interval]"
    return f"{readable(estimate.mean)} [{readable(estimate.low)}, {readable(estimate.high)}]"


def direction(difference: Difference) -> str:
    """Whether the first setting is higher, as far as that can be said."""
    if difference.estimate.least == difference.estimate.most == 0:
        return "equal"
    verdict = verdict_of(difference.estimate, 0, math.inf)
    if verdict == "holds":
        return "higher"
    return "lower" if verdict_of(difference.estimate, -math.inf, 0) == "holds" else "undecided"


def _counts(summary: Summary) -> str:
    found = summary.population
    lines = [f"{summary.title}."]
    if found.sources < len(found.clip_names):
        lines.append(
            "Clips from one source resemble each other more than others do: intervals may be too narrow."
        )
    columns = ["setting", "clips", "runs", "seeds", "epochs"]
    rows = []
    for setting in found.setting_names:
        places = found.of(setting)
        epochs = sorted({found.snapshots[place].epoch for place in places})
        seeds = sorted({found.runs[place].seed for place in places})
        clips = len({found.clips[place] for place in places})
        rows.append([setting, str(clips), str(len(places)), str(len(seeds)), ", ".join(map(str, epochs))])
    return " ".join(lines) + "\n\n" + _table(columns, rows)


def _left_out(sentences: Sequence[str]) -> list[str]:
    if not sentences:
        return []
    more = len(sentences) - MOST_LEFT_OUT
    lines = [f"* {markdown_cell(one)}" for one in sentences[:MOST_LEFT_OUT]]
    return [
        f"Left out: {counted(len(sentences), 'run')}.",
        "\n".join([*lines, *([f"* and {more} more."] if more > 0 else [])]),
    ]


def _overview(answers: Sequence[Answer]) -> str:
    """A line for each finding: where it holds, where not."""
    rows = []
    for finding, group in groupby(answers, lambda one: one.finding):
        own = [*group]
        where = {
            verdict: ", ".join(f"{one.setting} {one.layer}" for one in own if one.verdict == verdict)
            for verdict in get_args(Verdict)
        }
        rows.append([finding.name, finding.section, *(text or "–" for text in where.values())])
    return _table(["finding", "§", *get_args(Verdict)], rows)


def _answer_table(finding: Finding, own: Sequence[Answer]) -> str:
    source = f"(§{finding.section})" if finding.section else "(ours)"
    rows = [
        [
            one.setting,
            one.layer,
            interval_text(one.estimate),
            str(one.estimate.clips),
            f"{one.agreeing} of {one.estimate.clips}",
            one.verdict,
        ]
        for one in own
    ]
    columns = ["setting", "layer", "mean [95 %]", "clips", "clips that agree", "verdict"]
    geometric = ", geometric mean" if finding.factor else ""
    measured = f"Measured: {finding.quantity}{geometric}. Agrees: {finding.agreeing_values}."
    return f"### {finding.claim} {source}\n\n{measured}\n\n{_table(columns, rows)}"


def _pair_table(pair: Pair) -> str:
    heading = (
        f"### {markdown_cell(pair.first)} less {markdown_cell(pair.second)}, at {CONDITIONS[pair.condition]}"
    )
    apart = f"Clips that match: {pair.clips}" + (
        f"; that do not: {pair.unmatched}." if pair.unmatched else "."
    )
    rows = [
        [
            one.place,
            "/".join(filter(None, (one.analysis, one.name))),
            interval_text(one.estimate),
            str(one.estimate.clips),
            f"{sum(value > 0 for value in one.values)} of {len(one.values)}",
            direction(one),
        ]
        for one in pair.differences
        if is_shown(one.analysis, one.name)
    ]
    columns = ["layers", "scalar", "mean difference [95 %]", "clips", "clips where higher", "the first is"]
    return f"{heading}\n\n{apart}" + (f"\n\n{_table(columns, rows)}" if rows else "")


def _spread_table(setting: str, own: Sequence[Spread]) -> str:
    rows = [
        [
            one.layer,
            "/".join(filter(None, (one.analysis, one.name))),
            interval_text(one.estimate),
            f"{readable(one.estimate.least)} to {readable(one.estimate.most)}",
            _spread_text(one.estimate.clip_spread),
            _spread_text(one.estimate.seed_spread),
            str(one.estimate.clips),
        ]
        for one in own
        if is_shown(one.analysis, one.name)
    ]
    columns = ["layer", "scalar", "mean [95 %]", "clips from, to", "sd of clips", "sd of seeds", "clips"]
    return f"### {markdown_cell(setting)}\n\n{_table(columns, rows)}"


def _spread_text(value: float) -> str:
    return "–" if isnan(value) else readable(value)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [[*columns], ["---"] * len(columns), *([markdown_cell(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _answer_rows(answers: Sequence[Answer]) -> list[list[object]]:
    columns = ["finding", "section", "claim", "quantity", "agrees", "setting", "layer"]
    rows: list[list[object]] = [[*columns, *ESTIMATE, "agreeing", "verdict"]]
    for one in answers:
        f = one.finding
        said = [f.name, f.section, f.claim, f.quantity, f.agreeing_values, one.setting, one.layer]
        rows.append([*said, *astuple(one.estimate), one.agreeing, one.verdict])
    return rows


def _spread_rows(spreads: Sequence[Spread]) -> list[list[object]]:
    rows: list[list[object]] = [["setting", "layer", "analysis", "scalar", *ESTIMATE]]
    return rows + [[s.setting, s.layer, s.analysis, s.name, *astuple(s.estimate)] for s in spreads]


def _pair_rows(pairs: Sequence[Pair]) -> list[list[object]]:
    rows: list[list[object]] = [
        ["first", "second", "matched", "layers", "analysis", "scalar", *ESTIMATE, "clips_higher", "first_is"]
    ]
    for pair in pairs:
        for one in pair.differences:
            where = [pair.first, pair.second, pair.condition, one.place, one.analysis, one.name]
            higher = sum(value > 0 for value in one.values)
            rows.append([*where, *astuple(one.estimate), higher, direction(one)])
    return rows


def _run_rows(summary: Summary) -> list[list[object]]:
    found = summary.population
    rows: list[list[object]] = [["run", "setting", "clip", "seed", "epoch", "psnr"]]
    for run, setting, clip, snapshot in zip(
        found.runs, found.settings, found.clips, found.snapshots, strict=True
    ):
        rows.append([str(run.path), setting, clip, run.seed, snapshot.epoch, snapshot.psnr])
    return rows


def _csv(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(map(_cell, row) for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    """A cell; empty for what is not known."""
    if isinstance(value, float) and isnan(value):
        return ""
    return printable(value) if isinstance(value, str) else value
