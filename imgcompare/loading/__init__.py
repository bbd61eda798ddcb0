"""From folders to courses: find, group, name, order and read what scanners and people leave."""

from imgcompare.loading.label_schemes import LABEL_SCHEMES, mask_region
from imgcompare.loading.masks import DrawnLesion, check_mask, read_lesions, read_mask
from imgcompare.loading.objects import ListedObject
from imgcompare.loading.regridding import deskew
from imgcompare.loading.scanning import Regridding, ScanResult, load_course, scan
from imgcompare.loading.summary import SummaryRow, scan_as_dict, summary_rows

__all__ = [
    "LABEL_SCHEMES",
    "DrawnLesion",
    "ListedObject",
    "Regridding",
    "ScanResult",
    "SummaryRow",
    "check_mask",
    "deskew",
    "load_course",
    "mask_region",
    "read_lesions",
    "read_mask",
    "scan",
    "scan_as_dict",
    "summary_rows",
]
