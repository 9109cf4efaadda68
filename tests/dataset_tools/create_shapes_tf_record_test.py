import os


def test_writes_the_data_set_and_says_where(tmp_path, run_command, decode):
  out = str(tmp_path / 'shapes')
  done = run_command(
    'create_shapes_tf_record',
    output_dir=out,
    num_train=3,
    num_val=2,
    image_size=64,
    seed=5,
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
  assert first['image'].shape == (64, 64, 3)


def test_a_wrong_value_is_one_line_and_no_file(tmp_path, run_command):
  out = str(tmp_path / 'shapes')
  done = run_command('create_shapes_tf_record', output_dir=out, num_train=0)
  assert done.returncode == 2
  assert done.stderr.splitlines()[-1] == (
    'error: num_train must be in [1, 2**31), got 0'
  )
  assert 'Traceback' not in done.stderr
  assert not os.path.exists(out)
