"""The flags that several commands share: one name and one help text each.

A flag has the Object Detection API's name where that is the same in all of its
commands, and else the shortest clear one. Every other name that the stock
commands or earlier versions of ours gave it works as an alias.
"""

from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from absl import flags

# Else --help would not list them as those of the command.
flags.disclaim_key_flags()


class SharedFlag(NamedTuple):
  """A flag that means the same wherever it stands.

  Attributes:
    define: absl's function that defines it.
    help: what it means.
    aliases: other names that it may be given by.
  """

  define: Callable[..., Any]
  help: str
  aliases: Tuple[str, ...] = ()


SHARED: Dict[str, SharedFlag] = {
  # What a command reads.
  'pipeline_config_path': SharedFlag(
    flags.DEFINE_string, 'Pipeline config (a file).', ('config',)
  ),
  'config_override': SharedFlag(
    flags.DEFINE_string, 'Text proto merged into the pipeline config.'
  ),
  'checkpoint': SharedFlag(
    flags.DEFINE_string,
    'Prefix of a checkpoint, or a folder whose latest one is taken.',
    ('trained_checkpoint_prefix', 'checkpoint_dir'),
  ),
  'model': SharedFlag(
    flags.DEFINE_string,
    'Exported model: frozen graph, sparse graph, folder of a SavedModel or '
    '.tflite file.',
    ('graph', 'input_graph'),
  ),
  'label_map_path': SharedFlag(
    flags.DEFINE_string, 'Label map (a .pbtxt file).', ('label_map',)
  ),
  'data_dir': SharedFlag(
    flags.DEFINE_string, 'Folder of a data set.', ('data',)
  ),
  'images': SharedFlag(
    flags.DEFINE_list,
    'Image files, folders and patterns, separated by commas.',
  ),
  'num_images': SharedFlag(flags.DEFINE_integer, 'Most photos to look at.'),
  'image': SharedFlag(
    flags.DEFINE_string,
    'Sample image to run on; not set: one of 480x640 is made up.',
  ),
  'eval_record': SharedFlag(
    flags.DEFINE_list,
    'TFRecord files to evaluate on, and patterns of such, separated by commas.',
  ),
  'sensitivities': SharedFlag(
    flags.DEFINE_string, 'JSON file of analyze_sensitivity.', ('input',)
  ),
  # What it writes.
  'output_dir': SharedFlag(
    flags.DEFINE_string, 'Folder to write to.', ('output_directory',)
  ),
  'output_path': SharedFlag(
    flags.DEFINE_string, 'File to write.', ('output', 'output_graph')
  ),
  'overwrite': SharedFlag(
    flags.DEFINE_boolean, 'Replace what is there under the names to write.'
  ),
  # What it does.
  'sparsity': SharedFlag(
    flags.DEFINE_float, 'Share of zeros in all pruned kernels, in [0, 1).'
  ),
  'criterion': SharedFlag(
    flags.DEFINE_string, 'Which weights become zero first.'
  ),
  'granularity': SharedFlag(
    flags.DEFINE_string, 'Which weights become zero together.'
  ),
  'allocation': SharedFlag(
    flags.DEFINE_string, 'How zeros are divided among layers.'
  ),
  'sparse_ops': SharedFlag(
    flags.DEFINE_boolean,
    'Also write a graph whose convolutions skip the zeros, and a SavedModel of '
    'it; time both graphs.',
  ),
  'dry_run': SharedFlag(
    flags.DEFINE_boolean, 'Print the plan and write nothing.'
  ),
  'seed': SharedFlag(
    flags.DEFINE_integer, 'Number that all random choices follow from.'
  ),
  'metric': SharedFlag(flags.DEFINE_enum, 'What counts as accuracy.'),
  'importance': SharedFlag(flags.DEFINE_enum, 'How channels are compared.'),
  'recalibrate_batch_norm': SharedFlag(
    flags.DEFINE_integer,
    'Number of training batches to set batch-norm statistics from.',
    ('recalibrate', 'num_batches'),
  ),
  'eval_metric_loss': SharedFlag(
    flags.DEFINE_float,
    'Largest loss from pruning one layer alone, as a share of the metric: 0.05 '
    'allows 5 %.',
  ),
  'target_macs': SharedFlag(
    flags.DEFINE_float, 'Share of the multiply-adds to keep, in (0, 1).'
  ),
  'target_params': SharedFlag(
    flags.DEFINE_float, 'Share of the parameters to keep, in (0, 1).'
  ),
  'round_to': SharedFlag(
    flags.DEFINE_integer, 'Channels are kept in multiples of this.'
  ),
  'include': SharedFlag(
    flags.DEFINE_multi_string,
    'Pattern of layers to take; repeatable. Not set: all layers.',
  ),
  'exclude': SharedFlag(
    flags.DEFINE_multi_string, 'Pattern of layers to leave out; repeatable.'
  ),
  'num_examples': SharedFlag(
    flags.DEFINE_integer, 'Number of evaluation images; not set: all.'
  ),
  'min_score': SharedFlag(
    flags.DEFINE_float, 'Detections that score less are left out.'
  ),
  'max_detections': SharedFlag(
    flags.DEFINE_integer, 'Most detections in one image.'
  ),
  'threads': SharedFlag(
    flags.DEFINE_integer, 'Threads within an op while time is measured.'
  ),
  'strict': SharedFlag(flags.DEFINE_boolean, 'Fail if any record is broken.'),
}


def define(
  name: str,
  default: Any = None,
  note: str = '',
  required: bool = False,
  **settings: Any,
) -> None:
  """Defines a shared flag, and its aliases, for the calling command.

  Args:
    name: a key of `SHARED`.
    default: its value where it is not given.
    note: sentences on what is special about it in this command.
    required: whether it must be given.
    **settings: what absl's function takes besides, as `enum_values`.
  """
  shared = SHARED[name]
  text = f'{shared.help} {note}'.strip()
  shared.define(name, default, help=text, **settings)
  for alias in shared.aliases:
    flags.DEFINE_alias(alias, name)
  if required:
    flags.mark_flag_as_required(name)


def aliases_of(name: str) -> List[str]:
  """Gives the other names of a flag in the command that runs."""
  return [
    each
    for each in flags.FLAGS
    if flags.FLAGS[each].help == f'Alias for --{name}.'
  ]


def is_alias(flag: flags.Flag) -> bool:
  """Tells whether a flag is but another name of one."""
  return (flag.help or '').startswith('Alias for --')
