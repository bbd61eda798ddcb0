import json
import os
from pathlib import Path

import pytest

from imgcompare.errors import OutputError
from imgcompare.reporting.atomic import MANIFEST, require_writable, staged


def run(folder: Path, **files: str) -> None:
    """Write files as one run does, with the list of them."""
    named = {name.replace("__", "/").replace("_dot_", "."): text for name, text in files.items()}
    with staged(folder) as staging:
        for name, text in named.items():
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).write_text(text)
        manifest = {"files": [*named, MANIFEST]}
        (staging / MANIFEST).write_text(json.dumps(manifest))


def write_half(folder: Path, failure: BaseException) -> None:
    """Fail in the middle of writing."""
    with staged(folder) as staging:
        (staging / "a.csv").write_text("half")
        raise failure


def content(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): p.read_text()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_all_files_arrive_and_nothing_else_is_left(tmp_path: Path) -> None:
    run(tmp_path / "out", a_dot_csv="1", labels__b_dot_nii="2")
    assert set(content(tmp_path / "out")) == {"a.csv", "labels/b.nii", MANIFEST}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"a.csv", "labels", MANIFEST}


@pytest.mark.parametrize(
    ("failure", "seen"),
    [
        (OSError(28, "No space left on device"), OutputError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (ValueError("bug"), ValueError),
    ],
)
def test_a_run_that_fails_leaves_older_results_untouched(
    failure: BaseException, seen: type[BaseException], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(out, a_dot_csv="old")
    before = content(out)
    with pytest.raises(seen):
        write_half(out, failure)
    assert content(out) == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_first_run_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No space left"):
        write_half(tmp_path / "x" / "out", OSError(28, "No space left on device"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stop_at", [1, 2, 3, 4, 5])
def test_a_failure_while_moving_is_undone(
    stop_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    run(out, a_dot_csv="old", b_dot_csv="old", labels__c="old")
    before = content(out)
    real, calls = os.replace, 0

    def failing(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == stop_at:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr("imgcompare.reporting.atomic.os.replace", failing)
    with pytest.raises(KeyboardInterrupt):
        run(out, a_dot_csv="new", b_dot_csv="new", d_dot_csv="new")
    monkeypatch.undo()
    assert content(out) == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_own_files_are_replaced_and_foreign_ones_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(out, a_dot_csv="old", labels__gone="old")
    (out / "notes.txt").write_text("mine")
    (out / "labels" / "mine.nii").write_text("mine")
    run(out, a_dot_csv="new")
    found = content(out)
    assert found["a.csv"] == "new"
    assert found["notes.txt"] == found["labels/mine.nii"] == "mine"
    assert "labels/gone" not in found


def test_a_foreign_file_of_the_same_name_is_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "report.html").write_text("mine")
    with pytest.raises(OutputError, match=r"report\.html, which was not written by imgcompare"):
        run(out, report_dot_html="new")
    assert content(out) == {"report.html": "mine"}


@pytest.mark.parametrize("name", ["../mine.txt", "/etc/x", "other/mine.txt", "a/../../mine.txt"])
def test_a_manifest_cannot_reach_outside_our_folders(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "other").mkdir(parents=True)
    (out / "other" / "mine.txt").write_text("mine")
    (tmp_path / "mine.txt").write_text("mine")
    (out / MANIFEST).write_text(json.dumps({"files": [name, MANIFEST]}))
    run(out, a_dot_csv="new")
    assert (out / "other" / "mine.txt").read_text() == (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 3}'])
def test_a_broken_manifest_is_foreign(text: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / MANIFEST).write_text(text)
    with pytest.raises(OutputError, match="not written by imgcompare"):
        run(out, a_dot_csv="new")


def test_a_file_in_the_way_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match=r"is a file; give a folder") as caught:
        require_writable(tmp_path / "out")
    assert "\n" not in str(caught.value)
    with pytest.raises(OutputError, match="is a file"), staged(tmp_path / "out" / "deeper"):
        pass


def test_a_folder_that_cannot_be_written_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tests may run as root, whom no mode stops: ask the check, not the disk.
    monkeypatch.setattr("imgcompare.reporting.atomic.os.access", lambda *_: False)
    with pytest.raises(OutputError, match="not writable"), staged(tmp_path / "out"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_staging_goes_inside_if_the_parent_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    real = Path.mkdir

    def refuse(self: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False):
        if self.parent == tmp_path and self != out:
            raise PermissionError(13, "Permission denied")
        real(self, mode, parents, exist_ok)

    monkeypatch.setattr(Path, "mkdir", refuse)
    run(out, a_dot_csv="1")
    assert {p.name for p in out.iterdir()} == {"a.csv", MANIFEST}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
