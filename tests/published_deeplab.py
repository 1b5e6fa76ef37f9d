"""DeepLab-v2 as the published code bases describe it, in plain PyTorch: the names of its weights are theirs."""

import torch
from torch import nn


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride, dilation, with_downsample):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, stride=stride, bias=False)  # Caffe's place for the stride
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = None
        if with_downsample:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, 4 * width, 1, stride=stride, bias=False), nn.BatchNorm2d(4 * width)
            )

    def forward(self, x):
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        y = self.bn3(self.conv3(y))
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


class Classifier(nn.Module):
    def __init__(self, inputs, classes, branches):
        super().__init__()
        self.branches = branches  # how many the code sums, of the four that exist
        self.conv2d_list = nn.ModuleList(nn.Conv2d(inputs, classes, 3, padding=d, dilation=d) for d in (6, 12, 18, 24))

    def forward(self, x):
        return sum(conv(x) for conv in list(self.conv2d_list)[: self.branches])


class PublishedDeepLab(nn.Module):
    """``heads`` maps a head's name to the stage (3 or 4) that it reads."""

    def __init__(self, heads, classes=5, blocks=(3, 4, 6, 3), width=4, branches=4, fusion=False):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)
        inputs = width
        for stage, (count, stride, dilation) in enumerate(zip(blocks, (1, 2, 1, 1), (1, 1, 2, 4)), start=1):
            stage_width = width * 2 ** (stage - 1)
            layers = []
            for i in range(count):
                layers.append(Bottleneck(inputs, stage_width, stride if i == 0 else 1, dilation, i == 0))
                inputs = 4 * stage_width
            setattr(self, f'layer{stage}', nn.Sequential(*layers))
        self.heads = heads
        for name, stage in heads.items():
            setattr(self, name, Classifier(4 * width * 2 ** (stage - 1), classes, branches))
        if fusion:
            self.sf_layer = nn.Conv2d(2 * classes, classes, 1, bias=False)

    def forward(self, x):
        x = self.maxpool(self.bn1(self.conv1(x)).relu())
        maps = {}
        for stage in (1, 2, 3, 4):
            maps[stage] = x = getattr(self, f'layer{stage}')(x)
        return {name: getattr(self, name)(maps[stage]) for name, stage in self.heads.items()}


def published(**options):
    """Draw weights, statistics of batch norm included, and put the network into evaluation mode."""
    network = PublishedDeepLab(**options)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1)
                module.bias.normal_(0, 0.1)
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
    return network.eval()
