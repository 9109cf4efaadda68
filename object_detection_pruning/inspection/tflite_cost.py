"""What a TFLite model costs."""

from typing import Dict, Iterator, List, NamedTuple, Optional

import numpy as np
import tflite

from object_detection_pruning.common import errors
from object_detection_pruning.inference import tflite_files
from object_detection_pruning.inspection.model_cost import LayerCost, ModelCost


class _KernelOp(NamedTuple):
  """An op whose input 1 is a kernel.

  Attributes:
    name: of it, as reports have it.
    bias: number of its input, which may not be given.
    applied: number of the input at whose positions the kernel is applied; None
      for those of the output.
  """

  name: str
  bias: int = 2
  applied: Optional[int] = None


_KERNEL_OPS = {
  tflite.BuiltinOperator.CONV_2D: _KernelOp('Conv2D'),
  tflite.BuiltinOperator.DEPTHWISE_CONV_2D: _KernelOp('DepthwiseConv2D'),
  tflite.BuiltinOperator.FULLY_CONNECTED: _KernelOp('FullyConnected'),
  tflite.BuiltinOperator.TRANSPOSE_CONV: _KernelOp('TransposeConv', 3, 2),
}
_WEIGHTS = 1
# Others that may have kernels; older packages do not know them all.
_NOT_COUNTED = [
  getattr(tflite.BuiltinOperator, name)
  for name in (
    'BATCH_MATMUL',
    'BIDIRECTIONAL_SEQUENCE_LSTM',
    'BIDIRECTIONAL_SEQUENCE_RNN',
    'CONV_3D',
    'CONV_3D_TRANSPOSE',
    'LSTM',
    'RNN',
    'SVDF',
    'UNIDIRECTIONAL_SEQUENCE_LSTM',
    'UNIDIRECTIONAL_SEQUENCE_RNN',
  )
  if hasattr(tflite.BuiltinOperator, name)
]
_DTYPES = {
  tflite.TensorType.FLOAT32: np.float32,
  tflite.TensorType.FLOAT16: np.float16,
  tflite.TensorType.INT32: np.int32,
  tflite.TensorType.UINT8: np.uint8,
  tflite.TensorType.INT8: np.int8,
  tflite.TensorType.INT16: np.int16,
  tflite.TensorType.INT64: np.int64,
}


class _Layer(NamedTuple):
  """An op with a kernel.

  Attributes:
    stored: what tells its weights from others: their shape, and the buffer
      that they are in, or their tensor if the model computes them.
    cost: what the op costs.
    bias: its values, none for an op without.
  """

  stored: tuple
  cost: LayerCost
  bias: np.ndarray


def measure(path: str) -> ModelCost:
  """Counts weights and multiplications of a model's layers.

  A quantized weight is a zero where it stands for 0. A kernel that several ops
  apply counts once, at the positions of all of them. Kernels of other ops, or
  in loops and conditions, are named.

  Args:
    path: a `.tflite` file.

  Raises:
    InputError: the file is damaged, or has weights of an unknown type.
  """
  model = tflite_files.read(path)
  costs: Dict[tuple, LayerCost] = {}
  biases: Dict[tuple, np.ndarray] = {}
  for layer in _layers(model, model.Subgraphs(0)):
    known = costs.get(layer.stored)
    positions = known.positions if known else 0
    costs[layer.stored] = (known or layer.cost)._replace(
      positions=positions + layer.cost.positions
    )
    # Those of a shared kernel are shared too, or else others.
    biases[layer.stored, layer.bias.tobytes()] = layer.bias
  return ModelCost(
    list(costs.values()),
    sum(bias.size for bias in biases.values()),
    int(sum(np.count_nonzero(bias) for bias in biases.values())),
    not_counted=tuple(_not_counted(model)),
  )


def _operators(model, subgraph) -> Iterator[tuple]:
  """Gives each operator with the number that tells what it does."""
  for number in range(subgraph.OperatorsLength()):
    operator = subgraph.Operators(number)
    code = model.OperatorCodes(operator.OpcodeIndex())
    # Files of before 2020 have the code in the older field alone.
    yield operator, max(code.BuiltinCode(), code.DeprecatedBuiltinCode())


def _not_counted(model) -> Iterator[str]:
  """Names the outputs of ops whose kernels do not count."""
  for number in range(model.SubgraphsLength()):
    subgraph = model.Subgraphs(number)
    for operator, kind in _operators(model, subgraph):
      # Loops and conditions call subgraphs of their own.
      if kind not in _NOT_COUNTED and not (number and kind in _KERNEL_OPS):
        continue
      inputs = [operator.Inputs(i) for i in range(operator.InputsLength())]
      tensors = [subgraph.Tensors(place) for place in inputs if place >= 0]
      if any(_is_stored(model, tensor) for tensor in tensors):
        yield subgraph.Tensors(operator.Outputs(0)).Name().decode()


def _layers(model, subgraph) -> Iterator[_Layer]:
  # By a tensor that is computed from a stored one as the model runs, that one.
  stored = {}
  for operator, kind in _operators(model, subgraph):
    if kind == tflite.BuiltinOperator.DEQUANTIZE:
      stored[operator.Outputs(0)] = operator.Inputs(0)
    if kind not in _KERNEL_OPS:
      continue
    op = _KERNEL_OPS[kind]
    weights = operator.Inputs(_WEIGHTS)
    tensor = subgraph.Tensors(stored.get(weights, weights))
    output = subgraph.Tensors(operator.Outputs(0))
    applied = output
    if op.applied is not None:
      applied = subgraph.Tensors(operator.Inputs(op.applied))
    bias = np.zeros([0], np.float32)
    if operator.InputsLength() > op.bias and operator.Inputs(op.bias) >= 0:
      place = operator.Inputs(op.bias)
      bias = _values(model, subgraph.Tensors(stored.get(place, place)))
    yield _Layer(
      _identity(model, tensor, stored.get(weights, weights)),
      LayerCost(
        output.Name().decode(),
        op.name,
        _shape(tensor),
        int(np.count_nonzero(_values(model, tensor) - _zero_point(tensor))),
        # Every position, whatever the channels, sees the kernel once.
        int(np.prod(_shape(applied)[:-1])),
      ),
      bias,
    )


def _is_stored(model, tensor) -> bool:
  return model.Buffers(tensor.Buffer()).DataLength() > 0


def _identity(model, tensor, number: int) -> tuple:
  is_stored = _is_stored(model, tensor)
  place = tensor.Buffer() if is_stored else number
  return (*_shape(tensor), is_stored, place)


def _shape(tensor) -> List[int]:
  return [int(side) for side in tensor.ShapeAsNumpy()]


def _values(model, tensor) -> np.ndarray:
  content = model.Buffers(tensor.Buffer()).DataAsNumpy()
  if isinstance(content, int):  # What FlatBuffers gives for an empty vector.
    return np.zeros([0], np.float32)
  if tensor.Type() not in _DTYPES:
    raise errors.InputError(
      f'the weights {tensor.Name().decode()} are of a type that cannot be '
      f'counted: number {tensor.Type()} of TFLite'
    )
  values = np.frombuffer(content.tobytes(), _DTYPES[tensor.Type()])
  # Lest a difference of unsigned numbers wrap around.
  return values if values.dtype.kind == 'f' else values.astype(np.int64)


def _zero_point(tensor) -> int:
  quantization = tensor.Quantization()
  if quantization is None or not quantization.ZeroPointLength():
    return 0
  return int(quantization.ZeroPoint(0))
