"""MobileNet V1 (Howard et al., 2017) with a mask on every dense kernel.

slim's own network, built under the masking getter: arguments, endpoints and
variable names are those of `nets.mobilenet_v1`, with a mask and a threshold
beside each kernel. Depthwise kernels, 1 % of the weights, stay dense.
"""

from nets import mobilenet_v1

from object_detection_pruning.core import masking

masked_mobilenet_v1_base = masking.masked(mobilenet_v1.mobilenet_v1_base)
masked_mobilenet_v1 = masking.masked(mobilenet_v1.mobilenet_v1)
masked_mobilenet_v1.default_image_size = (
  mobilenet_v1.mobilenet_v1.default_image_size
)
masked_mobilenet_v1_arg_scope = mobilenet_v1.mobilenet_v1_arg_scope
