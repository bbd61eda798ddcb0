import pytest

from imgcompare.loading.listing import first_few


@pytest.mark.parametrize(
    ("texts", "expected"),
    [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (["a", "b", "c"], "a, b, …")],
)
def test_what_is_left_out_is_said(texts: list[str], expected: str) -> None:
    assert first_few(texts, 2) == expected
