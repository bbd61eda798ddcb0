"""Whatever is wrong: one clear line, exit code 2, no traceback, nothing half-written."""

import errno
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from imgcompare.loading import load_course
from imgcompare.pipeline import journal
from imgcompare.reporting import atomic
from tests.cli.conftest import Run, headers

BASELINE = "20240110"


def refused(result: tuple[int, str, str], *parts: str) -> None:
    """Check that a run ended as a refusal should."""
    code, _, err = result
    lines = [line for line in err.splitlines() if line.startswith("imgcompare:")]
    assert code == 2, err
    assert len(lines) == 1, err
    assert "Traceback" not in err
    for part in parts:
        assert part in lines[0], lines[0]


def seed_of(truth: dict, timepoint: int, lesion: int = 0) -> str:  # type: ignore[type-arg]
    """Seed option at the true centre of a lesion."""
    centre = truth["timepoints"][timepoint]["lesions"][lesion]["centre_lps_mm"]
    return f"{timepoint}=" + ",".join(str(x) for x in centre)


def test_an_empty_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(run("compare", tmp_path / "empty", "-o", tmp_path / "out"), "empty")
    assert not (tmp_path / "out").exists()


def test_warnings_are_not_printed_by_the_log_as_well(run: Run, tmp_path: Path) -> None:
    run("scan", tmp_path / "nowhere")
    assert any(isinstance(h, logging.NullHandler) for h in journal.logger.handlers)


def test_a_folder_that_is_not_there(run: Run, tmp_path: Path) -> None:
    refused(run("scan", tmp_path / "nowhere"), "nowhere")


def test_a_folder_without_images(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "readme.txt").write_text("no image here")
    refused(run("compare", tmp_path / "notes", "-o", tmp_path / "out"), "image")


def test_one_timepoint_only(run: Run, study: Path, tmp_path: Path) -> None:
    for path in headers(study, date="20240306", description=""):
        path.unlink()
    refused(run("compare", study, "-o", tmp_path / "out"), "2024-01-10", "two or more timepoints")


def test_a_mask_on_another_grid_names_both_grids(run: Run, sample: Path, tmp_path: Path) -> None:
    mask = sitk.GetImageFromArray(np.ones((4, 5, 6), dtype=np.uint8))
    sitk.WriteImage(mask, str(tmp_path / "lesion.nii.gz"))
    result = run(
        "compare", sample, "-o", tmp_path / "out", "--mask", f"0={tmp_path / 'lesion.nii.gz'}"
    )
    refused(result, "lesion.nii.gz", "4x5x6", "24x72x60")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("seed", "part"), [("0=900,0,0", "outside"), ("0=85,-100,0", "air")])
def test_a_seed_outside_the_volume_or_in_air(
    run: Run, sample: Path, tmp_path: Path, seed: str, part: str
) -> None:
    refused(run("compare", sample, "-o", tmp_path / "out", "--seed", seed), part)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--seed", "0=1,2"], "TIMEPOINT=L,P,S"),
        (["--seed", "7=1,2,3"], "0 (2024-01-10), 1 (2024-03-06)"),
        (["--role", "2=WRONG"], "T1C"),
        (["--role", "nothing like it=T1C"], "nothing like it"),
        (["--criteria", "RECIST_9"], "RECIST_9"),
        (["--config", "absent.toml"], "absent.toml"),
        (["--nonsense"], "nonsense"),
    ],
)
def test_a_bad_option(
    run: Run, sample: Path, tmp_path: Path, options: list[str], part: str
) -> None:
    refused(run("compare", sample, "-o", tmp_path / "out", *options), part)
    assert not (tmp_path / "out").exists()


def test_an_unreadable_file_among_good_ones_is_named_and_left_out(run: Run, study: Path) -> None:
    good = headers(study, date=BASELINE, description="t1_se_post_tra")[0]
    (good.parent / "torn").write_bytes(good.read_bytes()[:200])
    code, out, _ = run("scan", study)
    assert code == 0
    assert "torn" in out
    assert out.count("24×72×60") == 8, "all series are still complete"


def test_a_truncated_slice_refuses_its_series_with_the_position(run: Run, study: Path) -> None:
    victim = headers(study, date=BASELINE, description="t1_se_post_tra")[11]
    victim.write_bytes(victim.read_bytes()[:-3000])
    _, out, _ = run("scan", study)
    assert victim.name in out
    assert "t1_se_post_tra" in out
    series = load_course([study]).timepoints[0].others
    assert [s for s in series if "post" in s.description and s.refusal]


def test_a_missing_inner_slice_refuses_the_series_with_its_position(study: Path) -> None:
    victim = headers(study, date=BASELINE, description="t1_se_post_tra")[11]
    victim.unlink()
    course = load_course([study])
    text = " ".join(course.problems)
    series = [*course.timepoints[0].series.values(), *course.timepoints[0].others]
    text += " ".join(s.refusal for s in series)
    assert "missing" in text
    assert "mm" in text, "the position is named"


def test_a_file_where_the_output_folder_should_be(run: Run, sample: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    refused(run("compare", sample, "-o", tmp_path / "out"), "out")
    refused(run("demo", "-o", tmp_path / "out"), "out")
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder not even root can write to")
def test_an_output_folder_that_is_not_writable(run: Run, sample: Path) -> None:
    refused(run("compare", sample, "-o", "/proc/imgcompare"), "/proc/imgcompare")


def test_a_disk_that_fills_up_leaves_the_old_report(
    run: Run, sample: Path, truth: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[type-arg]
    out = tmp_path / "out"
    out.mkdir()
    (out / "report.html").write_text("old")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    monkeypatch.setattr(Path, "write_bytes", full)
    seeds = ["--seed", seed_of(truth, 0), "--seed", seed_of(truth, 1)]
    refused(run("compare", sample, "-o", out, *seeds), "No space left")
    monkeypatch.undo()
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["report.html"]
    assert (out / "report.html").read_text() == "old"
    assert atomic.staged


def test_interrupted_with_ctrl_c(sample: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "imgcompare",
        "compare",
        str(sample),
        "-o",
        str(tmp_path / "o"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert "Traceback" not in err
    assert err.strip().splitlines()[-1] == "imgcompare: interrupted; no result was written."
    assert list(tmp_path.iterdir()) == []


INTERRUPTED = [
    # what numba does if it is interrupted while it compiles
    "try: signal.raise_signal(signal.SIGINT)\nexcept KeyboardInterrupt: raise RuntimeError",
    # code that libraries run as text, e.g. to make data classes
    "exec('signal.raise_signal(signal.SIGINT)')",
]


@pytest.mark.parametrize("work", INTERRUPTED)
def test_interrupted_within_a_library(work: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "import signal\nfrom imgcompare.cli import main as entry\n"
        f"def work(**_):\n    exec({work!r}, {{'signal': signal}})\n"
        "entry.cli.main = work\nentry.main()\n"
    )
    command = [sys.executable, "-m", "program"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip() == "imgcompare: interrupted; no result was written."
