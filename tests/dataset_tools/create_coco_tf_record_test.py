import os

import numpy as np


def test_writes_masks_and_crowds(tmp_path, coco_folder, run_command, decode):
  coco_folder.add_image(1)
  coco_folder.add(1, segmentation=[[10, 20, 40, 20, 40, 40, 10, 40]])
  runs = {'size': [60, 80], 'counts': [0, 120, 4680]}
  coco_folder.add(1, category_id=7, segmentation=runs, iscrowd=1)
  coco_folder.add(1, bbox=(1, 1, 0, 0))
  out = str(tmp_path / 'out' / 'x.record')
  done = run_command(
    'create_coco_tf_record',
    image_dir=coco_folder.path,
    annotations_file=coco_folder.save(),
    output_path=out,
    include_masks=True,
  )
  assert done.returncode == 0, done.stderr
  assert '1.png, annotation 3: box has no area' in done.stderr
  label_map = os.path.join(os.path.dirname(out), 'label_map.pbtxt')
  (image,) = decode(out, label_map, masks=True)
  assert image['groundtruth_classes'].tolist() == [3, 7]
  assert image['groundtruth_is_crowd'].tolist() == [False, True]
  polygon, crowd = image['groundtruth_instance_masks']
  assert polygon.sum() == polygon[20:40, 10:40].sum() == 600
  np.testing.assert_array_equal(crowd[:, :2], 1)
  assert crowd.sum() == 120


def test_what_is_read_is_never_replaced(tmp_path, coco_folder, run_command):
  coco_folder.add_image(1)
  coco_folder.add(1)
  annotations = coco_folder.save()
  with open(annotations) as file:
    before = file.read()
  done = run_command(
    'create_coco_tf_record',
    image_dir=coco_folder.path,
    annotations_file=annotations,
    output_path=annotations,
    overwrite=True,
  )
  assert done.returncode == 2
  assert done.stderr.endswith(
    'is read as well: choose another name for what is written\n'
  )
  with open(annotations) as file:
    assert file.read() == before


def test_strict_fails_and_leaves_nothing(tmp_path, coco_folder, run_command):
  coco_folder.add_image(1)
  coco_folder.add(1, category_id=4)
  done = run_command(
    'create_coco_tf_record',
    image_dir=coco_folder.path,
    annotations_file=coco_folder.save(),
    output_path=tmp_path / 'out' / 'x.record',
    strict=True,
  )
  assert done.returncode == 2
  assert done.stderr.splitlines()[-1].startswith('error: 1 broken record: ')
  assert not os.path.exists(str(tmp_path / 'out'))


def test_a_missing_image_folder_is_one_line(tmp_path, coco_folder, run_command):
  coco_folder.add_image(1)
  done = run_command(
    'create_coco_tf_record',
    image_dir=tmp_path / 'nowhere',
    annotations_file=coco_folder.save(),
    output_path=tmp_path / 'x.record',
  )
  assert done.returncode == 2
  assert done.stderr.splitlines()[-1] == (
    f'error: image folder {tmp_path}/nowhere does not exist'
  )
