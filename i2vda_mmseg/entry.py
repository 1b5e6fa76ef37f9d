"""The command ``i2vda``: the tools by name, from a checkout or from an installed wheel."""

import difflib
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

from .environment import WITHOUT_TORCH, check_environment, runs_without_torch
from .version import __version__

PACKAGE = Path(__file__).resolve().parent
INSTALLED = PACKAGE / '.mim'  # where a wheel carries configs, tools and suites, and where mim and mmengine look

# by what is typed: the file in tools/, and what it does
COMMANDS = {
    'train': ('train', 'train a method: i2vda train CONFIG'),
    'test': ('test', 'test a checkpoint: i2vda test CONFIG CHECKPOINT --tc'),
    'dist-train': ('launch_ranks', 'train on N processes: i2vda dist-train CONFIG N'),
    'dist-test': ('launch_ranks', 'test on N processes: i2vda dist-test CONFIG CHECKPOINT N'),
    'demo': ('demo', 'make a street, train three methods on it, show all on one page'),
    'data check': ('check_data', 'look at the files that a config reads'),
    'data prepare': ('prepare/dataset', 'check GTA5, BDD100K, ... and write lists: i2vda data prepare gta5 DIR'),
    'data pair': ('prepare/pair', 'write a config for two data sets that were prepared'),
    'data cityscapes': ('prepare/cityscapes_zip', "take the frames that are needed out of Cityscapes' archives"),
    'data browse': ('browse', 'show what a training reads, on one page'),
    'data street': ('make_streetworld', 'make a StreetWorld'),
    'flow precompute': ('precompute_flow', "store the flow of a config's target"),
    'flow doctor': ('flow_doctor', 'is a flow reversed, swapped or scaled?'),
    'init': ('init_pair', 'write a config for your own images and video'),
    'select': ('select_checkpoint', 'choose a checkpoint without labels'),
    'video': ('segment_video', 'segment a video or a folder of frames'),
    'panel': ('draw_panel', 'draw what I2VDA sees of a target pair'),
    'report': ('report', 'show runs on one page'),
    'export': ('export', 'export a checkpoint'),
    'convert flownet2': ('model_converters/flownet2_nvidia', "NVIDIA's FlowNet2 to the weights of MMFlow"),
    'convert deeplab': ('model_converters/deeplab_v2', 'published DeepLab-v2 weights to those of our networks'),
    'convert daformer': ('model_converters/daformer', 'the same of DAFormer, HRDA, MIC and MiT'),
    'publish': ('publish', 'strip a checkpoint and name it by its hash'),
    'logs': ('analysis/logs', 'what runs have logged, as a table and as a picture'),
    'complexity': ('analysis/complexity', 'parameters, FLOPs and frames a second of a network'),
    'speed': ('benchmark_runtime', 'time a network in PyTorch and in the runtimes'),
    'memory': ('analysis/memory', 'how much GPU memory a training step takes, without a GPU'),
    'gpu': ('gpu_check', 'check what a GPU computes, how fast and in how much memory'),
    'benchmark': ('benchmark', 'make a table of the paper on StreetWorld'),
}
_POSITIONALS = {'dist-train': 1, 'dist-test': 2}  # before the number of processes


def project_root() -> Path:
    """Folder of ``configs``, ``tools`` and ``benchmarks``: the checkout's, or that inside an installed package.

    Raises:
        FileNotFoundError: If the package was copied without them.
    """
    for root in (PACKAGE.parent, INSTALLED):
        if (root / 'tools' / 'train.py').is_file() and (root / 'configs').is_dir():
            return root
    raise FileNotFoundError(
        f'no configs and tools beside {PACKAGE} nor in {INSTALLED}: install the wheel, or a checkout'
    )


def main(arguments: list[str] | None = None) -> None:
    """Run a tool as its file in ``tools/`` would run; exits with its code.

    Args:
        arguments: What was typed after ``i2vda``; None: those of the process.
    """
    typed = sys.argv[1:] if arguments is None else arguments
    if not typed or typed[0] in {'-h', '--help', 'help'}:
        sys.stdout.write(usage())
    elif typed[0] in {'-V', '--version'}:
        sys.stdout.write(f'i2vda_mmseg {__version__}\n')
    else:
        _run(typed)


def _run(typed: list[str]) -> None:
    name = next((name for name in (' '.join(typed[:2]), typed[0]) if name in COMMANDS), None)
    if name is None:
        sys.exit(unknown(' '.join(typed[:2])))
    if runs_without_torch() and name != 'video':
        sys.exit(_missing(name))
    rest = typed[len(name.split()) :]
    tools = project_root() / 'tools'
    if name in _POSITIONALS:
        if {'-h', '--help'} & set(rest):
            sys.stdout.write(f'{_usage_of(name)}; those of i2vda {name.removeprefix("dist-")}\n')
            return
        rest = _for_ranks(name, rest, tools)
    sys.argv = [f'i2vda {name}', *rest]
    run_file(tools / f'{COMMANDS[name][0]}.py')


def run_file(path: Path) -> None:
    """Run a file as the program, under the name that was typed: ``runpy.run_path`` would name it after the file."""
    program = ModuleType('__main__')
    program.__file__ = str(path)
    former, sys.modules['__main__'] = sys.modules['__main__'], program
    try:
        SourceFileLoader('__main__', str(path)).exec_module(program)
    finally:
        sys.modules['__main__'] = former


def _missing(name: str) -> str:
    try:
        check_environment()
    except ImportError as error:
        return f'i2vda {name}: {error}'
    return f'i2vda {name}: needs torch, and {WITHOUT_TORCH}=1 keeps it out; unset it'


def command_of(tool: str) -> str:
    """How to call a tool, in the way in which this program was called itself: an installed wheel has no ``tools``.

    Example:
        >>> command_of('check_data')
        'python tools/check_data.py'
    """
    if not sys.argv[0].startswith('i2vda '):
        return f'python tools/{tool}.py'
    return 'i2vda ' + next(name for name, (file, _) in COMMANDS.items() if file == tool)


def usage() -> str:
    """List the commands.

    Example:
        >>> usage().splitlines()[0]
        'usage: i2vda COMMAND ...    (i2vda COMMAND --help says more)'
    """
    lines = ['usage: i2vda COMMAND ...    (i2vda COMMAND --help says more)', '']
    lines += [f'  {name:<17}{about}' for name, (_, about) in COMMANDS.items()]
    lines += ['', 'A config is a file, or one of the package: i2vda_mmseg::i2vda/deeplabv2_r101_viper2cs.py']
    return '\n'.join(lines) + '\n'


def unknown(typed: str) -> str:
    """Say which commands there are of that name, or near it.

    Example:
        >>> unknown('flow')
        'i2vda: flow is one of: flow precompute, flow doctor'
        >>> unknown('tain config.py')
        "i2vda: there is no command 'tain'; did you mean train? i2vda --help lists all"
    """
    first = typed.split(maxsplit=1)[0]
    if members := [name for name in COMMANDS if name.split(maxsplit=1)[0] == first]:
        return f'i2vda: {first} is one of: {", ".join(members)}'
    near = difflib.get_close_matches(first, COMMANDS, n=1)
    hint = f'; did you mean {near[0]}?' if near else '.'
    return f'i2vda: there is no command {first!r}{hint} i2vda --help lists all'


def _usage_of(name: str) -> str:
    return f'usage: {COMMANDS[name][1].partition(": ")[2]} [more arguments]'


def _for_ranks(name: str, rest: list[str], tools: Path) -> list[str]:
    """Order the arguments as ``launch_ranks`` takes them: the number of processes, the tool, the tool's own."""
    count = _POSITIONALS[name]
    if len(rest) <= count or not rest[count].isdecimal():
        sys.exit(_usage_of(name))
    return [rest[count], str(tools / f'{name.removeprefix("dist-")}.py'), *rest[:count], *rest[count + 1 :]]
