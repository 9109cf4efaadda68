"""Packages the library; the commands in README.md set up a whole environment.

Python 3.6 and 3.7 have the classic stack, TensorFlow 1.14; Python 3.9 to 3.11
the modern one, TensorFlow 2.15. TensorFlow is an extra because there are
several packages of it that overwrite each other: `[cpu]` or `[gpu]` picks one.
The stock Object Detection API is no requirement at all, because its wheels ask
for packages that they do not need: `pip install --no-deps
tf-object-detection==0.0.3` on the classic stack, `pip install --no-deps
tf-object-detection-api==0.1` on the modern one, or a source tree on PYTHONPATH.
"""

import os

import setuptools

_ROOT = os.path.dirname(os.path.abspath(__file__))

# Links to the folders of the same name at the top level. Those have no
# `__init__.py`, lest `nets` there be taken for slim's package of that name, so
# `find_packages` passes them by.
LINKED_PACKAGES = [
  'object_detection_pruning.hooks',
  'object_detection_pruning.nets',
]

_CLASSIC = 'python_version < "3.8"'
_MODERN = 'python_version >= "3.9"'

with open(os.path.join(_ROOT, 'README.md'), encoding='utf-8') as readme:
  LONG_DESCRIPTION = readme.read()

setuptools.setup(
  name='object-detection-pruning',
  version='0.1.0',
  description=(
    'Prunes detectors of the TensorFlow 1 Object Detection API and exports '
    'sparse graphs'
  ),
  long_description=LONG_DESCRIPTION,
  long_description_content_type='text/markdown',
  license='Apache-2.0',
  classifiers=[
    'License :: OSI Approved :: Apache Software License',
    'Programming Language :: Python :: 3.6',
    'Programming Language :: Python :: 3.7',
    'Programming Language :: Python :: 3.9',
    'Programming Language :: Python :: 3.10',
    'Programming Language :: Python :: 3.11',
    'Topic :: Scientific/Engineering :: Artificial Intelligence',
  ],
  python_requires='>=3.6,!=3.8.*,<3.12',
  packages=setuptools.find_packages(
    include=['object_detection_pruning', 'object_detection_pruning.*']
  )
  + LINKED_PACKAGES,
  py_modules=['odp_launcher'],
  entry_points={'console_scripts': ['odp = odp_launcher:main']},
  package_data={
    '': ['cc/*.cc', 'cc/*.h', '*.html.jinja', '*.proto'],
    'object_detection_pruning': ['configs/*.config'],
  },
  install_requires=[
    'absl-py>=0.9',
    'contextlib2',
    'filelock>=3.4',
    'jinja2>=2.11',
    'lxml',
    'matplotlib>=3.0,<3.9',
    'networkx>=2.4',
    f'numpy>=1.16,<1.22; {_CLASSIC}',
    f'numpy>=1.23,<1.24; {_MODERN}',
    'pillow>=8.0,<10',
    'platformdirs>=2.4',
    # TensorFlow 1 wants messages that protobuf 4 refuses; of 3.20 there is no
    # compiled wheel for Python 3.11, and pure Python is slow with graphs.
    f'protobuf>=3.8,<3.21; {_CLASSIC}',
    f'protobuf>=4.21.6,<5; {_MODERN}',
    'pycocotools>=2.0.1',
    f'scipy>=1.9,<1.12; {_MODERN}',
    'six',
    'tf-slim>=1.1',
    'tflite>=2.10',
    'tqdm>=4.57',
    'wrapt>=1.11',
  ],
  extras_require={
    'cpu': [
      f'tensorflow==1.14.0; {_CLASSIC}',
      # TensorFlow 1.14 converts functions with a gast that 0.3 broke.
      f'gast==0.2.2; {_CLASSIC}',
      f'tensorflow-cpu==2.15.1; {_MODERN}',
    ],
    'gpu': [
      f'tensorflow-gpu==1.14.0; {_CLASSIC}',
      f'gast==0.2.2; {_CLASSIC}',
      f'tensorflow[and-cuda]==2.15.1; {_MODERN}',
    ],
    'test': [
      'hypothesis>=6.31',
      'pytest>=7.0',
      'pytest-timeout>=2.1',
      'pytest-xdist>=3.0',
      'setuptools<69',
      'wheel',
    ],
  },
)
