"""How often a reader reads each of its patterns, relative to the others."""

from typing import Dict, MutableSequence

from object_detection.protos import input_reader_pb2

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import record_reader

_FIELD = 'sample_from_datasets_weights'


def of(reader: input_reader_pb2.InputReader) -> MutableSequence[float]:
  """Gives the weights of a reader's patterns, which can be changed in place.

  There are none where the files are read one after the other, as always with
  the API of 2019, which has no such field.
  """
  return getattr(reader, _FIELD, [])


def check(name: str, reader: input_reader_pb2.InputReader) -> None:
  """Checks that each pattern has a weight, if any has one.

  Args:
    name: of the reader, to begin the error with.
    reader: reads TFRecord files.

  Raises:
    InputError: there are more or fewer weights than patterns.
  """
  weights = len(of(reader))
  patterns = len(reader.tf_record_input_reader.input_path)
  if weights not in (0, patterns):
    raise errors.InputError(
      f'{name} must have as many {_FIELD} as input_path ({patterns}), got '
      f'{weights}'
    )


def by_file(reader: input_reader_pb2.InputReader) -> Dict[str, float]:
  """Shares the weight of each pattern among the files that it stands for.

  Files without an example get none, and are left out: the stock reader would
  look for one in them for ever.

  Args:
    reader: with a weight for each pattern.

  Returns:
    From the path of a file to its weight, in the order of the patterns.
  """
  shares: Dict[str, float] = {}
  for pattern, weight in zip(
    reader.tf_record_input_reader.input_path, of(reader)
  ):
    found = record_reader.match([pattern])
    files = [path for path in found if not record_reader.is_empty(path)]
    for path in files:
      shares[path] = shares.get(path, 0.0) + weight / len(files)
  return shares
