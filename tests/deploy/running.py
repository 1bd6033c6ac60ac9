"""Trials of deployments as processes of their own, and what is wrong with what came of them."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import msgspec
import yaml

from headwater.model.errors import HeadwaterError
from tests.deploy.engine import contained_command
from tests.deploy.trial import Tried

TRIAL_S, BUILT_S = 560, 3000
SECRET = "0123456789abcdef" * 4
"""What every secret of a trial is."""


def run_trial(kind: str, folder: Path, seconds: float, built: bool = False) -> Tried:
    """Try a copy of a folder; HeadwaterError with its last words when that cannot be done.

    `built` builds our images by the Dockerfile first.
    """
    state = Path(tempfile.mkdtemp(prefix="headwater-trial-"))
    try:
        copy = state / "folder"
        shutil.copytree(folder, copy)
        _give_secrets(copy)
        command = contained_command(
            "tests.deploy.trial", kind, str(copy), str(state), str(seconds), *(["built"] if built else [])
        )
        done = subprocess.run(
            command, capture_output=True, check=False, text=True, timeout=BUILT_S if built else TRIAL_S
        )
        if done.returncode:
            raise HeadwaterError(f"the trial of {folder} ended with {done.returncode}: {done.stderr[-3000:]}")
        return msgspec.json.decode(done.stdout, type=Tried)
    finally:
        shutil.rmtree(state, ignore_errors=True)


def faults(found: Tried, is_judged: bool) -> list[str]:
    """What a trial should not have come to; empty when all is well."""
    told = [f"never served: {each}" for each in found.unhealthy] + [f"ended: {each}" for each in found.restarted]
    findings = found.findings
    if found.unhealthy:
        return told
    if is_judged and findings.readings_sent != findings.readings_delivered:
        told.append(f"{findings.readings_sent} readings sent, {findings.readings_delivered} delivered")
    if findings.readings_duplicated:
        told.append(f"{findings.readings_duplicated} readings delivered more than once")
    if not findings.lineage_checked or findings.lineage_exact != findings.lineage_checked:
        told.append(f"of {findings.lineage_checked} lineages {findings.lineage_exact} are exact")
    if findings.redis_exact != findings.redis_checked:
        told.append(f"of {findings.redis_checked} readings in Redis {findings.redis_exact} are as they should be")
    if findings.aggregates_exact != findings.aggregates_checked:
        told.append(f"of {findings.aggregates_checked} aggregates {findings.aggregates_exact} are exact")
    return told


def _give_secrets(folder: Path) -> None:
    """The files that whoever deploys must provide."""
    named: list[str] = []
    for file in ("compose.yaml", "kustomization.yaml"):
        if (folder / file).exists():
            document = yaml.safe_load((folder / file).read_text())
            named += [secret["file"] for secret in document.get("secrets", {}).values()]
            named += [path for entry in document.get("secretGenerator", ()) for path in entry["files"]]
    for path in named:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(SECRET)
