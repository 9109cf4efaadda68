import json
import os
import shutil

import detectors
import pytest
import small_detector

from object_detection_pruning.builders import pipeline
from object_detection_pruning.channels import retraining
from object_detection_pruning.common import errors
from object_detection_pruning.evaluation import accuracy, eval_set
from object_detection_pruning.reconstruction import (
  job,
  loss_bound,
  outputs,
  photos,
  refinement,
  request,
  survey,
)

_PHOTOS = photos.Photos(small_detector.photos(8))


@pytest.fixture(scope='module')
def given(tmp_path_factory):
  """Paths of a graph, and of a record and a label map of what it finds."""
  folder = tmp_path_factory.mktemp('given')
  graph = small_detector.graph_def(detects=True)
  path = folder / 'dense.pb'
  path.write_bytes(graph.SerializeToString())
  return [str(path)] + small_detector.write_labels(graph, folder)


def _job(given, **settings):
  settings.setdefault('min_weights', 300)
  return job.Job(
    job.Source(graph=given[0]),
    lambda: _PHOTOS,
    request.Request(sparsity=0.5, max_rows=2000, **settings),
    refinement.Setting(0),
  )


def _bound(given, max_loss, metric='AP50'):
  return loss_bound.Bound(max_loss, metric, eval_set.load(*_files(given)))


def _files(given):
  return [given[1]], given[2]


@pytest.mark.parametrize('last', range(8))
def test_bisection_finds_the_last_number_within_in_few_steps(last):
  tried = []

  def is_within(number):
    tried.append(number)
    return number <= last

  assert loss_bound.sparsest(is_within, 7) == last
  assert len(tried) == len(set(tried)) == 3


def test_the_sparsest_model_is_found_and_its_files_are_copied(given, tmp_path):
  told = []
  with _job(given) as work:
    found = loss_bound.search(
      work, _bound(given, 0.1), str(tmp_path), told.append
    )
  assert told == [found]
  assert found.dense == pytest.approx(1, abs=1e-3)
  sparsity = found.chosen.sparsity
  # The next percent was tried and lost too much.
  next_one = [
    each for each in found.runs if round(100 * (each.sparsity - sparsity)) == 1
  ]
  assert len(next_one) == 1
  assert found.loss(next_one[0]) > 0.1 >= found.loss(found.chosen)
  folder = loss_bound.run_folder(str(tmp_path), sparsity)
  for name in (outputs.FROZEN_GRAPH, outputs.REPORT):
    with open(os.path.join(folder, name), 'rb') as file:
      assert (tmp_path / name).read_bytes() == file.read()
  report = json.loads((tmp_path / outputs.REPORT).read_text())
  assert report['sparsity'] == pytest.approx(sparsity, abs=1e-3)
  table = json.loads((tmp_path / loss_bound.TABLE).read_text())
  assert len(table['runs']) == len(found.runs) <= 7
  assert not (tmp_path / job.PARTS).exists()


def test_training_goes_on_from_the_copy_of_the_run_that_is_chosen(
  given, tmp_path, monkeypatch
):
  real_run = job.Job.run

  def with_checkpoint(self, folder, *arguments):
    result = real_run(self, folder, *arguments)
    # A graph has none, and what weights it has does not matter here.
    prefix = os.path.join(folder, outputs.CHECKPOINT)
    with open(prefix + '.index', 'w') as file:
      file.write(folder)
    pipeline.save(
      retraining.from_checkpoint(detectors.config(detectors.ssd()), prefix),
      folder,
    )
    return result

  monkeypatch.setattr(job.Job, 'run', with_checkpoint)
  folder = tmp_path / 'out'
  with _job(given) as work:
    found = loss_bound.search(work, _bound(given, 0.9), str(folder))
  config = pipeline.load(str(folder / pipeline.FILE_NAME))
  start = config.train_config.fine_tune_checkpoint
  assert start == str(folder / outputs.CHECKPOINT)
  run = loss_bound.run_folder(str(folder), found.chosen.sparsity)
  assert (folder / f'{outputs.CHECKPOINT}.index').read_text() == run


def test_a_search_that_was_killed_uses_its_runs_again(
  given, tmp_path, monkeypatch
):
  runs, surveys = [], []
  real_run, real_survey = job.Job.run, survey.survey

  def dying(self, folder, sparsity, shared):
    if len(runs) == 2:
      raise KeyboardInterrupt
    runs.append(sparsity)
    return real_run(self, folder, sparsity, shared)

  def counting(self, folder, sparsity, shared):
    runs.append(sparsity)
    return real_run(self, folder, sparsity, shared)

  def surveying(*arguments):
    surveys.append(arguments)
    return real_survey(*arguments)

  monkeypatch.setattr(survey, 'survey', surveying)
  monkeypatch.setattr(job.Job, 'run', dying)
  with _job(given) as work, pytest.raises(KeyboardInterrupt):
    loss_bound.search(work, _bound(given, 0.1), str(tmp_path))
  monkeypatch.setattr(job.Job, 'run', counting)
  with _job(given) as work:
    found = loss_bound.search(work, _bound(given, 0.1), str(tmp_path))
  assert len(runs) == len(set(runs)) == len(found.runs)
  assert len(surveys) == 1
  with _job(given) as work:
    # Another bound and another metric measure what is there.
    other = loss_bound.search(work, _bound(given, 0.3, 'mAP'), str(tmp_path))
  assert set(found.runs) != set(other.runs)
  assert {each.sparsity for each in other.runs} <= set(runs)
  assert len(runs) == len(set(runs))


def test_labels_that_were_corrected_are_measured_on_anew(
  given, tmp_path, monkeypatch
):
  record = tmp_path / 'val.record'
  shutil.copyfile(given[1], str(record))
  bound = _bound([given[0], str(record), given[2]], 0.1)
  measured = _score(monkeypatch, 0.8, 0.75)
  counts = []
  before = record.read_bytes()
  # As long as before.
  after = before[:-1] + bytes([before[-1] ^ 1])
  for content in (before, after, after):
    record.write_bytes(content)
    with _job(given) as work:
      loss_bound.search(work, bound, str(tmp_path / 'out'))
    counts.append(len(measured))
  assert counts[0] == counts[1] - counts[0]
  assert counts[2] == counts[1]


def test_runs_with_other_settings_are_refused(given, tmp_path):
  with _job(given) as work:
    loss_bound.search(work, _bound(given, 0.1), str(tmp_path))
  with _job(given, allocation='uniform') as work, pytest.raises(
    errors.InputError, match='dense has a run with other photos'
  ):
    loss_bound.search(work, _bound(given, 0.1), str(tmp_path))


def _score(monkeypatch, dense, pruned):
  """Lets every dense and every pruned model have the same accuracy.

  Returns:
    The titles of models that were measured, to which more are added.
  """
  measured = []

  def evaluate(detector, images, title):
    measured.append(title)
    value = dense if 'dense' in title else pruned
    return accuracy.Accuracy(value, value, None, None, images.size)

  monkeypatch.setattr(accuracy, 'evaluate', evaluate)
  return measured


def test_none_within_leaves_the_table_and_no_model(
  given, tmp_path, monkeypatch
):
  _score(monkeypatch, 0.6, 0.59)
  with _job(given) as work:
    found = loss_bound.search(work, _bound(given, 0.01), str(tmp_path))
  assert found.chosen is None
  assert min(run.sparsity for run in found.runs) == 0.01
  assert (tmp_path / loss_bound.TABLE).exists()
  assert not (tmp_path / outputs.FROZEN_GRAPH).exists()


def test_a_dense_model_that_finds_nothing_is_refused(
  given, tmp_path, monkeypatch
):
  _score(monkeypatch, 0.0, 0.0)
  with _job(given) as work, pytest.raises(
    errors.InputError, match='there is nothing to lose'
  ):
    loss_bound.search(work, _bound(given, 0.1), str(tmp_path))


@pytest.mark.parametrize(
  'max_loss, metric, message',
  [(1.0, 'mAP', 'max_loss must be in'), (0.1, 'AP75', 'metric must be one of')],
)
def test_a_bound_that_cannot_be_is_refused(given, max_loss, metric, message):
  with pytest.raises(errors.InputError, match=message):
    _bound(given, max_loss, metric).check()
