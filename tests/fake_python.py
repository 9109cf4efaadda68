"""A Python for shell scripts that notes its arguments and works at nothing.

What the commands would write is left empty, so that a script goes on.
"""

import os
import subprocess

# What is written in line (`-`) and in a file has its output folder last; to
# `-c` every answer is 0.6.
_PROGRAM = r"""#!/bin/bash
[ "$1" != -c ] || { echo 0.6; exit; }
[ "$1" != -W ] || shift 2
if [ "$1" = -m ]; then
  name=${2#object_detection_pruning.}
  shift 2
else
  name=${1##*/}
  shift
fi
(IFS='|'; echo "$name|$*") >>"$LOG"
[ "$name" != "$FAILS" ] || exit 1
leave() { mkdir -p "$1" && touch "$1/$2"; }
[ "$name" != - ] || cat >/dev/null
case $name in - | *.py) leave "${!#}" pipeline.config ;; esac
for flag; do
  case $flag in
    --output_dir=*)
      leave "${flag#*=}" pipeline.config
      [ "$name" != export_inference_graph ] ||
        leave "${flag#*=}" sparsity.json
      ;;
    --model_dir=*) leave "${flag#*=}" model.ckpt-1.index ;;
  esac
done
"""


class FakePython:
  """Stands where a script looks for its Python."""

  def __init__(self, path):
    """Writes it.

    Args:
      path: of the program, a `pathlib.Path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_PROGRAM)
    path.chmod(0o755)
    self._log = path.parent / 'log'

  def run(self, script, *arguments, fails='', **environment):
    """Runs a shell script.

    Args:
      script: path of it.
      *arguments: of it.
      fails: name of a command that is to fail.
      **environment: more variables.

    Returns:
      Its result, and (name, argument, ...) of each command that it started.
    """
    self._log.write_text('')
    result = subprocess.run(
      ['bash', script, *arguments],
      env=dict(os.environ, LOG=str(self._log), FAILS=fails, **environment),
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
    )
    lines = self._log.read_text().splitlines()
    return result, [tuple(line.split('|')) for line in lines]
