import os

import pytest


def _fill(builder):
  """A folder with one fault of each kind."""
  good = ('dog', (8, 6, 40, 30))
  builder.add('good', good)
  builder.add('flat', good, ('dog', (5, 5, 5, 5)))
  builder.add('wide', good, ('dog', (70, 5, 95, 9)))
  builder.add('gone', good, image=False)
  builder.add('unknown', good, ('owl', (1, 2, 3, 4)))
  builder.add('unreadable', good)
  with open(builder.image('unreadable.jpg'), 'w') as stream:
    stream.write('no image')
  builder.annotate('xml', '<annotation>')
  builder.list(
    'train',
    *['good', 'flat', 'wide', 'gone', 'unknown', 'unreadable', 'xml', 'lost'],
  )


@pytest.fixture
def label_map(tmp_path):
  path = tmp_path / 'dogs.pbtxt'
  path.write_text('item { name: "dog" id: 4 }')
  return str(path)


def test_reports_and_counts_every_fault(
  tmp_path, voc_folder, label_map, run_command, decode
):
  _fill(voc_folder)
  out = str(tmp_path / 'out' / 'train.record')
  done = run_command(
    'create_voc_tf_record',
    data_dir=voc_folder.path,
    output_path=out,
    label_map_path=label_map,
  )
  assert done.returncode == 0, done.stderr
  told = [line for line in done.stderr.splitlines() if '.xml' in line]
  assert [line.split('.xml')[0] for line in told] == (
    ['flat', 'wide', 'gone', 'unknown', 'unreadable', 'xml', 'lost']
  )
  assert (
    '7 broken records: 4 images skipped, 2 objects skipped, 1 box clipped'
  ) in done.stderr.splitlines()
  assert done.stdout.splitlines() == [
    f'4 images in {out}',
    f'label map: {label_map}',
  ]
  images = decode(out, label_map)
  assert [image['groundtruth_classes'].tolist() for image in images] == [
    [4],
    [4],
    [4, 4],
    [4],
  ]
  assert os.listdir(os.path.dirname(out)) == ['train.record']


def test_strict_fails_and_leaves_nothing(
  tmp_path, voc_folder, label_map, run_command
):
  _fill(voc_folder)
  done = run_command(
    'create_voc_tf_record',
    data_dir=voc_folder.path,
    output_path=tmp_path / 'out' / 'train.record',
    label_map_path=label_map,
    strict=True,
  )
  assert done.returncode == 2
  assert done.stderr.splitlines()[-1].startswith('error: 7 broken records')
  assert 'Traceback' not in done.stderr
  assert not os.path.exists(str(tmp_path / 'out'))


def test_derives_the_label_map(tmp_path, voc_folder, run_command, decode):
  voc_folder.add('a', ('dog', (8, 6, 40, 30)))
  voc_folder.add('b', ('cat', (8, 6, 40, 30)))
  voc_folder.list('val', 'a')
  done = run_command(
    'create_voc_tf_record',
    data_dir=voc_folder.path,
    set='val',
    output_path=tmp_path / 'val.record',
    strict=True,
  )
  assert done.returncode == 0, done.stderr
  (image,) = decode(tmp_path / 'val.record', str(tmp_path / 'label_map.pbtxt'))
  assert image['groundtruth_classes'].tolist() == [2]


def test_a_missing_list_is_one_line(tmp_path, voc_folder, run_command):
  voc_folder.add('a', ('dog', (8, 6, 40, 30)))
  voc_folder.list('val', 'a')
  done = run_command(
    'create_voc_tf_record',
    data_dir=voc_folder.path,
    set='test',
    output_path=tmp_path / 'out' / 'test.record',
  )
  assert done.returncode == 2
  assert done.stderr.splitlines()[-1].endswith('test.txt; it has val')
  assert not os.path.exists(str(tmp_path / 'out'))


def test_label_map_of_other_classes_writes_nothing(
  tmp_path, voc_folder, run_command
):
  voc_folder.add('a', ('cell', (8, 6, 40, 30)))
  zebra = tmp_path / 'zebra.pbtxt'
  zebra.write_text('item { name: "zebra" id: 1 }')
  done = run_command(
    'create_voc_tf_record',
    data_dir=voc_folder.path,
    output_path=str(tmp_path / 'out/train.record'),
    label_map_path=str(zebra),
  )
  assert done.returncode == 2
  assert "it has 'zebra', and the data have 'cell'" in done.stderr
  assert not (tmp_path / 'out').exists()
