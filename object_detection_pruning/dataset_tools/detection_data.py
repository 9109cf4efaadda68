"""Records to train and evaluate on, made once and then used again."""

import json
import os
from typing import (
  Any,
  Callable,
  Dict,
  Iterable,
  Iterator,
  NamedTuple,
  Optional,
  Tuple,
)

from object_detection_pruning.common import atomic_files, errors, hashes, paths
from object_detection_pruning.dataset_tools import (
  coco_source,
  conversion,
  label_maps,
  problems,
  record_writer,
  shapes_source,
  source,
  voc,
  voc_source,
)

_MANIFEST_NAME = 'detection_data.json'
_VERSION = 2


class DetectionData(NamedTuple):
  """Data that a detector can be trained on.

  Attributes:
    train_record: path of the TFRecord file to train on.
    val_record: path of the TFRecord file to evaluate on.
    label_map: path of the label map.
    num_classes: the `num_classes` of a model for it: the highest id, which
      is more than the number of classes where ids have gaps.
    num_train: number of images in `train_record`.
    num_val: number of images in `val_record`.
  """

  train_record: str
  val_record: str
  label_map: str
  num_classes: int
  num_train: int
  num_val: int


def prepare(
  data_dir: str,
  output_dir: str,
  include_masks: bool = False,
  strict: bool = False,
) -> DetectionData:
  """Converts a VOC or COCO folder, or finds it converted already.

  A second call with the same arguments and unchanged annotations returns at
  once. Broken records are told on stderr.

  Args:
    data_dir: a VOC folder (`Annotations`, `JPEGImages`, `ImageSets/Main`) or
      a COCO folder (`instances_train*.json`, `instances_val*.json`, in it or
      in its `annotations`, and folders of images).
    output_dir: receives `train.record`, `val.record`, `label_map.pbtxt` and
      a manifest.
    include_masks: whether to write instance masks; needs a COCO folder.
    strict: whether a broken record is an error.

  Returns:
    The data.

  Raises:
    errors.InputError: if the folder is of neither layout or cannot be used.
      Nothing is written then.
  """
  broken = problems.Problems()
  files, opened = _recognised(data_dir, include_masks, broken)
  arguments = {
    'data_dir': os.path.abspath(data_dir),
    'include_masks': include_masks,
    'strict': strict,
    'annotations': _hash(files, data_dir),
  }
  return _made(output_dir, arguments, opened, broken, include_masks, strict)


def hash_annotations(data_dir: str) -> str:
  """Gives a hash of all annotations and lists of a VOC or COCO folder.

  Raises:
    errors.InputError: if the folder is of neither layout.
  """
  files, _ = _recognised(data_dir, False, problems.Problems())
  return _hash(files, data_dir)


def generate_shapes(
  output_dir: str,
  num_train: int = 240,
  num_val: int = 60,
  image_size: int = 192,
  seed: int = 0,
  overwrite: bool = True,
  style: str = 'standard',
) -> DetectionData:
  """Draws the embedded data set, or finds it drawn already.

  Args:
    output_dir: receives `train.record`, `val.record`, `label_map.pbtxt` and
      a manifest.
    num_train: number of images to train on.
    num_val: number of images to evaluate on.
    image_size: side of the square images in pixels.
    seed: names the data set; the same arguments give the same bytes.
    overwrite: whether data of other arguments may be replaced.
    style: 'standard', or 'easy' for larger shapes that are easier to tell.

  Returns:
    The data; its records hold instance masks.

  Raises:
    errors.InputError: if an argument is out of its range, or something would be
      replaced.
  """
  shapes = shapes_source.generate(num_train, num_val, image_size, seed, style)
  arguments = {
    'num_train': num_train,
    'num_val': num_val,
    'image_size': image_size,
    'seed': seed,
    'style': style,
  }
  broken = problems.Problems()
  return _made(
    output_dir, arguments, lambda: shapes, broken, True, False, overwrite
  )


def _recognised(
  data_dir: str, include_masks: bool, broken: problems.Problems
) -> Tuple[Iterable[str], Callable[[], source.Source]]:
  """The annotation files of a folder, and what opens it."""
  if not os.path.isdir(data_dir):
    if os.path.isfile(data_dir):
      raise errors.InputError(
        f'{data_dir} is a file: give the folder that holds it, as of a VOC '
        '(Annotations, JPEGImages) or COCO data set (instances_train*.json, '
        'instances_val*.json)'
      )
    raise errors.InputError(f'data folder {data_dir} does not exist')
  if os.path.isdir(os.path.join(data_dir, 'Annotations')):
    if include_masks:
      raise errors.InputError(
        f'{data_dir} is a VOC folder, and masks are read from COCO only'
      )
    files = voc.VocFolder(data_dir).annotation_files()
    return files, lambda: voc_source.open_folder(data_dir)
  files = coco_source.annotations_files(data_dir).values()
  if not files:
    raise errors.InputError(
      f'{data_dir} is neither a VOC folder (Annotations, JPEGImages) nor a '
      'COCO folder (instances_train*.json, instances_val*.json)'
    )
  return files, lambda: coco_source.open_folder(data_dir, broken, include_masks)


def _made(
  output_dir: str,
  arguments: Dict[str, Any],
  opened: Callable[[], source.Source],
  broken: problems.Problems,
  include_masks: bool,
  strict: bool,
  overwrite: bool = True,
) -> DetectionData:
  """Finds the data that the arguments describe, or makes it."""
  arguments = dict(arguments, version=_VERSION)
  manifest = os.path.join(output_dir, _MANIFEST_NAME)
  known = _read_manifest(manifest)
  train, val, label_map = (
    os.path.join(output_dir, name)
    for name in ('train.record', 'val.record', conversion.LABEL_MAP_NAME)
  )
  if (
    known
    and known['arguments'] == arguments
    and all(os.path.isfile(path) for path in (train, val, label_map))
  ):
    return DetectionData(train, val, label_map, **known['counts'])
  paths.refuse_existing(train, val, overwrite=overwrite)
  data = opened()
  if not known:
    label_maps.check_replaceable(label_map, data.class_ids)
  if os.path.exists(manifest):
    os.remove(manifest)
  num_train, num_val = record_writer.write(
    [
      record_writer.RecordFile(
        path,
        split.items,
        lambda item, read=split.read: read(item, broken),
        include_masks,
      )
      for path, split in ((train, data.train), (val, data.val))
    ],
    {label_map: label_maps.to_text(data.class_ids)},
    broken,
    strict,
  )
  counts = {
    'num_classes': max(data.class_ids.values()),
    'num_train': num_train,
    'num_val': num_val,
  }
  content = {'arguments': arguments, 'counts': counts}
  atomic_files.write(manifest, json.dumps(content, indent=2))
  return DetectionData(train, val, label_map, **counts)


def _read_manifest(path: str) -> Optional[Dict[str, Any]]:
  """What an earlier run left behind, or None."""
  try:
    with open(path, encoding='utf-8') as stream:
      content = json.load(stream)
  except (OSError, ValueError):
    return None
  keys = {'arguments', 'counts'}
  return content if isinstance(content, dict) and keys <= set(content) else None


def _hash(files: Iterable[str], data_dir: str) -> str:
  """Tells changed files from those that were only copied or touched."""

  def parts() -> Iterator[bytes]:
    for path in files:
      yield os.path.relpath(path, data_dir).encode()
      with open(path, 'rb') as file:
        yield file.read()

  return hashes.of_parts(parts())
