import json
import os

import detectors
import numpy as np
import pytest
import small_detector
import tensorflow.compat.v1 as tf
from object_detection import exporter as stock_exporter
from object_detection.builders import model_builder

from object_detection_pruning.builders import masked_network, pipeline
from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.core import kernels, moving_averages
from object_detection_pruning.export import exporter
from object_detection_pruning.graphs import (
  float_constants,
  freezing,
  graph_files,
)
from object_detection_pruning.reconstruction import (
  at_once,
  job,
  outputs,
  photo_size,
  photos,
  refinement,
  report,
  request,
)

_REQUEST = request.Request(
  sparsity=0.5, allocation='uniform', min_weights=300, max_rows=2000
)
_PHOTOS = photos.Photos(small_detector.photos(4), skipped=1)


@pytest.fixture
def graph(tmp_path):
  path = tmp_path / 'given' / 'dense.pb'
  path.parent.mkdir()
  path.write_bytes(small_detector.graph_def().SerializeToString())
  return str(path)


def _checkpoint(config, folder) -> str:
  """Saves a detector whose statistics are no longer those of its start."""
  with tf.Graph().as_default(), tf.Session() as session:
    model = model_builder.build(config.model, is_training=False)
    image = tf.placeholder(tf.float32, [1, 96, 96, 3])
    model.predict(*model.preprocess(image))
    tf.train.get_or_create_global_step()
    tf.set_random_seed(1)
    session.run(tf.global_variables_initializer())
    return tf.train.Saver().save(session, os.path.join(str(folder), 'start'))


def _read(path) -> tf.GraphDef:
  return graph_files.read(path).graph_def


def test_a_model_with_nan_in_it_is_refused_by_name(graph, tmp_path):
  graph_def = _read(graph)
  name = max(
    (value.size, name)
    for name, value in float_constants.find(graph_def).items()
  )[1]
  (node,) = [each for each in graph_def.node if each.name == name]
  values = tf.make_ndarray(node.attr['value'].tensor).copy()
  values.flat[3] = np.nan
  node.attr['value'].tensor.CopyFrom(tf.make_tensor_proto(values))
  path = str(tmp_path / 'broken.pb')
  with open(path, 'wb') as file:
    file.write(graph_def.SerializeToString())
  with pytest.raises(errors.InputError) as error:
    job.Source(graph=path).read()
  assert str(error.value).startswith(f'{path} has values that are NaN')
  assert f'in {name} (1): ' in str(error.value)


def test_a_frozen_graph_alone_is_pruned(graph, tmp_path):
  folder = str(tmp_path / 'out')
  report = job.run(
    job.Source(graph=graph),
    _PHOTOS,
    _REQUEST,
    refinement.Setting(2, batch_size=2),
    folder,
  )
  assert sorted(os.listdir(folder)) == [outputs.FROZEN_GRAPH, outputs.REPORT]
  with open(os.path.join(folder, outputs.REPORT)) as file:
    written = json.load(file)
  assert written['sparsity'] == pytest.approx(0.5, abs=1e-3)
  assert written['skipped'] == 1
  # At the start and after the last step.
  assert len(written['refinement_distances']) == 2
  path = os.path.join(folder, outputs.FROZEN_GRAPH)
  # What older TensorFlow does not know is left out where it can be.
  assert all('dilations' not in node.attr for node in _read(path).node)
  values = _constants(path)
  for layer in report.layers:
    if layer.pruned:
      kernel = values[layer.name + '/weights']
      assert np.sum(kernel == 0) == layer.zeros == round(0.5 * kernel.size)
  # Of down, 3x3x32, on 4 maps of 6x6.
  assert (
    '4 pictures are few for 1 of the 3 pruned layers, which are held near '
    'their dense weights: down was fitted to 144 positions and has 288 '
    'inputs; 8 pictures would be enough for all'
  ) in str(report)


def test_request_that_is_refused_leaves_nothing_in_the_way(graph, tmp_path):
  folder = str(tmp_path / 'out')
  source, setting = job.Source(graph=graph), refinement.Setting(0)
  wanted = _REQUEST._replace(allocation='least_cost', target='latency')
  for is_there in (False, True):
    if is_there:
      os.mkdir(folder)
    with pytest.raises(errors.InputError, match='no allocation takes away'):
      job.run(source, _PHOTOS, wanted._replace(sparsity=0.99), setting, folder)
    assert os.path.exists(folder) == is_there
  job.run(source, _PHOTOS, wanted._replace(sparsity=0.2), setting, folder)
  assert sorted(os.listdir(folder)) == [outputs.FROZEN_GRAPH, outputs.REPORT]


def test_run_that_is_killed_at_its_end_goes_on(graph, tmp_path):
  folder = str(tmp_path / 'out')
  done = []

  def run(finish):
    with job.Job(
      job.Source(graph=graph), lambda: _PHOTOS, _REQUEST, refinement.Setting(0)
    ) as work:
      work.run(folder, finish=finish)
    with open(os.path.join(folder, outputs.FROZEN_GRAPH), 'rb') as file:
      return file.read()

  def is_killed(_):
    done.append(sorted(os.listdir(folder)))
    raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    run(is_killed)
  assert done == [[outputs.FROZEN_GRAPH, outputs.REPORT, job.PARTS]]
  job.check_output(job.Source(graph=graph), folder, [], may_replace=False)
  before = os.stat(os.path.join(folder, outputs.FROZEN_GRAPH)).st_size
  assert len(run(done.append)) == before
  assert [type(each) for each in done[1:]] == [report.Report]
  assert job.PARTS not in os.listdir(folder)


# Inception V2 at full width has 75 layers to fit.
_FOR_MINUTES = pytest.mark.skipif(
  not os.environ.get('ODP_SLOW'), reason='takes five minutes: set ODP_SLOW=1'
)


@pytest.mark.parametrize(
  'kind', ['ssd', pytest.param('faster_rcnn', marks=_FOR_MINUTES)]
)
def test_a_checkpoint_gets_masks_and_exports_as_the_graph_beside_it(
  kind, tmp_path
):
  model = detectors.ssd() if kind == 'ssd' else detectors.faster_rcnn()
  config = detectors.config(model)
  prefix = _checkpoint(config, tmp_path)
  folder = str(tmp_path / 'out')
  report = job.run(
    job.Source(config=config, checkpoint=prefix),
    photos.Photos(small_detector.photos(2)),
    _REQUEST,
    refinement.Setting(1, batch_size=1),
    folder,
  )
  assert report.sparsity == pytest.approx(0.5, abs=1e-3)
  assert not report.left_alone
  tensors = checkpoints.read(os.path.join(folder, outputs.CHECKPOINT))
  masks = kernels.kernels_with_masks({n: t.shape for n, t in tensors.items()})
  assert masks
  for kernel, mask in masks.items():
    assert not tensors[kernel][tensors[mask] == 0].any()
  written = pipeline.load(os.path.join(folder, pipeline.FILE_NAME))
  assert pipeline.pruning_message(written).fit_learning_rate
  exported = str(tmp_path / 'exported')
  exporter.export(written, os.path.join(folder, outputs.CHECKPOINT), exported)
  scores = [
    small_detector.run(
      _read(os.path.join(each, outputs.FROZEN_GRAPH)),
      'detection_scores:0',
      small_detector.photos(1),
    )
    for each in (folder, exported)
  ]
  np.testing.assert_allclose(*scores, atol=1e-5)


def test_model_that_is_trained_for_8_bits_keeps_its_config(tmp_path):
  config = detectors.config(detectors.ssd())
  prefix = _checkpoint(config, tmp_path)
  config.graph_rewriter.quantization.delay = 7
  folder = str(tmp_path / 'out')
  source = job.Source(config=config, checkpoint=prefix)
  job.cut(source, at_once.Request(sparsity=0.5), folder)
  written = pipeline.load(os.path.join(folder, pipeline.FILE_NAME))
  assert written.graph_rewriter.quantization.delay == 7
  tensors = checkpoints.read(checkpoints.resolve(folder))
  masks = [value for name, value in tensors.items() if name.endswith('/mask')]
  assert any(np.any(mask == 0) for mask in masks)


def test_training_goes_on_from_the_averages_that_were_pruned(tmp_path):
  config = detectors.config(detectors.ssd())
  prefix = _checkpoint(config, tmp_path)
  config.eval_config.use_moving_averages = True
  tensors = checkpoints.read(prefix)
  for name, value in list(tensors.items()):
    if name.endswith(('weights', 'biases', 'gamma', 'beta')):
      tensors[moving_averages.name_of(name)] = value / 2
  checkpoints.write(prefix, tensors)
  folder = str(tmp_path / 'out')
  source = job.Source(config=config, checkpoint=prefix)
  job.cut(source, at_once.Request(sparsity=0.5), folder)
  written = checkpoints.read(checkpoints.resolve(folder))
  averaged = [n for n in written if moving_averages.name_of(n) in written]
  assert len(averaged) == sum('Average' in name for name in tensors)
  for name in averaged:
    np.testing.assert_array_equal(
      written[name], written[moving_averages.name_of(name)], name
    )


def test_masks_of_depthwise_kernels_stay(tmp_path):
  config = detectors.config(detectors.ssd())
  prefix = _checkpoint(config, tmp_path)
  tensors = checkpoints.read(prefix)
  kernel = next(n for n in sorted(tensors) if n.endswith('depthwise_weights'))
  name, _ = kernels.mask_names(kernel)
  tensors[name] = np.ones(tensors[kernel].shape, np.float32)
  tensors[name].flat[::3] = 0
  checkpoints.write(prefix, tensors)
  folder = str(tmp_path / 'out')
  source = job.Source(config=config, checkpoint=prefix)
  job.cut(source, at_once.Request(sparsity=0.5), folder)
  written = checkpoints.read(checkpoints.resolve(folder))
  np.testing.assert_array_equal(written[name], tensors[name])
  goes_on = pipeline.load(os.path.join(folder, pipeline.FILE_NAME))
  built = {each.mask.op.name for each in masked_network.kernels(goes_on)}
  assert built == {n for n in written if n.endswith('mask')}


def test_masks_of_layers_that_are_left_alone_keep_their_zeros():
  dense = np.arange(1.0, 41).reshape(1, 1, 8, 5).astype(np.float32)
  half, dead = dense * (dense % 2 == 0), np.zeros_like(dense)
  few = np.where(dense == 7, 0, dense)
  tensors = {'a/weights': half, 'b/weights': few, 'c/weights': dead}
  tensors['d/weights'] = dense
  values = {'d/weights': np.where(dense > 20, dense, 0)}
  tensors.update(values)
  found = outputs.masked_tensors(tensors, ['d/weights'], {})
  np.testing.assert_array_equal(found['a/mask'], half != 0)
  np.testing.assert_array_equal(found['d/mask'], dense > 20)
  # Some zeros, or nothing but zeros, are not those of an earlier pruning.
  assert found['b/mask'].all() and found['c/mask'].all()


def test_the_folder_of_the_dense_model_is_refused(graph):
  with pytest.raises(errors.InputError, match='another folder'):
    job.check_output(job.Source(graph=graph), os.path.dirname(graph), [], True)


@pytest.mark.slow
def test_a_stock_export_alone_gives_what_the_checkpoint_gives(tmp_path):
  config = detectors.config(detectors.ssd())
  prefix = _checkpoint(config, tmp_path)
  stock_exporter.export_inference_graph(
    'image_tensor', config, prefix, str(tmp_path / 'stock')
  )
  # Only what differs between the ways is of interest: one layer will do.
  wanted = _REQUEST._replace(include=['Conv2d_11_pointwise'], refit_dense=False)
  for name, source in (
    ('graph', job.Source(graph=str(tmp_path / 'stock' / outputs.FROZEN_GRAPH))),
    ('masked', job.Source(config=config, checkpoint=prefix)),
  ):
    job.run(
      source,
      photos.Photos(small_detector.photos(2)),
      wanted,
      refinement.Setting(0),
      str(tmp_path / name),
    )
  ways = [
    _constants(str(tmp_path / name / outputs.FROZEN_GRAPH))
    for name in ('graph', 'masked')
  ]
  # Of suppression, in the op of a later TensorFlow; not of the network.
  for constants in ways:
    for name in [each for each in constants if 'soft_nms_sigma' in each]:
      del constants[name]
  assert set(ways[0]) == set(ways[1])
  for name, value in ways[0].items():
    np.testing.assert_allclose(ways[1][name], value, atol=1e-5, err_msg=name)
  zeros = [
    np.sum(value == 0)
    for name, value in ways[0].items()
    if name.endswith('Conv2d_11_pointwise/weights')
  ]
  assert zeros == [0.5 * 128 * 128]


def _constants(path):
  return freezing.constants(_read(path))


def test_a_source_tells_what_its_model_looks_at(tmp_path):
  config = detectors.config(detectors.ssd())
  resizer = config.model.ssd.image_resizer.fixed_shape_resizer
  resizer.height = resizer.width = 1280
  expected = photo_size.PhotoSize(1280, 2048)
  assert job.Source(config=config).photo_size() == expected
  with tf.Graph().as_default() as graph:
    tf.placeholder(tf.uint8, [1, 1280, 1280, 3], 'image_tensor')
  path = tmp_path / 'graph.pb'
  path.write_bytes(graph.as_graph_def().SerializeToString())
  assert job.Source(graph=str(path)).photo_size() == expected
