"""A Python for shell scripts that notes its arguments and works at nothing.

What the commands would write is left empty, so that a script goes on. In a
cluster each process is one of its roles, which fails or waits for its end if it
is asked to.
"""

import os
import signal
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
if [ -n "${TF_CONFIG:-}" ]; then
  role=${TF_CONFIG#*'"type": "'} role=${role%%'"'*}
  (IFS='|'; echo "$role|$$|$TF_CONFIG|$*") >>"$LOG"
  case $FAILS in "$role") sleep 0.5; echo 'error: as asked'; exit 3 ;; esac
  case $WAITS in *"$role"*) exec sleep 100 ;; esac
  echo 'its last line'
  exit
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

  def run(self, script, *arguments, **options):
    """Runs a shell script.

    Args:
      script: path of it.
      *arguments: of it.
      **options: see `start`.

    Returns:
      Its result, and what it started, see `started`.
    """
    process = self.start(script, *arguments, **options)
    stdout, stderr = process.communicate()
    result = subprocess.CompletedProcess(
      process.args, process.returncode, stdout, stderr
    )
    return result, self.started()

  def start(self, script, *arguments, fails='', waits='', **environment):
    """Starts a shell script and gives its process.

    Args:
      script: path of it.
      *arguments: of it.
      fails: name of a command or role that is to fail.
      waits: names of roles of a cluster that are to wait until they are ended.
      **environment: more variables.
    """
    self._log.write_text('')
    return subprocess.Popen(
      ['bash', script, *arguments],
      env=dict(
        os.environ,
        LOG=str(self._log),
        FAILS=fails,
        WAITS=waits,
        **environment,
      ),
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      # Tests may run in the background, where Ctrl-C is ignored.
      preexec_fn=_heed_interrupts,
    )

  def started(self):
    """Gives (name, argument, ...) of each command that was started.

    In a cluster, (role, process id, TF_CONFIG, argument, ...) of each process.
    """
    lines = self._log.read_text().splitlines()
    return [tuple(line.split('|')) for line in lines]


def _heed_interrupts():
  signal.signal(signal.SIGINT, signal.SIG_DFL)
