"""Data sets to TFRecord files: PASCAL VOC, COCO and generated shapes.

In: a folder of images and annotations. Out: records and a label map, as the
stock input reader takes them. `detection_data.prepare` does it for a whole set.
"""
