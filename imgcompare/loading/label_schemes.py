"""Says what the values of label maps mean: named schemes, asked for and never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from imgcompare.errors import InputError, LabelSchemeError
from imgcompare.model import TISSUE_CODES, LabelMap, Tissue

LABEL_SCHEMES: Final[Mapping[str, Mapping[int, Tissue | None]]] = MappingProxyType(
    {
        "binary": {},
        "instances": {},
        "components": {},
        "imgcompare": {code: tissue for tissue, code in TISSUE_CODES.items()},
        # BraTS 2023 and later: 1 necrotic core, 2 oedema, 3 enhancing, 4 resection cavity.
        "brats2023": {1: Tissue.NECROTIC, 2: Tissue.OEDEMA, 3: Tissue.ENHANCING, 4: None},
        # BraTS 2017 to 2021: 1 necrotic and non-enhancing core, 2 oedema, 4 enhancing.
        "brats2021": {1: Tissue.NECROTIC, 2: Tissue.OEDEMA, 4: Tissue.ENHANCING},
        "brats2020": {1: Tissue.NECROTIC, 2: Tissue.OEDEMA, 4: Tissue.ENHANCING},
    }
)
"""Meaning of label values by scheme; None is a label outside the lesion (resection cavity).

In ``binary`` every value but 0 is lesion; in ``instances`` every value is a lesion of its own; in
``components`` every connected piece is. BraTS label 4 is the enhancing part until 2021 and the
resection cavity from 2023 on, which is why a scheme is asked for and never guessed.
"""


def meaning_of(scheme: str | None) -> Mapping[int, Tissue | None]:
    """Give the tissues of a scheme, nothing where it names none.

    Raises
    ------
    LabelSchemeError
        If there is no such scheme.
    """
    if scheme is not None and scheme not in LABEL_SCHEMES:
        options = ", ".join(sorted(LABEL_SCHEMES))
        raise LabelSchemeError(f"There is no label scheme {scheme!r}; known are {options}.")
    return LABEL_SCHEMES[scheme] if scheme is not None else {}


def mask_region(labels: LabelMap, scheme: str | None = None) -> LabelMap:
    """Give the whole lesion (without oedema) that a label map outlines.

    Parameters
    ----------
    labels : LabelMap
        Values as read.
    scheme : str, optional
        A name of LABEL_SCHEMES. Without one the values must be 0 and one other.

    Returns
    -------
    LabelMap
        Boolean array on the same grid.

    Raises
    ------
    LabelSchemeError
        If values have no agreed meaning.
    InputError
        If nothing of the lesion remains, e.g. only oedema.
    """
    values = sorted(int(v) for v in np.unique(labels.array) if v)
    options = ", ".join(sorted(LABEL_SCHEMES))
    if scheme is None:
        if len(values) > 1:
            raise LabelSchemeError(
                f"The mask holds the labels {', '.join(map(str, values))}, whose meaning differs "
                f"between sources (BraTS label 4 changed in 2023); say which: {options}. "
                "binary takes all of them as one lesion, instances each as a lesion of its own."
            )
        scheme = "binary"
    if scheme not in LABEL_SCHEMES:
        raise LabelSchemeError(f"There is no label scheme {scheme!r}; known are {options}.")
    meaning = LABEL_SCHEMES[scheme]
    if not meaning:
        return LabelMap(labels.array != 0, labels.geometry)
    strange = [v for v in values if v not in meaning]
    if strange:
        raise LabelSchemeError(
            f"The mask holds the labels {', '.join(map(str, strange))}, which {scheme} does not "
            f"define; known schemes are {options}."
        )
    core = [v for v, tissue in meaning.items() if tissue not in (None, Tissue.OEDEMA)]
    region = np.isin(labels.array, core)
    if not region.any():
        raise InputError(f"The mask holds no tumour core by {scheme}, only oedema or cavity.")
    return LabelMap(region, labels.geometry)
