"""What is installed with this package: not the poisoned uploads, and nothing of which the licence is not listed."""

import re
import subprocess
import sys
import tarfile
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIREMENTS = {
    r.name: r
    for listed in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for r in map(Requirement, listed)
}
PINNED = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
OF_CUDA = ("nvidia-", "cuda-", "triton")
"""Come with a CUDA build of torch, and are pinned by it."""


@pytest.mark.slow
def test_the_source_distribution_is_complete(tmp_path):
    command = [sys.executable, "-m", "build", "--sdist", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        names = {name.partition("/")[2] for name in files.getnames()}
    expected = (
        "docs/reliability.md",
        "scripts/fuzz.py",
        "constraints.txt",
        "tests/conftest.py",
        "configs/nerv.yaml",
    )
    assert {*expected, "callbacks/report.py", "xinc_lightning/explorer/page/main.js"} <= names


@pytest.mark.parametrize("poisoned", ["2.6.2", "2.6.3"])
def test_malicious_uploads_of_lightning_are_excluded(poisoned):
    assert not REQUIREMENTS["lightning"].specifier.contains(poisoned, prereleases=True)
    assert poisoned not in (PINNED["lightning"], PINNED["pytorch-lightning"])


def test_other_versions_are_allowed():
    assert REQUIREMENTS["lightning"].specifier.contains("2.6.6")


def test_every_requirement_has_a_tested_version_that_it_allows():
    tested = {canonical(name): version for name, version in PINNED.items()}
    for name, requirement in REQUIREMENTS.items():
        if name != "opencv-python":  # the other flavour of opencv-python-headless, which is tested
            version = tested[canonical(name)]
            assert requirement.specifier.contains(version), f"{version} is tested, {requirement} is required"


def test_no_distribution_is_pinned_twice():
    names = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert len(names) == len({re.sub(r"[-_.]+", "-", name).lower() for name in names})


def test_all_installed_dependencies_are_pinned():
    """Follows the requirements through the environment: a dependency's new dependency shows here."""
    pinned = {canonical(name) for name in PINNED}
    found, todo = set(), [name for name in REQUIREMENTS if name not in ("opencv-python",)]
    while todo:
        name = canonical(todo.pop())
        if name in found or name.startswith(OF_CUDA):
            continue
        found.add(name)
        try:
            needed = metadata.requires(name) or ()
        except metadata.PackageNotFoundError:
            continue
        todo += [
            r.name for r in map(Requirement, needed) if r.marker is None or r.marker.evaluate({"extra": ""})
        ]
    assert not {name for name in found - pinned if is_installed(name)}


def test_licences_of_all_pinned_distributions_are_listed():
    rows = re.findall(
        r"^\| (\S+) \| (\S+) \| (.+) \|$", (ROOT / "docs" / "licences.md").read_text(), re.MULTILINE
    )
    listed = {name: version for name, version, _ in rows[1:]}
    assert listed.keys() == PINNED.keys(), "run scripts/licences.py"
    assert all(licence.strip() for _, _, licence in rows)
    assert not [name for name, _, licence in rows if re.search(r"\b(A?GPL|SSPL|BUSL)", licence)]


def test_jobs_are_valid():
    jobs = {
        path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / ".github/workflows").glob("*.yml")
    }
    assert jobs.keys() == {"ci", "newest"}
    assert jobs["newest"][True]["schedule"] == [{"cron": "17 4 * * 1"}]  # YAML 1.1 reads `on` as true
    steps = [step.get("run", "") for step in jobs["newest"]["jobs"]["newest"]["steps"]]
    assert any("--upgrade-strategy eager" in step for step in steps)
    assert not any("constraints" in step for step in steps)


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def is_installed(name):
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False
