"""From aligned images to lesions and their compartments."""

from imgcompare.segmentation.compartments import segment_compartments
from imgcompare.segmentation.following import follow_lesion
from imgcompare.segmentation.fragments import find_fragments
from imgcompare.segmentation.given import compartments_as_drawn, edit_compartments
from imgcompare.segmentation.lesion import lesion_from_seed, outline_seed
from imgcompare.segmentation.likeness import is_lesion
from imgcompare.segmentation.matching import Found, Matching, Place, is_imaged, match_lesions
from imgcompare.segmentation.parting import Parts, part_at_waist
from imgcompare.segmentation.preparation import Prepared, prepare
from imgcompare.segmentation.proposal import propose_lesions
from imgcompare.segmentation.sharing import share_oedema

__all__ = [
    "Found",
    "Matching",
    "Parts",
    "Place",
    "Prepared",
    "compartments_as_drawn",
    "edit_compartments",
    "find_fragments",
    "follow_lesion",
    "is_imaged",
    "is_lesion",
    "lesion_from_seed",
    "match_lesions",
    "outline_seed",
    "part_at_waist",
    "prepare",
    "propose_lesions",
    "segment_compartments",
    "share_oedema",
]
