"""Inception V2 (Ioffe & Szegedy, 2015) with a mask on every kernel.

slim's own network, built under the masking getter: arguments, endpoints and
variable names are those of `nets.inception_v2`, with a mask and a threshold
beside each kernel.
"""

from nets import inception_v2

from object_detection_pruning.core import masking

masked_inception_v2_base = masking.masked(inception_v2.inception_v2_base)
masked_inception_v2 = masking.masked(inception_v2.inception_v2)
masked_inception_v2.default_image_size = (
  inception_v2.inception_v2.default_image_size
)
masked_inception_v2_arg_scope = inception_v2.inception_v2_arg_scope
