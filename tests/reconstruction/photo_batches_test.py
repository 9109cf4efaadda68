import itertools

import numpy as np

from object_detection_pruning.reconstruction import photo_batches, photos


def test_no_step_learns_from_what_is_held_out():
  batches = photo_batches.PhotoBatches(20, 4)
  assert batches.held_out == [0, 7, 14]
  steps = [batches.chosen(step) for step in range(50)]
  assert {len(step) for step in steps} == {4}
  seen = {n for step in steps for n, _ in step}
  assert seen == set(range(20)) - {0, 7, 14}


def test_a_mirror_image_of_what_is_held_out_is_not_learned_from():
  both = photos.with_mirror_images(
    photos.Photos([np.zeros((8, 8, 3), np.uint8)] * 10)
  )
  batches = photo_batches.PhotoBatches(len(both.images), 4, both.views)
  assert batches.held_out == [0, 1, 14, 15]
  seen = {n for step in range(50) for n, _ in batches.chosen(step)}
  assert not seen & {0, 1, 14, 15}


def test_each_step_is_the_same_when_it_is_done_again_and_no_other_one():
  one, other = (photo_batches.PhotoBatches(20, 4) for _ in range(2))
  steps = [one.chosen(step) for step in range(5)]
  assert steps == [other.chosen(step) for step in range(5)]
  seeds = [tuple(seed) for _, seed in itertools.chain(*steps)]
  assert len(set(seeds)) == len(seeds)


def test_a_single_photo_is_learned_from_and_judged_by():
  batches = photo_batches.PhotoBatches(1, 2)
  assert batches.held_out == [0]
  assert [n for n, _ in batches.chosen(0)] == [0, 0]
