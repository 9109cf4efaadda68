"""A teacher: where its weights come from, and where they are not written."""

import averages
import detectors
import distilled
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.export import exporter, optimizing
from object_detection_pruning.graphs import graph_files
from object_detection_pruning.training import distillation, held_weights
from object_detection_pruning.training import teacher as teachers


def test_no_weights_of_the_teacher_are_written_with_the_graph(data, teacher):
  config = detectors.config(detectors.ssd(), data)
  size = {}
  for taught in (False, True):
    with tf.Graph().as_default() as graph:
      spec = distilled.training_spec(
        distilled.with_teacher(config, teacher) if taught else config, data
      )
      written = tf.train.export_meta_graph(graph=graph)
      size[taught] = written.ByteSize()
      large = [
        node.name
        for node in written.graph_def.node
        if node.op == 'Const' and node.ByteSize() > 4096
      ]
      assert not any('teacher' in name for name in large)
      saved = {v.op.name for v in tf.global_variables() + tf.local_variables()}
      assert not any('teacher' in name for name in saved)
      if taught:
        # What a session of an estimator runs at its start, and nothing else.
        scaffold = spec.scaffold or tf.train.Scaffold()
        with tf.train.MonitoredSession(
          tf.train.ChiefSessionCreator(scaffold)
        ) as session:
          assert np.isfinite(session.run(spec.loss))
  weights = sum(array.nbytes for array in checkpoints.read(teacher).values())
  assert size[True] - size[False] < weights / 4


def test_a_frozen_graph_teaches_what_its_checkpoint_does(
  data, teacher, tmp_path
):
  config = detectors.config(detectors.ssd(), data)
  folder, trained = tmp_path / 'export', str(tmp_path / 'trained')
  tensors = dict(checkpoints.read(teacher), global_step=np.int64(7))
  checkpoints.write(trained, tensors)
  exporter.export(config, trained, str(folder))
  frozen = str(folder / exporter.FROZEN_GRAPH)
  given = distillation.from_config(distilled.with_teacher(config, frozen))
  shape = [distilled.SIZE, distilled.SIZE, 3]
  found = teachers.load(given.config, given.checkpoint, shape)
  assert found == teachers.load(config, teacher, shape)
  with pytest.raises(errors.InputError, match='no frozen graph at'):
    distillation.from_config(
      distilled.with_teacher(config, frozen[:-3] + 's.pb')
    )
  _assert_masks_count(config, frozen, tmp_path)
  other = tmp_path / 'other.pb'
  with tf.Graph().as_default() as graph:
    tf.constant([1.0], name='image_tensor')
    other.write_bytes(graph.as_graph_def().SerializeToString())
  folded = tmp_path / 'folded.pb'
  optimized = optimizing.optimize(graph_files.read(frozen).graph_def)
  folded.write_bytes(optimized.SerializeToString())
  for path in (other, folded):
    with pytest.raises(errors.InputError, match='be the teacher: it lacks'):
      teachers.load(config, str(path), shape)


def _assert_masks_count(config, frozen, folder):
  """Asserts that a mask beside a kernel, as stock tools freeze it, counts."""
  graph_def = graph_files.read(frozen).graph_def
  kernel = next(n for n in graph_def.node if n.name.endswith('0/weights'))
  value = tf.make_ndarray(kernel.attr['value'].tensor)
  with tf.Graph().as_default() as graph:
    name = kernel.name.replace('weights', 'mask')
    tf.constant(np.zeros_like(value), name=name)
    graph_def.node.extend(graph.as_graph_def().node)
  masked = folder / 'masked.pb'
  masked.write_bytes(graph_def.SerializeToString())
  found = teachers.load(
    config, str(masked), [distilled.SIZE, distilled.SIZE, 3]
  ).graph_def
  (node,) = (node for node in found.node if node.name == kernel.name)
  assert not tf.make_ndarray(node.attr['value'].tensor).any() and value.any()


def test_a_teacher_predicts_what_its_constants_do(data, teacher, monkeypatch):
  config = detectors.config(detectors.ssd(), data)
  loaded = teachers.load(config, teacher, [distilled.SIZE, distilled.SIZE, 3])
  images = np.random.RandomState(0).uniform(
    -1, 1, (2, distilled.SIZE, distilled.SIZE, 3)
  )
  found = []
  for large in (held_weights._LARGE, 10**9):
    monkeypatch.setattr(held_weights, '_LARGE', large)
    with tf.Graph().as_default() as graph, tf.Session() as session:
      predicted = loaded.predict(
        tf.constant(images, tf.float32),
        tf.constant([[distilled.SIZE, distilled.SIZE, 3]] * 2),
      )
      types = [op.type for op in graph.get_operations()]
      assert ('VarHandleOp' in types) == (large < 10**9)
      session.run(tf.tables_initializer())
      found.append(session.run(predicted))
  for name, value in found[0].items():
    np.testing.assert_allclose(value, found[1][name], rtol=1e-4, atol=1e-5)


def test_a_step_trains_what_it_does_beside_constants(
  data, teacher, monkeypatch
):
  config = distilled.with_teacher(
    detectors.config(detectors.ssd(), data), teacher
  )
  found = []
  for large in (held_weights._LARGE, 10**9):
    monkeypatch.setattr(held_weights, '_LARGE', large)
    with tf.Graph().as_default() as graph:
      tf.set_random_seed(4)
      spec = distilled.training_spec(config, data)
      types = [op.type for op in graph.get_operations()]
      assert ('VarHandleOp' in types) == (large < 10**9)
      variables = {v.op.name: v for v in tf.trainable_variables()}
      # Seeds of operations count those before them, so none is left to them.
      drawn = np.random.RandomState(0)
      values = {
        name: drawn.normal(0, 0.1, variables[name].shape.as_list())
        for name in sorted(variables)
      }
      assign = [v.assign(values[name]) for name, v in variables.items()]
      with tf.Session() as session:
        session.run(
          [tf.global_variables_initializer(), tf.tables_initializer()]
        )
        session.run(assign)
        loss = session.run(spec.train_op)
        found.append((loss, session.run(variables), values))
  np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-5)
  for name, value in found[0][1].items():
    np.testing.assert_allclose(
      value, found[1][1][name], rtol=1e-3, atol=1e-5, err_msg=name
    )
  assert any(
    np.abs(value - found[0][2][name]).max() > 1e-3
    for name, value in found[0][1].items()
  )


def test_a_checkpoint_that_is_not_of_the_config_is_refused(data, tmp_path):
  config = detectors.config(detectors.ssd(), data)
  checkpoint = distilled.random_checkpoint(
    detectors.config(detectors.faster_rcnn(), data), tmp_path / 'teacher'
  )
  with pytest.raises(errors.InputError, match='cannot be the teacher'):
    teachers.load(config, checkpoint, [distilled.SIZE, distilled.SIZE, 3])


def test_a_teacher_has_the_moving_averages_that_its_config_evaluates(
  data, teacher, tmp_path
):
  config = detectors.config(detectors.ssd(), data)
  checkpoint = str(tmp_path / 'teacher')
  checkpoints.write(
    checkpoint, averages.into_averages(checkpoints.read(teacher))
  )
  shape = [distilled.SIZE, distilled.SIZE, 3]
  expected = teachers.load(config, teacher, shape).graph_def
  averaged = averages.evaluating(config)
  assert teachers.load(averaged, checkpoint, shape).graph_def == expected
  assert teachers.load(config, checkpoint, shape).graph_def != expected
  with pytest.raises(errors.InputError, match='^the teacher .* has no moving'):
    teachers.load(averaged, teacher, shape)
