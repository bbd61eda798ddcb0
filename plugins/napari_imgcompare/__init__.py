"""napari plugin of imgcompare: drop a study in, compare its timepoints, see what really changed.

Everything that knows what to do is free of Qt and works on ``napari.components.ViewerModel``;
``widgets`` only passes signals. Not for clinical use.
"""
