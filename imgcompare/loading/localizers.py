"""Lists each localizer once: its few images in several planes never are a volume."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from imgcompare.errors import SeriesError
from imgcompare.loading.choice import Candidate
from imgcompare.model import Role, Volume


def list_localizers(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Put the parts of each localizer series into one entry that cannot be loaded.

    Candidates with another role, also one given by a person, stay as they are.
    """
    result: list[Candidate] = []
    groups: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        uid = candidate.series.uid
        if candidate.role is Role.LOCALIZER and uid and not candidate.forced:
            groups[uid].append(candidate)
            if len(groups[uid]) > 1:
                continue
        result.append(candidate)
    return [
        _listed(groups[c.series.uid]) if c is groups.get(c.series.uid, [None])[0] else c
        for c in result
    ]


def _listed(parts: Sequence[Candidate]) -> Candidate:
    first = parts[0]
    series = first.series
    count = sum(p.series.geometry.shape[0] for p in parts)
    planes = len({p.series.geometry.plane for p in parts})
    text = f"{count} image{'s' * (count > 1)} in {planes} plane{'s' * (planes > 1)}"
    refusal = f"is a localizer of {text}, which is listed, not stacked"
    name = series.description.removesuffix(f"(part {first.part} of {first.parts})").strip()

    def read() -> Volume:
        raise SeriesError(f"Series {series.number} cannot be loaded: it {refusal}.")

    merged = replace(
        series,
        description=name,
        role_reason=f"{series.role_reason}; {text}, listed, not stacked",
        files=tuple(dict.fromkeys(f for p in parts for f in p.series.files)),
        reader=read,
        problems=(),
        alternatives={},
        refusal=refusal,
    )
    return replace(first, series=merged, part=1, parts=1, split_rule="", resampling="")
