"""From aligned images to lesions and their compartments."""

from imgcompare.segmentation.compartments import segment_compartments
from imgcompare.segmentation.following import follow_lesion
from imgcompare.segmentation.given import compartments_as_drawn, edit_compartments
from imgcompare.segmentation.lesion import lesion_from_seed, outline_seed
from imgcompare.segmentation.matching import Found, Matching, Place, is_imaged, match_lesions
from imgcompare.segmentation.preparation import Prepared, prepare
from imgcompare.segmentation.proposal import is_lesion, propose_lesions

__all__ = [
    "Found",
    "Matching",
    "Place",
    "Prepared",
    "compartments_as_drawn",
    "edit_compartments",
    "follow_lesion",
    "is_imaged",
    "is_lesion",
    "lesion_from_seed",
    "match_lesions",
    "outline_seed",
    "prepare",
    "propose_lesions",
    "segment_compartments",
]
