"""Real series with known answers, who knows them, and where peers are wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ALL: Final = ("dcm2niix", "SimpleITK", "highdicom")

PYDICOM: Final = "pydicom"
"""Judge by the planes: each file's pixels lie where its own header places them."""


@dataclass(frozen=True)
class RealCase:
    """One folder of shared/data.

    ``right`` names the peers that read it right, which we must equal; ``why`` says what the others
    do. Where none is right, ``judge`` is `PYDICOM`, or a folder of NIfTI files that a later
    dcm2niix made, or the word that a refusal must hold after "refused: ".
    """

    folder: str
    expected: str
    right: tuple[str, ...] = ALL
    why: dict[str, str] = field(default_factory=dict)
    judge: str = PYDICOM

    def path(self, shared: Path) -> Path:
        """Where it is."""
        return shared / self.folder


_D2N: Final = "dcm_variety/dicom2nifti"
_TWO: Final = ("dcm2niix", "SimpleITK")
_ENHANCED: Final = ("dcm2niix", "highdicom")
_BARE: Final = {"highdicom": "refuses images without a frame of reference"}
_FRAMES: Final = {"SimpleITK": "reads enhanced files as frames without a place"}
_STACKS: Final = {
    "SimpleITK": "stacks whatever has one Series Instance UID",
    "highdicom": "does not split a series",
}
_GAP: Final = {
    "dcm2niix": "stacks the slices as if they were even, and adds an interpolated copy",
    "SimpleITK": "stacks the slices as if they were even",
    **_BARE,
}
_SHEAR: Final = {
    "dcm2niix": "writes the slices as if they were not tilted, and a resampled copy",
    "SimpleITK": "drops the shear, which its images cannot hold",
}

REAL_CASES: Final = (
    *(
        RealCase(f"cmb_crc_mr/{visit}/{kind}_image", f"{kind.upper()}, one volume")
        for visit in ("SCAN_001", "SCAN_002")
        for kind in ("adc", "t2")
    ),
    RealCase("lidc_0001/dicom_small", "chest CT with padding"),
    RealCase("ibsi/sts_008/dicom/CT/image", "CT, implicit"),
    RealCase("ibsi/sts_008/dicom/MR_T1/image", "MR"),
    RealCase("ibsi/sts_008/dicom/PET/image", "SUV (GML), slope of its own in each slice"),
    RealCase(
        "ibsi/ibsi_1_digital_phantom/dicom_deprecated/image",
        "legacy converted enhanced MR",
        _ENHANCED,
        _FRAMES,
    ),
    RealCase("ucsf_dce_06/UCSF-BR-06/image_dce_pe1", "derived MR"),
    RealCase("ucsf_dce_06/UCSF-BR-06/image_dce_ser", "derived MR, slope 0.001"),
    RealCase(
        "ucsf_dce_06/UCSF-BR-06/image_dce_3dfgre_orig",
        "three phases in one series of 180 slices",
        ("dcm2niix",),
        _STACKS,
    ),
    RealCase("dcmqi/data/segmentations/ct-3slice", "CT, implicit, with padding"),
    *(
        RealCase(f"dcmqi/data/segmentations/{size}/image", "CT, 3 slices")
        for size in ("23x38x3", "24x38x3")
    ),
    *(
        RealCase(
            f"dcmqi/data/segmentations/{size}/multiframe",
            "legacy converted enhanced CT",
            _ENHANCED,
            _FRAMES,
        )
        for size in ("23x38x3", "24x38x3")
    ),
    RealCase(
        "dcm_variety/ge_ct_tilt",
        "two slabs, 4 and 7 mm apart, both on their exact sheared grid",
        (),
        {
            "dcm2niix": "makes one volume of both slabs",
            "SimpleITK": "makes one even volume of both slabs, without shear",
            "highdicom": "refuses what is uneven or sheared",
        },
    ),
    RealCase(
        "dcm_variety/dcm_qa_12bit/In",
        "three mosaics, 12 bits in 16 with other bits set, one of them signed",
        (),
        {
            "dcm2niix": "this version keeps the other bits; the publisher's reference does not",
            "SimpleITK": "stacks three pictures as slices",
            "highdicom": "refuses three pictures at one place",
        },
        judge="dcm_variety/dcm_qa_12bit/Ref",
    ),
    RealCase(
        "dcm_variety/dcm_qa_philips/In/Magdeburg_2014/fmri",
        "three time points; rescaled values, “precise” ones on request",
        (),
        {"dcm2niix": "gives the precise values, which we give on request", **_STACKS},
    ),
    RealCase(
        "dcm_variety/dcm_qa_enh/In/Philips",
        "magnitude and field map (Hz) of one enhanced file, each with its own rescale",
        (),
        {
            "dcm2niix": "precise values; its slope for the field map is rounded (0.006 Hz off)",
            "SimpleITK": _FRAMES["SimpleITK"],
            "highdicom": "stumbles over a private tag",
        },
    ),
    RealCase("dcm_variety/dcm_qa_enh/In/Siemens", "four time points", _ENHANCED, _FRAMES),
    RealCase("dcm_variety/dcm_qa_agfa/Siemens", "four time points", _ENHANCED, _FRAMES),
    RealCase("dcm_variety/dcm_qa_agfa/Agfa", "the same, rewritten by a PACS", _ENHANCED, _FRAMES),
    RealCase(
        "dcm_variety/pydicom_data/eCT_Supplemental.dcm",
        "enhanced CT of two frames",
        ("dcm2niix",),
        {**_FRAMES, **_BARE},
    ),
    *(
        RealCase(
            f"dcm_variety/pydicom_data/emri_small{kind}.dcm",
            "refused: the file has no functional groups, so that its frames have no place",
            (),
            {
                "dcm2niix": "places frames of two of the three files somewhere",
                "SimpleITK": "reads frames without a place",
                "highdicom": "refuses the file",
            },
            judge="refused: describes 0 frames but claims 10",
        )
        for kind in ("", "_RLE", "_big_endian")
    ),
    RealCase(f"{_D2N}/generic/anatomical/001", "MR", _TWO, _BARE),
    RealCase(f"{_D2N}/generic/anatomical/001_implicit", "MR, implicit", _TWO, _BARE),
    RealCase(f"{_D2N}/generic/anatomical/002_non_isotropic", "MR, pixels of 4×6.4 mm", _TWO, _BARE),
    *(
        RealCase(f"{_D2N}/generic/{name}/001", f"the same MR, {what}", right, why)
        for name, what, right, why in (
            ("compressed", "JPEG 2000", _TWO, _BARE),
            ("compressed_j2k", "JPEG 2000", _TWO, _BARE),
            ("compressed_jpeg", "JPEG lossless", _TWO, _BARE),
            (
                "compressed_jpegls",
                "JPEG-LS",
                ("SimpleITK",),
                {"dcm2niix": "this build has no JPEG-LS", **_BARE},
            ),
            ("compressed_rle", "RLE", _TWO, _BARE),
        )
    ),
    RealCase(
        f"{_D2N}/generic/rgb/001",
        "refused: colour secondary captures are listed, not stacked",
        (),
        dict.fromkeys(ALL, "reads the pictures"),
        judge="refused: secondary captures",
    ),
    RealCase(f"{_D2N}/failing/gantrytilting/001", "sheared grid", (), {**_SHEAR, **_BARE}),
    RealCase(
        f"{_D2N}/failing/notavolume/001",
        "four images at one place: four single slices",
        ("dcm2niix",),
        _STACKS,
    ),
    RealCase(f"{_D2N}/failing/slicecount/001", "two slices", _TWO, _BARE),
    *(
        RealCase(
            f"{_D2N}/failing/sliceincrement/{n}",
            "refused: a slice is missing",
            (),
            _GAP,
            judge="refused: missing at",
        )
        for n in ("001", "002")
    ),
    RealCase(
        f"{_D2N}/failing/sliceorientation/001",
        "two orientations in one series: two volumes",
        ("dcm2niix",),
        _STACKS,
    ),
)
