"""Refuses what a reader cannot have meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgcompare.errors import InputError
from imgcompare.model import LesionState

if TYPE_CHECKING:
    from imgcompare.response.readings import CourseReadings


def check_reader(course: CourseReadings) -> None:
    """Refuse lesions and timepoints that do not exist, and states that figures contradict.

    Raises
    ------
    InputError
        Naming the lesion or the timepoint.
    """
    reader, known = course.reader, course.by_id
    named = {
        **{i: "the target lesions" for i in reader.targets or ()},
        **{i: "the new lesions" for ids in reader.new_lesions.values() for i in ids},
        **{i: "the lesion states" for i, _ in reader.states},
    }
    for lesion_id, where in named.items():
        if lesion_id not in known:
            raise InputError(f"Lesion {lesion_id} among {where} is not in the course.")
    times = {*reader.non_target, *reader.new_lesions, *reader.findings}
    for t in sorted(times | {t for _, t in reader.states}):
        if not 0 <= t < course.count:
            raise InputError(f"The reader's timepoint {t} is not in the course.")
    for (lesion_id, t), state in reader.states.items():
        size = course.number(lesion_id, t, course.size_quantity(lesion_id))
        if state is LesionState.ABSENT and size:
            raise InputError(
                f"Lesion {lesion_id} is said to be absent at {course.name(t)} and has a size of "
                f"{size} mm; delete one of them."
            )
        if state is LesionState.MEASURED and size is not None and not size:
            raise InputError(f"Lesion {lesion_id} is said to be measured at {course.name(t)} as 0.")
