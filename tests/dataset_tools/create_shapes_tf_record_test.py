import os

import numpy as np

from object_detection_pruning.dataset_tools import shapes, styles


def test_writes_the_data_set_and_says_where(tmp_path, run_command, decode):
  out = str(tmp_path / 'shapes')
  done = run_command(
    'create_shapes_tf_record',
    output_dir=out,
    num_train=3,
    num_val=2,
    image_size=64,
    seed=5,
    style='easy',
  )
  assert done.returncode == 0, done.stderr
  assert done.stdout.splitlines() == [
    f'3 images in {out}/train.record',
    f'2 images in {out}/val.record',
    f'4 classes in {out}/label_map.pbtxt',
  ]
  assert 'train.record: 3 of 3' in done.stderr
  (first, *_) = decode(os.path.join(out, 'train.record'))
  assert first['source_id'] == b'shapes_5_train_00000'
  # JPEG rounds, and another style's picture is another picture.
  drawn = shapes.generate(5, 0, 64, styles.EASY).image
  assert first['image'].shape == drawn.shape
  assert np.abs(first['image'] - drawn.astype(float)).mean() < 8


def test_a_wrong_value_is_one_line_and_no_file(tmp_path, run_command):
  out = str(tmp_path / 'shapes')
  done = run_command('create_shapes_tf_record', output_dir=out, num_train=0)
  assert done.returncode == 2
  assert done.stderr.splitlines()[-1] == (
    'error: num_train must be in [1, 2**31), got 0'
  )
  assert 'Traceback' not in done.stderr
  assert not os.path.exists(out)
