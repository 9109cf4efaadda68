"""Reads TFLite models, and makes sure that they are whole."""

import tflite

from object_detection_pruning.common import errors


def read(path: str) -> tflite.Model:
  """Reads a model and looks at all of it.

  TensorFlow's interpreter follows offsets out of a file that was cut off, and
  the process dies of it.

  Args:
    path: a `.tflite` file.

  Raises:
    InputError: the file is damaged.
  """
  with open(path, 'rb') as file:
    content = file.read()
  try:
    model = tflite.Model.GetRootAsModel(content, 0)
    _visit(model)
  # FlatBuffers follows whatever offsets it meets, until something breaks.
  except Exception as error:
    reason = (str(error) or type(error).__name__).splitlines()[0]
    raise errors.InputError(f'{path} is a damaged TFLite model: {reason}')
  return model


def _visit(model: tflite.Model) -> None:
  for number in range(model.BuffersLength()):
    model.Buffers(number).DataAsNumpy()
  for number in range(model.OperatorCodesLength()):
    model.OperatorCodes(number).CustomCode()
  if not model.SubgraphsLength():
    raise ValueError('no graph in it')
  for number in range(model.SubgraphsLength()):
    _visit_subgraph(model, model.Subgraphs(number))


def _visit_subgraph(model: tflite.Model, subgraph: tflite.SubGraph) -> None:
  tensors = subgraph.TensorsLength()
  for number in range(tensors):
    tensor = subgraph.Tensors(number)
    tensor.Name()
    tensor.ShapeAsNumpy()
    _check(tensor.Buffer(), model.BuffersLength(), 'buffer')
  for number in range(subgraph.OperatorsLength()):
    operator = subgraph.Operators(number)
    _check(operator.OpcodeIndex(), model.OperatorCodesLength(), 'op')
    for position in range(operator.InputsLength()):
      # -1 stands for an input that is left out.
      _check(operator.Inputs(position) + 1, tensors + 1, 'tensor')
    for position in range(operator.OutputsLength()):
      _check(operator.Outputs(position), tensors, 'tensor')


def _check(index: int, length: int, what: str) -> None:
  if not 0 <= index < length:
    raise IndexError(f'no {what} {index} in it')
