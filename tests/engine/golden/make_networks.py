#!/usr/bin/python3
"""Wrote the ONNX files and NumPy arrays beside it: small untrained networks, two images each, and what PyTorch puts out.

Debian 12's packages python3-torch (1.13.1) and python3-onnx (1.12.0); the same seed gives the same networks. Run again
only to add a network: the files are committed, and the tests need nothing else.
"""
import pathlib

import numpy
import torch
from torch import nn

FOLDER = pathlib.Path(__file__).parent


def conv_norm(inputs, outputs, kernel, stride=1, groups=1):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs))


class Residual(nn.Module):
    """Convolutions with batch normalization and ReLU; a shortcut as it is and one by a projection."""

    def __init__(self):
        super().__init__()
        self.stem = conv_norm(3, 6, 3)
        self.same = nn.Sequential(conv_norm(6, 6, 3), nn.ReLU(), conv_norm(6, 6, 3))
        self.strided = nn.Sequential(conv_norm(6, 8, 3, 2), nn.ReLU(), conv_norm(8, 8, 3))
        self.projection = conv_norm(6, 8, 1, 2)
        self.linear = nn.Linear(8, 10)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        x = torch.relu(x + self.same(x))
        x = torch.relu(self.projection(x) + self.strided(x))
        return self.linear(torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1))


class Depthwise(nn.Module):
    """Inverted residuals: pointwise, depthwise and grouped convolutions, clipped to 0 … 6."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv_norm(3, 8, 3, 2), nn.ReLU6())
        self.block = nn.Sequential(conv_norm(8, 24, 1), nn.ReLU6(), conv_norm(24, 24, 3, 1, 24), nn.ReLU6(),
                                   conv_norm(24, 8, 1))
        self.grouped = nn.Sequential(nn.Conv2d(8, 12, 3, 1, 1, groups=2), nn.Hardtanh(-1, 1))
        self.reduce = nn.Sequential(conv_norm(12, 12, 5, 2, 12), conv_norm(12, 16, 1), nn.ReLU6())
        self.linear = nn.Linear(16, 7)

    def forward(self, x):
        x = self.stem(x)
        x = self.grouped(x + self.block(x))
        return self.linear(self.reduce(x).mean([2, 3]))


class Branches(nn.Module):
    """Branches with pooling of both kinds, dilation and a leaky ReLU, joined channel by channel; two fully-connected
    layers and a softmax."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 5, padding=2)
        self.pointwise = nn.Conv2d(8, 4, 1)
        self.dilated = nn.Conv2d(8, 6, 3, padding=2, dilation=2)
        self.after_pool = nn.Conv2d(8, 5, (1, 3), padding=(0, 1))
        self.hidden = nn.Linear(15 * 3 * 3, 12)
        self.linear = nn.Linear(12, 6)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.stem(x)), 3, 2, 1)
        pooled = nn.functional.avg_pool2d(x, 3, 1, 1)
        x = torch.cat([self.pointwise(x), nn.functional.leaky_relu(self.dilated(x), 0.1), self.after_pool(pooled)], 1)
        x = torch.flatten(nn.functional.max_pool2d(torch.relu(x), 2, 2, ceil_mode=True), 1)
        return torch.softmax(2 * self.linear(torch.relu(self.hidden(x))), 1)


def randomize(network, generator):
    """Weights that keep the size of what passes, and statistics and scales as they may be after training."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            deviation = (2 / module.weight[0].numel()) ** 0.5
            module.weight.data.normal_(0, deviation, generator=generator)
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in ((module.weight, 0.5, 1.5), (module.bias, -0.5, 0.5),
                                      (module.running_mean, -0.3, 0.3), (module.running_var, 0.5, 1.5)):
                tensor.data.uniform_(low, high, generator=generator)


def write(name, network, channels, height, width):
    generator = torch.Generator().manual_seed(1)
    randomize(network, generator)
    network.eval()
    # Two images of different colours, brightness and contrast.
    images = torch.randn(2, channels, height, width, generator=generator)
    images = images * torch.tensor([0.5, 1.0]).view(2, 1, 1, 1) + torch.randn(2, channels, 1, 1, generator=generator)
    # Not to be folded into the layers before them: normalizations stay nodes of their own.
    torch.onnx.export(network, images, str(FOLDER / f"{name}.onnx"), opset_version=13, input_names=["image"],
                      output_names=["output"], dynamic_axes={"image": {0: "batch"}, "output": {0: "batch"}},
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
    with torch.no_grad():
        output = network(images)
    numpy.save(FOLDER / f"{name}.input.npy", images.numpy())
    numpy.save(FOLDER / f"{name}.output.npy", output.numpy())


torch.manual_seed(1)
torch.set_num_threads(1)
write("residual", Residual(), 3, 11, 10)
write("depthwise", Depthwise(), 3, 13, 12)
write("branches", Branches(), 1, 12, 11)
