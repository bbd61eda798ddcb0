"""Damaged files in great number: each must end in a volume or an ImgCompareError.

A case is a number. The number chooses a sample (`samples`), what is done to it (`dicom_mutations`,
`text_mutations`) and with which dice, so that it can be repeated alone:
``python -m benchmarks.fuzz --case NUMBER``.
"""
