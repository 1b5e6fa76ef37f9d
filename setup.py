"""Installation: what pip can resolve for everybody. torch and the mm-packages are named in requirements.txt."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


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
    package_data={'i2vda_mmseg.reporting': ['templates/*']},
    # Not torch nor the mm-packages: whoever has the official family must not get the maintained one on top of it.
    install_requires=requirements('runtime.txt'),
    classifiers=[
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
)
