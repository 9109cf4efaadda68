"""What README and docs show runs, exists and leads somewhere."""

import json
import os
import re
import shlex
import shutil

import numpy as np
import processes
import pytest
from PIL import Image

from object_detection_pruning import __main__ as front_door
from object_detection_pruning.common import flags as shared_flags

PAGES = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md'] + [
  f'docs/{name}'
  for name in sorted(os.listdir(os.path.join(processes.ROOT, 'docs')))
  if name.endswith('.md')
]
COMMANDS = {
  each.name: f'object_detection_pruning.{each.module}'
  for group in front_door.COMMANDS.values()
  for each in group
}
# Flags of other programs, and of our scripts.
FOREIGN = {
  *('logdir', 'check', 'revert', 'python_out', 'help', 'stack', 'slow'),
  # Of converters, a model server and examples/detect_elsewhere.py.
  *('output', 'output_model', 'compress_to_fp16', 'graphdef', 'inputs'),
  *('outputs', 'opset', 'rest_api_port', 'model_name', 'model_base_path'),
  *('compare', 'library'),
  # Of scripts/prune_filters.sh.
  'rounds',
  # Of docker.
  *('rm', 'gpus'),
  # Of benchmarks/sparse_ops/peers.py.
  *('images', 'results', 'also'),
  # Of benchmarks/detectors/matrix.py.
  *('only', 'again', 'seconds', 'memory_gb', 'full'),
}
ANNOTATION = (
  '<annotation><size><width>80</width><height>60</height></size><object><name>'
  'cat</name><bndbox><xmin>10</xmin><ymin>5</ymin><xmax>60</xmax><ymax>50'
  '</ymax></bndbox></object></annotation>'
)


def read(page):
  with open(os.path.join(processes.ROOT, page), encoding='utf-8') as file:
    return file.read()


def blocks(page, language):
  """The code blocks of a language, without their indentation in a list."""
  found = re.findall(
    rf'^( *)```{language}\n(.*?)^ *```', read(page), re.MULTILINE | re.DOTALL
  )
  return [
    re.sub(f'^{indent}', '', code, flags=re.MULTILINE) for indent, code in found
  ]


def odp_lines(text):
  """The words of each odp command in shell code, lines joined."""
  joined = re.sub(r'\\\n\s*', '', text)
  return [
    shlex.split(line, comments=True)[1:]
    for line in joined.splitlines()
    if line.strip().startswith('odp')
  ]


@pytest.fixture(scope='module')
def flags():
  """The names of the flags of each command, aliases included."""
  answers = processes.commands(
    [(module, ['--help']) for module in COMMANDS.values()]
  )
  found = {}
  for name, answer in zip(COMMANDS, answers):
    assert answer.returncode == 0, answer.stderr
    heads = re.findall(r'^  --.*(?:\n    \S.*)*', answer.stdout, re.MULTILINE)
    found[name] = {
      flag for head in heads for flag in re.findall(r'--(?:\[no\])?(\w+)', head)
    } | {'help', 'helpfull'}
  return found


def check_flags(words, known):
  name, arguments = words[0], words[1:]
  assert name in known, f'odp {name}'
  for argument in arguments:
    if argument.startswith('--'):
      flag = argument[2:].partition('=')[0]
      is_known = flag in known[name] or (
        flag.startswith('no') and flag[2:] in known[name]
      )
      assert is_known, f'odp {name} --{flag}'


@pytest.mark.parametrize('page', PAGES)
def test_every_odp_command_in_the_pages_exists_with_its_flags(page, flags):
  for code in blocks(page, 'bash'):
    for words in odp_lines(code):
      if words and words[0] not in ('help', '-h', '--help'):
        check_flags(words, flags)
  inline = re.findall(r'`odp ([a-z_]+)((?: [^`]*)?)`', read(page))
  for name, arguments in inline:
    if name not in ('help', 'COMMAND'):
      check_flags([name, *arguments.split()], flags)


@pytest.mark.parametrize('page', PAGES)
def test_every_flag_that_a_page_names_is_one_of_some_command(page, flags):
  known = set().union(*flags.values())
  # A dash within a name is no flag of ours: pip's --no-deps.
  named = re.findall(r'(?<![\w-])--(?:no)?([a-z]\w*)(?![\w-])', read(page))
  whole = re.findall(r'(?<![\w-])--([a-z]\w*)(?![\w-])', read(page))
  for flag, full in zip(named, whole):
    assert flag in known or full in known or full in FOREIGN, f'{page}: {full}'


def test_the_example_of_every_command_has_flags_that_exist(flags):
  answers = processes.commands(
    [(module, ['--help']) for module in COMMANDS.values()]
  )
  for name, answer in zip(COMMANDS, answers):
    (words,) = odp_lines(answer.stdout)
    assert words[0] == name
    check_flags(words, flags)


def test_the_page_of_commands_has_each_command_with_its_line():
  page = ' '.join(read('docs/commands.md').split())
  shown = {
    words[0]
    for code in blocks('docs/commands.md', 'bash')
    for words in odp_lines(code)
    if words
  }
  for title, group in front_door.COMMANDS.items():
    assert f'### {title}' in page
    for command in group:
      assert command.name in shown
      summary = command.summary[0].lower() + command.summary[1:]
      said = page.replace('`', '')
      assert f'{command.name} {summary}' in said, command.name


def test_the_page_of_commands_has_each_alias_beside_its_flag():
  rows = re.findall(
    r'^\| (`--.*?) \|.*\| (.*?) \|$', read('docs/commands.md'), re.M
  )
  table = {
    flag: re.findall(r'--(\w+)', aliases)
    for names, aliases in rows
    for flag in re.findall(r'--(\w+)', names)
  }
  for name, shared in shared_flags.SHARED.items():
    if shared.aliases:
      assert table[name] == list(shared.aliases)


@pytest.mark.parametrize('page', PAGES + ['benchmarks/README.md'])
def test_relative_links_lead_to_a_file_and_a_heading(page):
  folder = os.path.dirname(os.path.join(processes.ROOT, page))
  for target in re.findall(r'\]\(([^)\s]+)\)', read(page)):
    if '://' in target:
      continue
    path, _, anchor = target.partition('#')
    file = os.path.normpath(os.path.join(folder, path)) if path else page
    file = os.path.join(processes.ROOT, file)
    assert os.path.exists(file), f'{page}: {target}'
    if anchor:
      headings = re.findall(r'^#+ (.*)$', read(file), re.MULTILINE)
      anchors = [
        re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')
        for heading in headings
      ]
      assert anchor in anchors, f'{page}: {target}'


@pytest.fixture(scope='module')
def working_folder(tmp_path_factory, run, exported, data):
  """A folder with the files that the snippets name."""
  folder = tmp_path_factory.mktemp('snippets')
  shutil.copytree(exported, str(folder / 'exported'))
  shutil.copy(
    f'{exported}/sparse_inference_graph.pb',
    str(folder / 'sparse_inference_graph.pb'),
  )
  shutil.copytree(run.model_dir, str(folder / 'model'))
  shutil.copy(data.label_map, str(folder / 'label_map.pbtxt'))
  pixels = np.random.RandomState(0).randint(0, 256, (60, 80, 3))
  picture = Image.fromarray(pixels.astype(np.uint8))
  (folder / 'photos').mkdir()
  picture.save(str(folder / 'photos/7.jpg'))
  voc = folder / 'path/to/folder'
  for name in ('Annotations', 'JPEGImages'):
    (voc / name).mkdir(parents=True)
  for number in range(4):
    picture.save(str(voc / f'JPEGImages/{number}.jpg'))
    (voc / f'Annotations/{number}.xml').write_text(ANNOTATION)
  return folder


@pytest.mark.slow
def test_python_snippets_run_as_they_stand(working_folder):
  snippets = [(page, code) for page in PAGES for code in blocks(page, 'python')]
  assert len(snippets) >= 15
  for number, (_, code) in enumerate(snippets):
    (working_folder / f'snippet_{number}.py').write_text(code)
  answers = processes.commands(
    [(f'snippet_{number}', []) for number in range(len(snippets))],
    folder=str(working_folder),
    cwd=str(working_folder),
  )
  failed = {
    f'{page}:\n{code}': answer.stderr.splitlines()[-1:]
    for (page, code), answer in zip(snippets, answers)
    if answer.returncode
  }
  assert not failed, json.dumps(failed, indent=1)
