"""A whole run: survey, allocation, then one layer after the other."""

from concurrent import futures
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from object_detection_pruning.common import memory, progress, sessions
from object_detection_pruning.reconstruction import (
  allocation,
  augmentation,
  kernel_layers,
  layer_choice,
  layer_fitter,
  layer_times,
  least_squares,
  output_cost,
  photo_batches,
  predictions,
  progress_file,
  refinement,
  report,
)
from object_detection_pruning.reconstruction import distance as distances
from object_detection_pruning.reconstruction import model as models
from object_detection_pruning.reconstruction import network as networks
from object_detection_pruning.reconstruction import request as requests
from object_detection_pruning.reconstruction import shares as shares_lib
from object_detection_pruning.reconstruction import survey as surveys
from object_detection_pruning.reconstruction import walk as walks

Problem = Tuple[kernel_layers.KernelLayer, least_squares.Problem]


class Pruner:
  """A detector with the photos that it is calibrated on."""

  def __init__(
    self,
    model: models.Model,
    photos: Sequence[np.ndarray],
    request: requests.Request,
    threads: Optional[int] = None,
    views: int = 1,
  ):
    """Finds the layers and checks the request against them.

    Args:
      model: the dense detector.
      photos: uint8 [height, width, 3] each.
      request: settings.
      threads: photos that are run at a time; None for the number of cores.
      views: how many photos in turn show the same.

    Raises:
      InputError: there is nothing to prune, or a pattern finds no layer.
    """
    self.model, self.request = model, request.check()
    threads = threads or sessions.cores()
    self.layers, self.rejected = model.layers()
    self.chosen = layer_choice.choose(self.layers, request, model.path)
    graph_def = predictions.needed_part(model.detection_part(), self.layers)
    self.network = networks.Network(
      graph_def, self.layers, sessions.config(1, threads, rewrite=False)
    )
    self.predictions = predictions.find(self.network.graph, self.layers)
    self._pool = futures.ThreadPoolExecutor(threads)
    placeholder = self.network.tensor(model.input.name)
    self._photos, self._views = list(photos), views
    self._placeholder = placeholder
    self.feeds = list(self._pool.map(self._fed, photos))

  def run(
    self,
    kept: Optional[progress_file.Folder] = None,
    sparsity: Optional[float] = None,
    shared: Optional[progress_file.Folder] = None,
  ):
    """Prunes.

    Args:
      kept: where finished parts are kept, so that a run that was killed goes on
        from there.
      sparsity: in place of that of the request.
      shared: where what does not depend on the sparsity is kept, for other
        runs; None for `kept`.

    Returns:
      The values of all kernels and shifts by name, and a result for each layer.
    """
    request = self.request
    if sparsity is not None:
      request = request._replace(sparsity=sparsity).check()
    kept = kept or progress_file.Folder(None, '')
    shared = shared or kept
    times = self._reachable(shared, request)
    costs = shared.get('costs', self.costs)
    shares = self._shares(shared, costs, request, times)
    return self._fitter(costs).fit(self._walk(), shares, {}, kept)

  def plan(self) -> List[report.LayerResult]:
    """Gives the zeros that `run` would make, without making them."""
    shared = progress_file.Folder(None, '')
    times = self._reachable(shared, self.request)
    shares = self._shares(shared, self.costs(), self.request, times)
    return [
      report.LayerResult(
        layer.name,
        list(layer.kernel.shape),
        int(round(shares.get(layer.constant, 0.0) * layer.kernel.size)),
        None,
        any(layer is each for each in self.chosen),
      )
      for layer in self.layers
    ]

  def refit(self, supports: Dict[str, np.ndarray]) -> networks.Values:
    """Refits all layers where it is known which weights go.

    Args:
      supports: the weights that stay, bool in the shape of the kernel, by the
        layer's constant; a kernel that is not named keeps all.

    Returns:
      The values of all kernels and shifts by name.
    """
    # Without a search for masks each output is fitted for itself, so what an
    # error of it costs does not matter.
    values, _ = self._fitter({}).fit(
      self._walk(),
      {},
      supports,
      progress_file.Folder(None, ''),
      'layers refitted',
    )
    return values

  def refine(
    self,
    values: networks.Values,
    setting: refinement.Setting,
    kept: Optional[progress_file.Folder] = None,
  ) -> refinement.State:
    """Lets the pruned network learn from the dense one on the photos.

    Args:
      values: of the pruned network.
      setting: how it learns.
      kept: where its state is kept now and then.
    """
    distance = distances.Distance(self.network, self.layers, self.predictions)
    batches = photo_batches.PhotoBatches(
      len(self._photos), setting.batch_size, self._views
    )

    def batch(step: int):
      return [
        self._fed(augmentation.augment(self._photos[n], seed))
        for n, seed in batches.chosen(step)
      ]

    return refinement.refine(
      distance,
      values,
      batch,
      [self.feeds[n] for n in batches.held_out],
      setting,
      self._pool,
      kept or progress_file.Folder(None, ''),
    )

  def _fed(self, photo: np.ndarray):
    return self.network.fed(self._placeholder, self.model.feed(photo))

  def close(self) -> None:
    """Frees the session and the threads."""
    self._pool.shutdown()
    self.network.close()

  def _walk(self, every: int = 1) -> walks.Walk:
    return walks.Walk(
      self.network, self.layers, self.feeds[::every], self._pool
    )

  def costs(self) -> Dict[str, np.ndarray]:
    """What errors of each layer cost; see `output_cost`."""
    cost = output_cost.OutputCost(self.network, self.layers, self.predictions)
    found = cost.measure(self.feeds, self._pool)
    # Its backward passes take more than what follows.
    memory.give_back()
    return found

  def _fitter(self, costs) -> layer_fitter.LayerFitter:
    return layer_fitter.LayerFitter(
      self.layers, self.chosen, self.request, costs, self._pool
    )

  def most_share(self, shared: progress_file.Folder) -> float:
    """Gives the largest share that a request may take away, in [0, 1).

    Args:
      shared: see `run`.
    """
    if self.request.target != requests.LATENCY:
      return self.request.most_sparsity
    return shares_lib.most_share(self.request, self._times(shared))

  def _times(self, shared) -> np.ndarray:
    return shared.get(
      'times',
      lambda: layer_times.measure(
        self.model, self.chosen, shares_lib.LEVELS, self._photos[0]
      ),
    )

  def _reachable(self, shared, request) -> Optional[np.ndarray]:
    """Gives the times of the layers, if the request is about time.

    What is beyond reach is refused here, before all that takes minutes.
    """
    if not request.sparsity or request.target != requests.LATENCY:
      return None
    times = self._times(shared)
    allocation.check_share(
      request.sparsity, shares_lib.most_share(request, times)
    )
    return times

  def _shares(self, shared, costs, request, times) -> Dict[str, float]:
    """Shares of zeros by the layer's constant."""

    def survey() -> List[surveys.LayerSurvey]:
      enough = surveys.enough_photos(self.network, self.feeds[0], self.chosen)
      found = surveys.survey(
        self._walk(max(1, len(self.feeds) // enough)),
        self.chosen,
        self.request,
        costs,
        self._pool,
      )
      memory.give_back()
      return found

    return shares_lib.divide(
      request, self.chosen, lambda: shared.get('survey', survey), times
    )

  def problems(self) -> Iterator[Problem]:
    """Gives the least squares of each kernel in the dense network.

    Depthwise layers are left out, since each of their inputs has an output of
    its own.
    """
    costs = self.costs()
    walk, fitter = self._walk(), self._fitter(costs)
    for layer in progress.over(self.layers, 'layers looked at'):
      if layer.kind != kernel_layers.DEPTHWISE:
        yield layer, fitter.problem(walk, layer)
