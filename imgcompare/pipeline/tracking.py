"""Look for lesions at other timepoints than their own: later ones, and those before a new one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from imgcompare.errors import RegistrationError
from imgcompare.model import (
    AlignedTimepoint,
    EventKind,
    LabelMap,
    LesionSegmentation,
    Role,
    Volume,
)
from imgcompare.pipeline.aligning import succeeded, why
from imgcompare.pipeline.journal import Journal
from imgcompare.pipeline.touching import deepest_in, part_touching
from imgcompare.registration import map_mask
from imgcompare.segmentation import (
    Found,
    Matching,
    Place,
    Prepared,
    find_fragments,
    follow_lesion,
    is_imaged,
    is_lesion,
    match_lesions,
)
from imgcompare.segmentation.masks import BoolArray

REPEATED_SHARE = 0.3
"""What is found at an earlier timepoint and lies on a known lesion to this part is that lesion."""

ALIKE_SHARE = 0.5
"""What is found before at a newcomer's place, each on the other to this part, is the same thing,
whatever its shape: not new."""

WITH_CONTRAST = frozenset({Role.T1C, Role.CT_ARTERIAL, Role.CT_PORTAL, Role.CT_DELAYED, Role.CT})
"""Series that may show what enhances; of a CT whose phase is unknown, nobody can say."""


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """A lesion's region on the full reference grid, and where it comes from."""

    region: LabelMap
    source: str
    proposed: bool = False
    followed: Place | None = None  # the outline of another timepoint that it was looked for from
    drawn: LabelMap | None = None  # labels that name the tissues themselves
    fill: Volume | None = None  # part of each voxel inside, where the file tells
    identity: int | None = None  # the lesion a person says it is
    unenhanced: bool = False  # outlined on FLAIR or T2, as it gains no contrast

    @property
    def mask(self) -> BoolArray:
        """Voxels of the lesion."""
        return np.asarray(self.region.array, dtype=bool)


@dataclass(slots=True)
class Tracking:
    """What has been found so far, and what was looked for where.

    Attributes
    ----------
    aligned : sequence of AlignedTimepoint
        All timepoints.
    outlines : list of list of Outline
        Per timepoint, in order of time.
    looked_for : dict of int to set of Place
        Per timepoint, the earlier outlines that were looked for; all where it is missing.
    """

    aligned: Sequence[AlignedTimepoint]
    journal: Journal
    outlines: list[list[Outline]] = field(default_factory=list)
    looked_for: dict[int, set[Place]] = field(default_factory=dict)

    def match(self) -> Matching:
        """Give identities to what has been found so far."""
        return match_outlines(
            self.aligned[: len(self.outlines)], self.outlines, looked_for=self.looked_for
        )

    def follow(self, prepared: Prepared, found: Sequence[Outline] = ()) -> list[Outline]:
        """Look for earlier lesions at the next timepoint.

        Parameters
        ----------
        prepared : Prepared
            The timepoint.
        found : sequence of Outline
            What was given for this timepoint; these lesions need no search.

        Returns
        -------
        list of Outline
            Each with where it was followed from.

        Raises
        ------
        RegistrationError
            If nothing was given and this timepoint could not be aligned.
        """
        aligned = prepared.aligned
        index = aligned.timepoint.index
        places = self._last_seen(found)
        if found:
            self.looked_for[index] = set()
        if not places:
            return []
        if not succeeded(aligned.to_baseline):
            if found:
                return []
            raise RegistrationError(
                f"{aligned.timepoint.name} could not be aligned to the baseline"
                f"{why(aligned.to_baseline)}, so its lesions cannot be found from earlier ones. "
                f"Give --seed or --mask for {aligned.timepoint.name}."
            )
        reachable = [p for p in places if succeeded(self.aligned[p[0]].to_baseline)]
        unclear = {p for p in reachable if self._lacks_contrast(p, aligned)}
        if unclear and not prepared.is_ct:
            reachable = [p for p in reachable if p not in unclear]
        self.looked_for[index] = set(reachable)
        with ThreadPoolExecutor(max_workers=2) as pool:
            sought = list(pool.map(lambda p: self._seek(prepared, p), reachable))
        for place, (_, mask) in zip(reachable, sought, strict=True):
            if place in unclear and not mask.any():
                self.looked_for[index].discard(place)
        self._warn_unclear(aligned, len(unclear))
        masks = self._told_apart(prepared, sought)
        taken = np.any([*masks, *(o.mask for o in found)], axis=0)
        followed = []
        for place, (expected, _), mask in zip(reachable, sought, masks, strict=True):
            if not mask.any():
                continue
            followed.append(self._carried(place, LabelMap(mask, aligned.geometry)))
            unenhanced = self._at(place).unenhanced
            for part in find_fragments(prepared, expected, taken, unenhanced=unenhanced):
                taken |= np.asarray(part.array, dtype=bool)
                # Not said to be the earlier lesion: matching calls it a part of that one.
                followed.append(replace(self._carried(place, part), followed=None))
        return followed

    def look_back(
        self, index: int, newcomers: Sequence[Outline], prepared: Prepared
    ) -> list[Outline | None]:
        """Look at an earlier timepoint for lesions that were first found at timepoint ``index``.

        Returns
        -------
        list of Outline or None
            Per newcomer, its outline at the earlier timepoint; None where nothing is to be seen.
        """
        earlier = prepared.aligned.timepoint.index
        known = np.zeros(prepared.aligned.geometry.shape, dtype=bool)
        for outline in self.outlines[earlier]:
            known |= outline.mask
        results: list[Outline | None] = []
        for newcomer in newcomers:
            expected = self._expected(newcomer, index, prepared)
            region = follow_lesion(prepared, expected, unenhanced=newcomer.unenhanced)
            mask = np.asarray(region.array, dtype=bool)
            repeated = (mask & known).sum() > REPEATED_SHARE * mask.sum()
            # Vessels and specks are everywhere, so that something is found at most places.
            alike = (mask & expected).sum() >= ALIKE_SHARE * max(mask.sum(), expected.sum())
            likely = newcomer.unenhanced or alike or is_lesion(prepared, mask)
            if repeated or not mask.any() or not likely:
                results.append(None)
                continue
            source = f"{_origin(newcomer)} carried back from {self._name(index)}"
            cut = LabelMap(mask & ~known, region.geometry)
            known |= mask
            results.append(Outline(cut, source, newcomer.proposed, unenhanced=newcomer.unenhanced))
        return results

    def is_imaged(self, place: Place, index: int) -> bool:
        """Tell whether timepoint ``index`` shows the place of an outline."""
        there = self.aligned[index]
        found = Found(self._at(place).region, self.aligned[place[0]].to_baseline)
        return is_imaged(found, (there.geometry, there.to_baseline))

    def _last_seen(self, found: Sequence[Outline]) -> list[Place]:
        """Say where each lesion was seen last, without those found and those that merged."""
        before = self.match()
        last = {i: (t, p) for t, ids in enumerate(before.ids) for p, i in enumerate(ids)}
        merged = {i for e in before.events if e.kind is EventKind.MERGED for i in e.lesion_ids[1:]}
        here: set[int] = set()
        if found:
            now = Tracking(self.aligned, self.journal, [*self.outlines, list(found)])
            here = set(now.match().ids[-1])
        return [place for i, place in sorted(last.items()) if i not in merged | here]

    def _lacks_contrast(self, place: Place, there: AlignedTimepoint) -> bool:
        """Tell whether an outline rests on contrast that another timepoint does not show."""
        here = WITH_CONTRAST & self.aligned[place[0]].images.keys()
        return bool(here) and not (
            WITH_CONTRAST & there.images.keys() or self._at(place).unenhanced
        )

    def _warn_unclear(self, aligned: AlignedTimepoint, count: int) -> None:
        if count:
            name = aligned.timepoint.name
            self.journal.warn(
                f"{name} has no series after contrast, which {count} earlier lesion(s) were "
                f"outlined on: what is not found there has not vanished. Give --seed or --mask "
                f"for {name} to measure it on {aligned.reference_role}."
            )

    def _carried(self, place: Place, region: LabelMap) -> Outline:
        """Give the outline of an earlier lesion at this timepoint."""
        earlier = self._at(place)
        return replace(
            earlier,
            region=region,
            source=f"{_origin(earlier)} carried from {self._name(place[0])}",
            followed=place,
            drawn=None,
            fill=None,
            identity=None,
        )

    def _told_apart(
        self, prepared: Prepared, sought: Sequence[tuple[BoolArray, BoolArray]]
    ) -> list[BoolArray]:
        """Part what several lesions were found in at a waist; without one they have merged.

        The first of those that have merged keeps the common outline, the others get none.
        """
        spacing = prepared.aligned.geometry.spacing_mm
        return part_touching(
            [mask for _, mask in sought],
            [deepest_in(e & m if (e & m).any() else m, spacing) for e, m in sought],
            spacing,
            about=prepared.aligned.timepoint.name,
            journal=self.journal,
        )

    def _seek(self, prepared: Prepared, place: Place) -> tuple[BoolArray, BoolArray]:
        """Give where an earlier lesion is expected, and where it was found."""
        outline = self._at(place)
        expected = self._expected(outline, place[0], prepared)
        region = follow_lesion(prepared, expected, unenhanced=outline.unenhanced)
        return expected, np.asarray(region.array, dtype=bool)

    def _expected(self, outline: Outline, index: int, prepared: Prepared) -> BoolArray:
        """Give an outline of timepoint ``index`` on the grid of another timepoint."""
        source, target = self.aligned[index], prepared.aligned
        there = source.to_baseline.then(target.to_baseline.inverse())
        return map_mask(outline.mask, source.geometry, target.geometry, there)

    def _at(self, place: Place) -> Outline:
        return self.outlines[place[0]][place[1]]

    def _name(self, index: int) -> str:
        return "baseline" if index == 0 else self.aligned[index].timepoint.name


def _origin(outline: Outline) -> str:
    """Say what a lesion was outlined from in the first place: mask, seed or proposal."""
    return outline.source.split(" carried ")[0]


def match_outlines(
    aligned: Sequence[AlignedTimepoint],
    outlines: Sequence[Sequence[Outline]],
    *,
    looked_for: Mapping[int, Collection[Place]] | None = None,
) -> Matching:
    """Give lesions their identities; what was followed, or named by a person, stands."""
    every = {(t, p): o for t, found in enumerate(outlines) for p, o in enumerate(found)}
    return match_lesions(
        [
            [Found(o.region, one.to_baseline) for o in found]
            for one, found in zip(aligned, outlines, strict=True)
        ],
        views=[(one.geometry, one.to_baseline) for one in aligned],
        links={place: o.identity for place, o in every.items() if o.identity is not None},
        followed={place: o.followed for place, o in every.items() if o.followed is not None},
        looked_for=looked_for,
    )


def find_overlooked(
    tracking: Tracking,
    *,
    closed: set[int],
    prepare: Callable[[AlignedTimepoint], Prepared],
    tell: Callable[[Prepared, Outline], LesionSegmentation],
) -> list[list[LesionSegmentation]]:
    """Look for every new lesion at the timepoints before: new means that it was not visible there.

    Parameters
    ----------
    tracking : Tracking
        All timepoints; what is found is added to its outlines.
    closed : set of int
        Timepoints whose lesions a person has outlined, which settles what is there.
    prepare, tell : callable
        Prepare a timepoint, and tell the tissues of an outline apart.

    Returns
    -------
    list of list of LesionSegmentation
        Per timepoint, one for each outline added.
    """
    added: list[list[LesionSegmentation]] = [[] for _ in tracking.outlines]
    for earlier in range(len(tracking.outlines) - 1):
        places = [p for p in _newcomers(tracking) if p[0] > earlier]
        usable = [p for p in places if _comparable(tracking, earlier, p[0])]
        if earlier in closed or not usable:
            continue
        prepared = prepare(tracking.aligned[earlier])
        for place in usable:
            newcomer = tracking.outlines[place[0]][place[1]]
            name = tracking.aligned[earlier].timepoint.name
            what = f"lesion first found at {tracking.aligned[place[0]].timepoint.name}"
            if not tracking.is_imaged(place, earlier):
                reason = "its place lies outside the image"
                tracking.journal.decide(name, choice=f"{what}: not imaged", reason=reason)
                continue
            found = tracking.look_back(place[0], [newcomer], prepared)[0]
            if found is None:
                reason = "looked for at its place, and nothing was found"
                tracking.journal.decide(name, choice=f"{what}: absent", reason=reason)
                continue
            reason = "looked for at its place, and found"
            tracking.journal.decide(name, choice=f"{what}: present", reason=reason)
            here = (earlier, len(tracking.outlines[earlier]))
            tracking.outlines[earlier].append(found)
            tracking.outlines[place[0]][place[1]] = replace(newcomer, followed=here)
            added[earlier].append(tell(prepared, found))
    return added


def _newcomers(tracking: Tracking) -> list[Place]:
    """Give the first outlines of lesions that appear after baseline."""
    matching = tracking.match()
    new = {i for e in matching.events if e.kind is EventKind.NEW for i in e.lesion_ids}
    first: dict[int, Place] = {}
    for timepoint, ids in enumerate(matching.ids):
        for position, identity in enumerate(ids):
            first.setdefault(identity, (timepoint, position))
    return [first[i] for i in sorted(new)]


def _comparable(tracking: Tracking, *indices: int) -> bool:
    return all(succeeded(tracking.aligned[i].to_baseline) for i in indices)
