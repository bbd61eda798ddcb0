"""The public surface is sorted, complete, lazy, and free of heavy imports."""

import subprocess
import sys

import pytest

import imgcompare


def test_all_is_sorted_and_importable() -> None:
    assert imgcompare.__all__ == sorted(imgcompare.__all__)
    for name in imgcompare.__all__:
        assert getattr(imgcompare, name) is not None
    assert set(imgcompare.__all__) <= set(dir(imgcompare))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="measure_everything"):
        imgcompare.measure_everything  # noqa: B018


def modules_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_import_and_help_load_no_numpy() -> None:
    helps = [[], ["assess"], ["compare"], ["demo"], ["repeatability"], ["scan"]]
    for command in helps:
        code = (
            "from imgcompare.cli.main import main\n"
            f"try:\n    main([*{command!r}, '--help'])\n"
            "except SystemExit as stop:\n    assert not stop.code"
        )
        loaded = modules_after(code)
        assert "imgcompare.cli.main" in loaded
        assert not {"numpy", "pydicom", "SimpleITK", "matplotlib"} & loaded, command


def test_the_check_for_numpy_can_fail() -> None:
    assert "numpy" in modules_after("import imgcompare; imgcompare.Geometry")
