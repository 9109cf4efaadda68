"""The least members of many small groups at once.

A sorting network compares all groups by the same pairs of members, so each
comparison is one op over all of them (Batcher's odd-even merge sort, in
K. E. Batcher, "Sorting Networks and Their Applications", 1968).
"""

from typing import Iterator, Tuple

import tensorflow.compat.v1 as tf


def least(members: tf.Tensor, number: int) -> tf.Tensor:
  """Marks the least members of each group; of equal ones the first.

  Args:
    members: integers, [members of a group, groups].
    number: how many to mark, from 1 to the members of a group.

  Returns:
    bool in that shape, `number` true ones in each column.
  """
  size = members.shape.as_list()[0]
  sorted_members = tf.unstack(members)
  for first, second in _network(size):
    pair = sorted_members[first], sorted_members[second]
    sorted_members[first] = tf.minimum(*pair)
    sorted_members[second] = tf.maximum(*pair)
  greatest = sorted_members[number - 1]
  less = members < greatest
  ties = tf.cast(tf.equal(members, greatest), tf.int8)
  # How many ties each may come after, to be marked.
  room = number - tf.reduce_sum(tf.cast(less, tf.int8), 0)
  marked, before = [], tf.zeros_like(room)
  for member, tie in enumerate(tf.unstack(ties)):
    marked.append(
      tf.logical_or(
        less[member], tf.logical_and(tf.cast(tie, tf.bool), before < room)
      )
    )
    before += tie
  return tf.stack(marked)


def _network(size: int) -> Iterator[Tuple[int, int]]:
  """Gives the pairs that a sorting network compares, the lesser index first.

  What is beyond the size counts as greater than all, so it is never moved.
  """
  merged = 1
  while merged < size:
    distance = merged
    while distance:
      for start in range(distance % merged, size - distance, 2 * distance):
        for first in range(start, start + distance):
          second = first + distance
          if second < size and first // (2 * merged) == second // (2 * merged):
            yield first, second
      distance //= 2
    merged *= 2
