"""Write transforms as ITK text files that other software opens.

Direction: a file ``A_onto_B.tfm`` resamples image A onto the grid of image B, as in
``SimpleITK.Resample(A, B, SimpleITK.ReadTransform(file))``. As ITK wants it, it therefore maps
points of B to points of A, in LPS mm. It is the inverse of :class:`imgcompare.model.Transform`,
which maps A to B.
"""

from __future__ import annotations

from imgcompare.model import AlignedTimepoint, Comparison, Course, Transform


def tfm_text(transform: Transform, *, moving: str, fixed: str) -> str:
    """Write the ITK transform file that resamples ``moving`` onto ``fixed``.

    Parameters
    ----------
    transform : Transform
        Maps moving to fixed world points.
    moving, fixed : str
        Names for the comment lines.
    """
    matrix = transform.inverse().matrix
    parameters = " ".join(repr(float(v)) for v in [*matrix[:3, :3].ravel(), *matrix[:3, 3]])
    return (
        "#Insight Transform File V1.0\n"
        f"# Resamples {moving} onto {fixed}.\n"
        f"# Maps points of {fixed} to points of {moving}, LPS mm.\n"
        "#Transform 0\n"
        "Transform: AffineTransform_double_3_3\n"
        f"Parameters: {parameters}\n"
        "FixedParameters: 0 0 0\n"
    )


def transform_files(comparison: Comparison) -> dict[str, str]:
    """Give name and text of the files of all timepoints' transforms."""
    baseline = comparison.course.baseline_index
    files: dict[str, str] = {}
    for result in comparison.results:
        aligned, name = result.aligned, file_stem(comparison, result.index)
        files |= _within(aligned, name)
        if result.index != baseline:
            onto = file_stem(comparison, baseline)
            text = tfm_text(aligned.to_baseline, moving=name, fixed=onto)
            files[f"{name}_onto_{onto}.tfm"] = text
    return files


def file_stem(comparison: Comparison, index: int) -> str:
    """Start of the file names of a timepoint: ``timepoint-1_2024-05-10``."""
    return course_stem(comparison.course, index)


def course_stem(course: Course, index: int) -> str:
    """Start of the file names of a course's timepoint."""
    date = next(t.date for t in course.timepoints if t.index == index)
    return f"timepoint-{index}" + (f"_{date.isoformat()}" if date else "")


def _within(aligned: AlignedTimepoint, name: str) -> dict[str, str]:
    reference = aligned.reference_role
    return {
        f"{name}_{role.value}_onto_{reference.value}.tfm": tfm_text(
            transform, moving=f"{name} {role.value}", fixed=f"{name} {reference.value}"
        )
        for role, transform in aligned.to_reference.items()
        if role is not reference
    }
