"""The long commands with small inputs, each in a process that can be ended.

The imports, which take seconds, are done once: a run is forked before any
session. So what a benchmark does to a run, it does while the run works.
"""

import atexit
import hashlib
import json
import os
import runpy
import sys
from typing import Callable, Dict, List, NamedTuple, NoReturn

_BENCHMARKS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, _BENCHMARKS)
sys.path.insert(0, os.path.join(os.path.dirname(_BENCHMARKS), 'tests'))

import detectors  # noqa: E402
import forked_commands  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow.compat.v1 as tf  # noqa: E402
from PIL import Image  # noqa: E402
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel  # noqa: E402

from object_detection_pruning.common import checkpoints  # noqa: E402
from object_detection_pruning.training import loop, model_lib  # noqa: E402, F401

_PACKAGE = 'object_detection_pruning'
_SCHEDULE = (
  '--sparsity=0.75',
  '--pruning_start_step=2',
  '--pruning_end_step=9',
)
_SOFT = 'soft_filter_pruning { ratio: 0.4 frequency: 3 }'
_ANNOTATION = (
  '<annotation><size><width>80</width><height>60</height></size><object><name>'
  'cat</name><bndbox><xmin>10</xmin><ymin>5</ymin><xmax>60</xmax><ymax>50'
  '</ymax></bndbox></object></annotation>'
)


class Job(NamedTuple):
  """A command.

  Attributes:
    name: for people.
    module: of the command.
    arguments: gives them for an output folder.
    result: gives what must be the same after a restart.
  """

  name: str
  module: str
  arguments: Callable[[str], List[str]]
  result: Callable[[str], Dict[str, str]]


def start(job: Job, folder: str, log: str) -> int:
  """Starts a job, and gives the id of its process."""
  sys.stdout.flush()
  child = os.fork()
  if not child:
    _become(job, folder, log)
  return child


def _become(job: Job, folder: str, log: str) -> NoReturn:
  """Runs a job in this process, and ends it."""
  with open(log, 'wb') as file:
    os.dup2(file.fileno(), 1)
    os.dup2(file.fileno(), 2)
  sys.argv = [f'{_PACKAGE}.{job.module}', *job.arguments(folder)]
  # A fork must not do what the parent does at its end: remove its folder.
  atexit._clear()
  forked_commands.run_to_its_end(
    lambda: runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)
  )


def end(process: int) -> int:
  """Waits for a process; gives its exit status, negative for a signal."""
  status = os.waitpid(process, 0)[1]
  return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -status


def run(job: Job, folder: str, log: str) -> None:
  """Runs a job to its end.

  Raises:
    RuntimeError: it fails.
  """
  status = end(start(job, folder, log))
  if status:
    with open(log) as file:
      raise RuntimeError(f'{job.name}: status {status}\n{file.read()[-2000:]}')


def prepare(folder: str, only: str = '') -> List[Job]:
  """Makes the inputs, and gives the jobs.

  Args:
    folder: for the inputs.
    only: part of the names of the jobs to give.
  """
  data = detectors.make_data(os.path.join(folder, 'data'))
  masked, soft, plain = (
    detectors.write(
      detectors.config(detectors.ssd(masked=is_masked), data, pruning=pruning),
      os.path.join(folder, name),
    )
    for name, is_masked, pruning in (
      ('masked', True, ''),
      ('soft', False, _SOFT),
      ('plain', False, ''),
    )
  )
  voc = _voc_folder(os.path.join(folder, 'voc'))
  trained = os.path.join(folder, 'trained')
  found = [
    *_trainings(masked, soft),
    *_on_a_model(plain, trained),
    *_on_a_data_set(plain, voc),
  ]
  found = [job for job in found if only in job.name]
  if any(trained in word for job in found for word in job.arguments('')):
    dense = Job(
      'input', 'model_main', lambda out: _training(plain, out, ()), _state
    )
    run(dense, trained, os.path.join(folder, 'input.log'))
  return found


def _trainings(masked: str, soft: str) -> List[Job]:
  return [
    Job(
      'training in the window',
      'model_main',
      lambda out: _training(masked, out, _SCHEDULE),
      _state,
    ),
    Job(
      'soft filter pruning',
      'model_main',
      lambda out: _training(soft, out, ()),
      _state,
    ),
  ]


def _on_a_model(config: str, trained: str) -> List[Job]:
  model = [f'--pipeline_config_path={config}', f'--checkpoint={trained}']
  return [
    Job(
      'analysis',
      'analyze_sensitivity',
      lambda out: [
        *model,
        '--include=Conv2d_(2|13)_pointwise',
        '--ratios=0.3,0.6',
        '--num_examples=2',
        f'--output_path={out}/analysis.json',
      ],
      _bytes,
    ),
    Job(
      'channels',
      'prune_channels',
      lambda out: [
        *model,
        '--ratio=0.5',
        '--recalibrate_batch_norm=0',
        f'--output_dir={out}',
        '--overwrite',
      ],
      _values,
    ),
    Job(
      'export',
      'export_inference_graph',
      lambda out: [*model, f'--output_dir={out}', '--overwrite'],
      _values,
    ),
  ]


def _on_a_data_set(config: str, voc: str) -> List[Job]:
  return [
    Job(
      'records',
      'dataset_tools.create_voc_tf_record',
      lambda out: [
        f'--data_dir={voc}',
        f'--output_path={out}/train.record',
        '--overwrite',
      ],
      _bytes,
    ),
    Job(
      'quickstart',
      'quickstart',
      lambda out: [
        f'--data_dir={voc}',
        f'--pipeline_config_path={config}',
        '--dense_steps=3',
        '--prune_steps=3',
        f'--output_dir={out}',
      ],
      _names,
    ),
  ]


def _training(config: str, folder: str, more) -> List[str]:
  return [
    f'--pipeline_config_path={config}',
    f'--model_dir={folder}',
    '--num_train_steps=12',
    '--save_checkpoints_steps=3',
    *more,
  ]


def _voc_folder(folder: str) -> str:
  for name in ('Annotations', 'JPEGImages'):
    os.makedirs(os.path.join(folder, name))
  for number in range(40):
    pixels = np.random.RandomState(number).randint(0, 256, (60, 80, 3))
    picture = Image.fromarray(pixels.astype(np.uint8))
    picture.save(os.path.join(folder, 'JPEGImages', f'{number}.png'))
    path = os.path.join(folder, 'Annotations', f'{number}.xml')
    with open(path, 'w') as file:
      file.write(_ANNOTATION)
  return folder


def _files(folder: str) -> List[str]:
  return sorted(
    os.path.relpath(os.path.join(parent, name), folder)
    for parent, _, names in os.walk(folder)
    for name in names
  )


def _bytes(folder: str) -> Dict[str, str]:
  """Every byte of every file."""
  found = {}
  for name in _files(folder):
    with open(os.path.join(folder, name), 'rb') as file:
      # A config names the folder that it is in.
      content = file.read().replace(folder.encode(), b'FOLDER')
    found[name] = hashlib.sha256(content).hexdigest()
  return found


def _values(folder: str) -> Dict[str, str]:
  """Every file, of a checkpoint its values: it holds the order of threads."""
  found = {}
  for name, digest in _bytes(folder).items():
    path = os.path.join(folder, name)
    if name.endswith('.meta'):
      digest = _without_names(_read(path, tf.MetaGraphDef()))
    elif name.endswith('saved_model.pb'):
      digest = _without_names(*_read(path, SavedModel()).meta_graphs)
    if '.data-' not in name and not name.endswith('.index'):
      found[name] = digest
  values = checkpoints.read(os.path.join(folder, 'model.ckpt'))
  for name, value in values.items():
    found[name] = hashlib.sha256(value.tobytes()).hexdigest()
  return found


def _read(path: str, message):
  with open(path, 'rb') as file:
    message.ParseFromString(file.read())
  return message


def _without_names(*graphs: tf.MetaGraphDef) -> str:
  """Graphs but for text in them: a saver names a folder by chance."""
  digest = hashlib.sha256()
  for graph in graphs:
    for node in graph.graph_def.node:
      if (
        node.op == 'Const'
        and node.attr['dtype'].type == tf.string.as_datatype_enum
      ):
        del node.attr['value']
      digest.update(node.SerializeToString(deterministic=True))
  return digest.hexdigest()


def _state(folder: str) -> Dict[str, str]:
  """The step and the zeros of each kernel: the order of images is no part."""
  values = checkpoints.read(checkpoints.resolve(folder))
  found = {
    name: str(np.count_nonzero(value == 0))
    for name, value in values.items()
    if name.endswith(('/mask', '/weights', '/depthwise_weights'))
    and 'Momentum' not in name
  }
  return dict(found, step=str(values['global_step']), **_leftovers(folder))


def _names(folder: str) -> Dict[str, str]:
  """The files, and how sparse the model is."""
  found = {
    name: ''
    for name in _files(folder)
    if 'events.out' not in name and 'model.ckpt' not in name
  }
  with open(os.path.join(folder, 'pruned/export/sparsity.json')) as file:
    report = json.load(file)
  return dict(found, nonzeros=str(report['nonzeros']), **_leftovers(folder))


def _leftovers(folder: str) -> Dict[str, str]:
  return {name: 'left over' for name in _files(folder) if is_left_over(name)}


def is_left_over(name: str) -> bool:
  """Tells whether a command that has ended has no such file any more."""
  return any(word in name for word in ('tmp', 'temp', 'partial', 'lock'))
