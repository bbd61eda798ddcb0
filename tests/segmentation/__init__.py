"""Tests of imgcompare.segmentation."""
