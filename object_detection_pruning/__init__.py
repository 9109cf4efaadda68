"""Prunes detectors of the TensorFlow 1 Object Detection API."""

from object_detection_pruning.common import environment  # isort: skip

environment.check()

from object_detection_pruning.core.masking import (  # noqa: E402
  MaskedKernel,
  masked,
  masked_kernels,
  masking_scope,
)
from object_detection_pruning.core.schedules import (  # noqa: E402
  ConstantSchedule,
  PolynomialSchedule,
)
from object_detection_pruning.core.widths import width_scope  # noqa: E402
from object_detection_pruning.export.stripping import (  # noqa: E402
  strip as strip_masks,
)
from object_detection_pruning.hooks.model_pruning_hook import (  # noqa: E402
  ModelPruningHook,
)
from object_detection_pruning.hooks.progress_hook import (  # noqa: E402
  ProgressHook,
)
from object_detection_pruning.models import registration  # noqa: E402
from object_detection_pruning.sparse_ops.exporting import (  # noqa: E402
  export as export_sparse_graph,
)
from object_detection_pruning.sparse_ops.loading import (  # noqa: E402
  load_sparse_graph,
)

registration.register_with_model_builder()

__all__ = [
  'ConstantSchedule',
  'MaskedKernel',
  'ModelPruningHook',
  'PolynomialSchedule',
  'ProgressHook',
  'export_sparse_graph',
  'load_sparse_graph',
  'masked',
  'masked_kernels',
  'masking_scope',
  'strip_masks',
  'width_scope',
]
