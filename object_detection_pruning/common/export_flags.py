"""Flags of the commands that export a checkpoint."""

from absl import flags

# Else --help would not list them as those of the command.
flags.disclaim_key_flags()


def define() -> None:
  """Defines what is exported and where to; all but the override are needed."""
  flags.DEFINE_string('pipeline_config_path', None, 'Path to pipeline config.')
  flags.DEFINE_string(
    'trained_checkpoint_prefix',
    None,
    'Prefix of the checkpoint, or a folder whose latest one is taken.',
  )
  flags.DEFINE_string('output_directory', None, 'Folder to write to.')
  flags.DEFINE_string(
    'config_override', '', 'Text proto merged into the pipeline config.'
  )
  flags.mark_flags_as_required(
    ['pipeline_config_path', 'trained_checkpoint_prefix', 'output_directory']
  )
