"""Patterns of tissues: shares and volumes inside lesions that size alone does not show."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from imgcompare.model import WHOLE, Exceeds, Observation, Role, Tissue
from imgcompare.response.pattern_figures import (
    CANNOT_TELL,
    WINDOW_UNKNOWN,
    Seen,
    fell,
    moved,
    rose,
    total,
)
from imgcompare.response.readings import LONGEST, T2_FLAIR, VOLUME, CourseReadings

SHRINK_PERCENT, GROW_PERCENT, GROW_MM = 30, 20, Decimal(5)
FRACTION_POINTS = Decimal("0.20")
"""Rise of a tissue's share of the lesion that counts (house rule)."""

FLUID_HU, FLUID_RISE_HU = Decimal(20), Decimal(10)
"""Fluid is at most this dense and enhances by less than this (Bosniak 2019)."""

SOLID_VOLUME_PERCENT, SOLID_DIAMETER_PERCENT = 65, 30
STABLE_VOLUME = Decimal("-65.7"), Decimal("72.8")
"""Changes of volume between those of a sphere whose diameter changes by -30 % and +20 %."""

RESPONSE_LIKE_PERCENT, FLAIR_PERCENT = 50, 25
"""Fall of enhancement and rise of T2/FLAIR that count (house rule)."""

ANTIANGIOGENIC = ("bevacizumab", "cediranib", "aflibercept", "antiangiogenic", "anti-vegf")

ENHANCING, NECROTIC = Tissue.ENHANCING.value, Tissue.NECROTIC.value
CYSTIC, OEDEMA = Tissue.CYSTIC.value, Tissue.OEDEMA.value


def shares_of_tissues(seen: Seen, t: int) -> Iterator[Observation]:
    """Observe shares of tissues that change inside lesions."""
    for i in sorted(seen.course.by_id):
        yield from _necrosis(seen, i, t)
        yield from _fluid(seen, i, t)
        yield from _solid(seen, i, t)


def _shares(
    course: CourseReadings, i: int, t: int, compartment: str
) -> tuple[Decimal, Decimal, Decimal, Decimal] | None:
    """Share of a tissue in a lesion at baseline and now, and the whole volumes."""
    values = [
        course.number(i, at, VOLUME, compartment=c)
        for at in (course.baseline_index, t)
        for c in (compartment, WHOLE)
    ]
    part0, whole0, part1, whole1 = values
    if part0 is None or part1 is None or not whole0 or not whole1:
        return None
    return part0 / whole0, part1 / whole1, whole0, whole1


def _necrosis(seen: Seen, i: int, t: int) -> Iterator[Observation]:
    shares = _shares(seen.course, i, t, NECROTIC)
    part, whole = seen.change(i, t, NECROTIC, VOLUME), seen.change(i, t, WHOLE, VOLUME)
    if shares is None or part is None or whole is None:
        return
    rise = shares[1] - shares[0]
    beyond = part.exceeds_error is Exceeds.YES and whole.exceeds_error is Exceeds.NO
    if rise >= FRACTION_POINTS and beyond:
        yield Observation(
            "NECROSIS_INCREASE", t, (i,),
            f"{seen.name(i)}: the necrotic share of the volume rose from "
            f"{100 * shares[0]:.0f} to {100 * shares[1]:.0f} % while the whole "
            f"({shares[2]:.1f} → {shares[3]:.1f} mL) is unchanged within "
            f"measurement error. {CANNOT_TELL} Size alone does not show it; compare the "
            "enhancing part at the next scan.",
        )  # fmt: skip


def _fluid(seen: Seen, i: int, t: int) -> Iterator[Observation]:
    course = seen.course
    shares = _shares(course, i, t, CYSTIC)
    if shares is None or shares[1] - shares[0] < FRACTION_POINTS:
        return
    density = course.number(i, t, "mean_intensity", compartment=CYSTIC)
    rise = course.number(i, t, "mean_enhancement", compartment=CYSTIC)
    is_ct = not any(Role.T1C in roles for roles in course.roles)
    if is_ct and density is not None and density > FLUID_HU:
        return
    if rise is not None and rise >= FLUID_RISE_HU:
        return
    hu = f" (mean {density:.0f} HU)" if is_ct and density is not None else ""
    yield Observation(
        "CYSTIC_CONVERSION", t, (i,),
        f"{seen.name(i)}: the fluid-like share of the volume rose from "
        f"{100 * shares[0]:.0f} to {100 * shares[1]:.0f} %{hu}; the whole went from "
        f"{shares[2]:.1f} to {shares[3]:.1f} mL. "
        "With this change the total size may grow while solid tissue declines, so size criteria "
        f"and density criteria can disagree. {CANNOT_TELL}",
    )  # fmt: skip


def _solid(seen: Seen, i: int, t: int) -> Iterator[Observation]:
    """Observe enhancing tissue that declines in a lesion of stable size."""
    course, base = seen.course, seen.course.baseline_index

    def pair(quantity: str, compartment: str) -> tuple[Decimal, Decimal] | None:
        both = [course.number(i, at, quantity, compartment=compartment) for at in (base, t)]
        return None if both[0] is None or both[1] is None or not both[0] else (both[0], both[1])

    volume, viable = pair(VOLUME, ENHANCING), pair(LONGEST, ENHANCING)
    length, whole = pair(LONGEST, WHOLE), pair(VOLUME, WHOLE)
    if length is not None:
        grew = rose(length, GROW_PERCENT) and length[1] - length[0] >= GROW_MM
        stable = not fell(length, SHRINK_PERCENT) and not grew
        size = f"longest diameter {length[0]:.1f} → {length[1]:.1f} mm"
    elif whole is not None:
        share = 100 * (whole[1] - whole[0]) / whole[0]
        stable = STABLE_VOLUME[0] < share < STABLE_VOLUME[1]
        size = f"whole volume {whole[0]:.1f} → {whole[1]:.1f} mL"
    else:
        return
    if not stable:
        return
    if volume is not None and fell(volume, SOLID_VOLUME_PERCENT):
        said = moved("enhancing volume", volume, "mL")
    elif viable is not None and fell(viable, SOLID_DIAMETER_PERCENT):
        said = moved("enhancing diameter", viable, "mm")
    else:
        return
    yield Observation(
        "SOLID_DECLINE_TOTAL_STABLE", t, (i,),
        f"{seen.name(i)}: the {said} while its size is stable ({size}). Criteria of size call this "
        f"stable, criteria of enhancement a response. {CANNOT_TELL}",
    )  # fmt: skip


def _flair(course: CourseReadings, t: int) -> tuple[Decimal, Decimal] | None:
    """All that is abnormal on T2/FLAIR: as typed, or the whole lesions with their oedema."""
    pairs = [
        (before, now)
        for i in course.by_id
        if (before := _abnormal(course, i, course.baseline_index)) is not None
        and (now := _abnormal(course, i, t)) is not None
    ]
    if not pairs:
        return None
    return sum((a for a, _ in pairs), Decimal(0)), sum((b for _, b in pairs), Decimal(0))


def _abnormal(course: CourseReadings, lesion_id: int, t: int) -> Decimal | None:
    """Volume of one lesion on T2/FLAIR: as typed, or whole with its oedema."""
    typed = course.number(lesion_id, t, VOLUME, compartment=T2_FLAIR)
    if typed is not None:
        return typed
    parts = [course.number(lesion_id, t, VOLUME, compartment=c) for c in (OEDEMA, WHOLE)]
    return None if None in parts else sum((p for p in parts if p is not None), Decimal(0))


def fluid_around(seen: Seen, t: int) -> Iterator[Observation]:
    """Observe T2/FLAIR abnormality and enhancement that go different ways."""
    course = seen.course
    enhancing = total(course, t, course.baseline_index, VOLUME, ENHANCING)
    flair = _flair(course, t)
    if enhancing is None or flair is None or not flair[0]:
        return
    if fell(enhancing, RESPONSE_LIKE_PERCENT) and rose(flair, FLAIR_PERCENT):
        drug = any(word in e.value.lower() for e in course.clinical for word in ANTIANGIOGENIC)
        window = (
            "Agents against angiogenesis reduce enhancement quickly, and one is recorded here."
            if drug
            else "Whether an agent against angiogenesis was given is not recorded."
        )
        yield Observation(
            "PSEUDORESPONSE_LIKE", t, (),
            f"{moved('Enhancing volume', enhancing, 'mL')} while the "
            f"{moved('T2/FLAIR volume', flair, 'mL')}. {window} {CANNOT_TELL} RANO looks at "
            "T2/FLAIR as well for this reason; confirm at 4 weeks or later.",
            () if drug else (WINDOW_UNKNOWN,),
        )  # fmt: skip


def only_oedema(seen: Seen, t: int) -> Iterator[Observation]:
    """Observe oedema that changes beyond error while enhancement does not."""
    for i in sorted(seen.course.by_id):
        around = seen.change(i, t, OEDEMA, VOLUME) or seen.change(i, t, T2_FLAIR, VOLUME)
        inside = seen.change(i, t, ENHANCING, VOLUME)
        if around is None or inside is None:
            continue
        if around.exceeds_error is Exceeds.YES and inside.exceeds_error is Exceeds.NO:
            yield Observation(
                "EDEMA_ONLY", t, (i,),
                f"{seen.name(i)}: oedema went from {around.from_value:.1f} to "
                f"{around.to_value:.1f} mL while the enhancing volume ({inside.from_value:.1f} → "
                f"{inside.to_value:.1f} mL) is unchanged within measurement error. {CANNOT_TELL} "
                "Steroid dose and treatment change oedema as well; record them in the events "
                "table.",
            )  # fmt: skip
