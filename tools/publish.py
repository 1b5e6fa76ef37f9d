"""Strip a checkpoint of what only training needs, and name it by its hash: tools/publish.py CHECKPOINT OUT."""

import argparse

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.publish import publish_checkpoint
from i2vda_mmseg.engine.checkpoints import trust_checkpoints


def main() -> None:
    """Read the command line and publish."""
    parser = argparse.ArgumentParser(description='Make a checkpoint to give away')
    parser.add_argument('checkpoint', help='checkpoint of a method, or of a plain network')
    parser.add_argument('out', help='file to write, to whose name the hash is added')
    parser.add_argument('--keep-proxy', action='store_true', help='keep the proxy and the discriminator')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load it even if that runs code in it')
    args = parser.parse_args()
    trust_checkpoints(args.trust_checkpoint)
    path = publish_checkpoint(args.checkpoint, args.out, args.keep_proxy)
    print(f'{path}: {path.stat().st_size / 2**20:.1f} MiB')


if __name__ == '__main__':
    run_tool(main)
