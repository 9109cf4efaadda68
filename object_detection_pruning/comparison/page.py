"""A web page of a comparison that needs no other file."""

import base64
import io
import os
from typing import List, NamedTuple, Optional, Sequence

import jinja2
from PIL import Image

from object_detection_pruning.comparison import charts
from object_detection_pruning.comparison.model_table import ModelTable

# Heads the pictures of what is annotated.
TRUTH = 'ground truth'
_TEMPLATE = 'page.html.jinja'
_JPEG_QUALITY = 88


class Notes(NamedTuple):
  """How a comparison was made.

  Attributes:
    record: evaluation records.
    num_images: evaluated images.
    rounds: timed runs of each model.
    min_score: detections that score less are not drawn.
    machine: what it was measured on.
  """

  record: str
  num_images: int
  rounds: int
  min_score: float
  machine: str


def render(
  table: ModelTable,
  paths: Sequence[str],
  pictures: List[List[Image.Image]],
  notes: Notes,
  training_plot: Optional[Image.Image] = None,
) -> str:
  """Writes the page.

  Args:
    table: of the models.
    paths: of the models.
    pictures: for each image the objects in it, then what each model found.
    notes: how it was made.
    training_plot: loss and sparsity over training, if the models were trained
      just now.

  Returns:
    HTML text.
  """
  environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(os.path.dirname(__file__)),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
  )
  return environment.get_template(_TEMPLATE).render(
    columns=table.main_columns(),
    cells=table.cells(table.main_columns()),
    figures=table.by_figure(),
    remarks=table.remarks(),
    truth=TRUTH,
    names=[row.name for row in table.rows],
    colors=[charts.color_of(number) for number in range(len(table.rows))],
    paths=paths,
    bars=charts.draw(table.rows),
    scatter=charts.scatter(table.rows),
    pictures=[[_data_uri(picture) for picture in row] for row in pictures],
    notes=notes,
    training_plot=training_plot and _data_uri(training_plot, 'PNG'),
  )


def _data_uri(picture: Image.Image, kind: str = 'JPEG') -> str:
  buffer = io.BytesIO()
  picture.save(buffer, format=kind, quality=_JPEG_QUALITY)
  encoded = base64.b64encode(buffer.getvalue()).decode('ascii')
  return f'data:image/{kind.lower()};base64,{encoded}'
