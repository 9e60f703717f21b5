"""Small networks in the style of common repositories: what people write, in the idioms that exporters then have to translate.

MODULES maps a name to (function that makes the network, shapes of its inputs without the batch).
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

MODULES = {}


def network(*shapes):
    """Registers a class of networks by its name, with the shapes of its inputs (channels first, without the batch)."""

    def register(make):
        MODULES[make.__name__] = (make, shapes)
        return make

    return register


IMAGE = (3, 32, 32)


class ConvNorm(nn.Sequential):
    def __init__(self, inputs, outputs, size=3, stride=1, groups=1, activation=nn.ReLU, **options):
        padding = options.pop("padding", (size - 1) // 2 * options.get("dilation", 1))
        super().__init__(nn.Conv2d(inputs, outputs, size, stride, padding, groups=groups, bias=False, **options),
                         nn.BatchNorm2d(outputs), *([activation()] if activation else []))


class Head(nn.Module):
    """Global average pooling, then scores; `flatten` is how the repository writes it."""

    def __init__(self, channels, classes=10, flatten=lambda x: torch.flatten(x, 1)):
        super().__init__()
        self.pool, self.linear, self.flatten = nn.AdaptiveAvgPool2d(1), nn.Linear(channels, classes), flatten

    def forward(self, x):
        return self.linear(self.flatten(self.pool(x)))


class Chain(nn.Module):
    """Modules in a row, for networks that are no more than that."""

    def __init__(self, *modules):
        super().__init__()
        self.body = nn.Sequential(*modules)

    def forward(self, x):
        return self.body(x)


# Classifiers

@network((1, 32, 32))
def lenet():
    return Chain(nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
                 nn.Linear(400, 84), nn.Tanh(), nn.Linear(84, 10))


@network((3, 64, 64))
def alexnet():
    return Chain(nn.Conv2d(3, 16, 11, 4, 2), nn.ReLU(), nn.LocalResponseNorm(5, 1e-3, 0.75, 2.0), nn.MaxPool2d(3, 2),
                 nn.Conv2d(16, 24, 5, padding=2, groups=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                 nn.Dropout(), nn.Linear(24, 10))


@network(IMAGE)
class VGG(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(ConvNorm(3, 16), nn.MaxPool2d(2, 2), ConvNorm(16, 24), ConvNorm(24, 24), nn.MaxPool2d(2, 2))
        self.classifier = nn.Sequential(nn.Linear(24 * 64, 32), nn.ReLU(True), nn.Dropout(), nn.Linear(32, 10))

    def forward(self, x):
        x = self.features(x)
        return self.classifier(x.view(x.size(0), -1))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride=1, gate=None, norm=nn.BatchNorm2d, activation=F.relu):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), norm(outputs)
        self.conv2, self.norm2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), norm(outputs)
        self.gate = gate(outputs) if gate else nn.Identity()
        self.shortcut = nn.Identity() if stride == 1 and inputs == outputs else nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm(outputs))
        self.activation = activation

    def forward(self, x):
        y = self.activation(self.norm1(self.conv1(x)))
        return self.activation(self.gate(self.norm2(self.conv2(y))) + self.shortcut(x))


def small_resnet(**options):
    return Chain(ConvNorm(3, 16), BasicBlock(16, 16, **options), BasicBlock(16, 24, 2, **options), Head(24))


@network(IMAGE)
class ResNet(nn.Module):
    """As many CIFAR repositories end it: the pooling's window is the size of what comes."""

    def __init__(self):
        super().__init__()
        self.body, self.linear = nn.Sequential(ConvNorm(3, 16), BasicBlock(16, 32, 2)), nn.Linear(32, 10)

    def forward(self, x):
        x = self.body(x)
        x = F.avg_pool2d(x, int(x.size()[3]))
        return self.linear(x.view(x.size(0), -1))


@network(IMAGE)
class OptionAResNet(nn.Module):
    """Shortcuts of sliced pixels and padded channels."""

    def __init__(self):
        super().__init__()
        self.stem, self.conv, self.head = ConvNorm(3, 8), ConvNorm(8, 16, stride=2, activation=None), Head(16)

    def forward(self, x):
        x = self.stem(x)
        return self.head(F.relu(self.conv(x) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 4, 4), "constant", 0)))


@network(IMAGE)
class PreActResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.norm, self.conv, self.head = nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.Conv2d(
            16, 16, 3, padding=1), Head(16, flatten=lambda x: x.squeeze(-1).squeeze(-1))

    def forward(self, x):
        x = self.stem(x)
        return self.head(x + F.dropout(self.conv(F.relu(self.norm(x), inplace=False)), 0.3, self.training))


@network(IMAGE)
def resnext():
    return Chain(ConvNorm(3, 16), ConvNorm(16, 32, 1), ConvNorm(32, 32, groups=8, stride=2), ConvNorm(32, 24, 1), Head(24))


@network(IMAGE)
def group_norm_resnet():
    return small_resnet(norm=lambda channels: nn.GroupNorm(4, channels), activation=F.mish)


@network(IMAGE)
class DenseNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.layers = nn.ModuleList(nn.Sequential(nn.BatchNorm2d(16 + 8 * i), nn.ReLU(), nn.Conv2d(16 + 8 * i, 8, 3, padding=1))
                                    for i in range(3))
        self.transition, self.head = nn.Sequential(nn.BatchNorm2d(40), nn.ReLU(), nn.Conv2d(40, 20, 1), nn.AvgPool2d(2)), Head(20)

    def forward(self, x):
        x = self.stem(x)
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return self.head(self.transition(x))


@network(IMAGE)
class Inception(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(ConvNorm(3, 16), nn.MaxPool2d(3, 2, ceil_mode=True))
        self.branches = nn.ModuleList([ConvNorm(16, 8, 1), nn.Sequential(ConvNorm(16, 8, 1), ConvNorm(8, 12)),
                                       nn.Sequential(nn.Conv2d(16, 8, (1, 7), padding=(0, 3)), nn.Conv2d(8, 8, (7, 1), padding=(3, 0)))])
        self.head = Head(44)

    def forward(self, x):
        x = self.stem(x)
        parts = [branch(x) for branch in self.branches]
        parts.append(F.avg_pool2d(x, 3, 1, 1))
        return self.head(torch.cat(parts, 1))


@network(IMAGE)
def squeezenet():
    return Chain(nn.Conv2d(3, 16, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), nn.Conv2d(16, 10, 1), nn.ReLU(),
                 nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten())


@network(IMAGE)
def mobilenet_v1():
    return Chain(ConvNorm(3, 16, stride=2), ConvNorm(16, 16, groups=16), ConvNorm(16, 32, 1), ConvNorm(32, 32, groups=32, stride=2),
                 ConvNorm(32, 32, 1), Head(32))


@network(IMAGE)
class MobileNetV2(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = ConvNorm(3, 16, stride=2, activation=nn.ReLU6)
        self.block = nn.Sequential(ConvNorm(16, 48, 1, activation=nn.ReLU6), ConvNorm(48, 48, groups=48, activation=nn.ReLU6),
                                   ConvNorm(48, 16, 1, activation=None))
        self.classifier = nn.Linear(16, 10)

    def forward(self, x):
        x = self.stem(x)
        x = x + self.block(x)
        return self.classifier(x.mean([2, 3]))


class SqueezeExcite(nn.Module):
    def __init__(self, channels, gate=nn.Sigmoid):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(channels, channels // 4), nn.ReLU(inplace=True), nn.Linear(channels // 4, channels), gate())

    def forward(self, x):
        b, c, _, _ = x.size()
        y = self.fc(F.adaptive_avg_pool2d(x, 1).view(b, c)).view(b, c, 1, 1)
        return x * y.expand_as(x)


@network(IMAGE)
def se_resnet():
    return small_resnet(gate=SqueezeExcite)


@network(IMAGE)
def mobilenet_v3():
    return Chain(ConvNorm(3, 16, stride=2, activation=nn.Hardswish), ConvNorm(16, 16, groups=16, activation=nn.Hardswish),
                 SqueezeExcite(16, nn.Hardsigmoid), ConvNorm(16, 24, 1, activation=nn.Hardswish), Head(24))


class HandSwish(nn.Module):
    """Hard swish as repositories wrote it before PyTorch had it."""

    def forward(self, x):
        return x * (F.relu6(x + 3.0, inplace=True) / 6.0)


@network(IMAGE)
def mobilenet_v3_by_hand():
    return Chain(ConvNorm(3, 16, stride=2, activation=HandSwish), ConvNorm(16, 24, 1, activation=HandSwish), Head(24))


def shuffle(x, groups):
    b, c, h, w = x.size()
    x = x.view(b, groups, c // groups, h, w)
    return torch.transpose(x, 1, 2).contiguous().view(b, -1, h, w)


@network(IMAGE)
class ShuffleNetV2(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.branch, self.head = ConvNorm(3, 16, stride=2), nn.Sequential(
            ConvNorm(8, 8, 1), ConvNorm(8, 8, groups=8, activation=None), ConvNorm(8, 8, 1)), Head(16)

    def forward(self, x):
        a, b = self.stem(x).chunk(2, dim=1)
        return self.head(shuffle(torch.cat((a, self.branch(b)), 1), 2))


@network(IMAGE)
class ShuffleNetV1(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.conv, self.head = ConvNorm(3, 16), ConvNorm(16, 16, 1, groups=4), Head(16)

    def forward(self, x):
        x = shuffle(self.conv(self.stem(x)), 4)
        return self.head(torch.cat([F.avg_pool2d(x, 3, 2, 1), F.max_pool2d(x, 3, 2, 1)], 1)[:, 8:24])


@network(IMAGE)
class GhostNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.primary, self.cheap, self.head = ConvNorm(3, 12), ConvNorm(12, 12, groups=12), Head(20)

    def forward(self, x):
        x = self.primary(x)
        return self.head(torch.cat([x, self.cheap(x)], dim=1)[:, :20, :, :])


@network(IMAGE)
class EfficientNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = ConvNorm(3, 16, stride=2, activation=nn.SiLU)
        self.reduce, self.expand, self.head = nn.Conv2d(16, 4, 1), nn.Conv2d(4, 16, 1), Head(16)

    def forward(self, x):
        x = self.stem(x)
        scale = torch.sigmoid(self.expand(F.silu(self.reduce(x.mean((2, 3), keepdim=True)))))
        y = self.reduce(x)
        return self.head(x * scale + (self.expand(y * torch.sigmoid(y))))


@network(IMAGE)
class CBAM(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.head = ConvNorm(3, 16), Head(16)
        self.mlp = nn.Sequential(nn.Conv2d(16, 4, 1, bias=False), nn.ReLU(), nn.Conv2d(4, 16, 1, bias=False))
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x):
        x = self.stem(x)
        x = x * torch.sigmoid(self.mlp(F.adaptive_avg_pool2d(x, 1)) + self.mlp(F.adaptive_max_pool2d(x, 1)))
        pooled = torch.cat([torch.mean(x, dim=1, keepdim=True), torch.max(x, dim=1, keepdim=True)[0]], dim=1)
        return self.head(x * torch.sigmoid(self.conv(pooled)))


class EfficientChannelAttention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, x):
        y = F.adaptive_avg_pool2d(x, 1)
        y = self.conv(y.squeeze(-1).transpose(-1, -2)).transpose(-1, -2).unsqueeze(-1)
        return x * torch.sigmoid(y).expand_as(x)


@network(IMAGE)
def eca_resnet():
    return small_resnet(gate=EfficientChannelAttention)


@network(IMAGE)
class SKNet(nn.Module):
    """Branches stacked, and a softmax over them."""

    def __init__(self):
        super().__init__()
        self.stem, self.branches = ConvNorm(3, 16), nn.ModuleList([ConvNorm(16, 16), ConvNorm(16, 16, dilation=2)])
        self.reduce, self.expand, self.head = nn.Linear(16, 8), nn.Linear(8, 32), Head(16)

    def forward(self, x):
        x = self.stem(x)
        parts = torch.stack([branch(x) for branch in self.branches], dim=1)
        attention = self.expand(F.relu(self.reduce(parts.sum(dim=1).mean(-1).mean(-1)))).view(x.shape[0], 2, 16)
        attention = torch.softmax(attention, dim=1).unsqueeze(-1).unsqueeze(-1)
        return self.head((parts * attention).sum(dim=1))


@network(IMAGE)
class SplitAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = ConvNorm(3, 32, stride=2)
        self.reduce, self.expand, self.head = nn.Conv2d(16, 8, 1), nn.Conv2d(8, 32, 1), Head(16)

    def forward(self, x):
        parts = torch.split(self.conv(x), 16, dim=1)
        attention = self.expand(F.relu(self.reduce(F.adaptive_avg_pool2d(sum(parts), 1))))
        attention = F.softmax(attention.view(x.size(0), 1, 2, -1).transpose(1, 2), dim=1).reshape(x.size(0), -1, 1, 1)
        first, second = torch.split(attention, 16, dim=1)
        return self.head(first * parts[0] + second * parts[1])


@network(IMAGE)
class NonLocal(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.head = ConvNorm(3, 16, stride=4), Head(16)
        self.theta, self.phi, self.g, self.out = (nn.Conv2d(a, b, 1) for a, b in [(16, 8), (16, 8), (16, 8), (8, 16)])

    def forward(self, x):
        x = self.stem(x)
        b = x.size(0)
        theta, phi, g = (f(x).view(b, 8, -1) for f in (self.theta, self.phi, self.g))
        attention = F.softmax(torch.matmul(theta.permute(0, 2, 1), phi), dim=-1)
        y = torch.matmul(attention, g.permute(0, 2, 1)).permute(0, 2, 1).contiguous().view(b, 8, *x.size()[2:])
        return self.head(x + self.out(y))


@network(IMAGE)
class GlobalContext(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.mask, self.head = ConvNorm(3, 16, stride=2), nn.Conv2d(16, 1, 1), Head(16)
        self.transform = nn.Sequential(nn.Conv2d(16, 4, 1), nn.LayerNorm([4, 1, 1]), nn.ReLU(), nn.Conv2d(4, 16, 1))

    def forward(self, x):
        x = self.stem(x)
        b, c, h, w = x.shape
        mask = self.mask(x).view(b, 1, h * w).softmax(dim=2).unsqueeze(-1)
        context = torch.matmul(x.view(b, c, h * w).unsqueeze(1), mask).view(b, c, 1, 1)
        return self.head(x + self.transform(context))


@network(IMAGE)
class CoordinateAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.squeeze, self.head = ConvNorm(3, 16, stride=2), ConvNorm(16, 8, 1, activation=nn.Hardswish), Head(16)
        self.vertical, self.horizontal = nn.Conv2d(8, 16, 1), nn.Conv2d(8, 16, 1)

    def forward(self, x):
        x = self.stem(x)
        _, _, h, w = x.size()
        rows = x.mean(3, keepdim=True)
        columns = x.mean(2, keepdim=True).permute(0, 1, 3, 2)
        y = self.squeeze(torch.cat([rows, columns], dim=2))
        rows, columns = torch.split(y, [h, w], dim=2)
        return self.head(x * self.vertical(rows).sigmoid() * self.horizontal(columns.permute(0, 1, 3, 2)).sigmoid())


class LayerNormFirst(nn.Module):
    """Layer normalization over channels that come first, written out."""

    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.rand(channels)), nn.Parameter(torch.rand(channels))

    def forward(self, x):
        mean = x.mean(1, keepdim=True)
        variance = (x - mean).pow(2).mean(1, keepdim=True)
        x = (x - mean) / torch.sqrt(variance + 1e-6)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


@network(IMAGE)
class ConvNeXt(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.stem_norm = nn.Conv2d(3, 16, 4, 4), LayerNormFirst(16)
        self.depthwise, self.norm = nn.Conv2d(16, 16, 7, padding=3, groups=16), nn.LayerNorm(16, eps=1e-6)
        self.expand, self.reduce = nn.Linear(16, 64), nn.Linear(64, 16)
        self.gamma, self.last_norm, self.head = nn.Parameter(0.1 * torch.ones(16)), nn.LayerNorm(16), nn.Linear(16, 10)

    def forward(self, x):
        x = self.stem_norm(self.stem(x))
        y = self.depthwise(x).permute(0, 2, 3, 1)
        y = self.gamma * self.reduce(F.gelu(self.expand(self.norm(y))))
        return self.head(self.last_norm((x + y.permute(0, 3, 1, 2)).mean([-2, -1])))


@network(IMAGE)
class ConvMixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Sequential(nn.Conv2d(3, 16, 4, 4), nn.GELU(), nn.BatchNorm2d(16))
        self.mix = nn.Sequential(nn.Conv2d(16, 16, 5, groups=16, padding=2), nn.GELU(), nn.BatchNorm2d(16))
        self.head = Head(16)

    def forward(self, x):
        x = self.patch(x)
        return self.head(self.mix(x) + x)


@network(IMAGE)
class RepVGG(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.identity, self.head = ConvNorm(3, 16), nn.BatchNorm2d(16), Head(16)
        self.dense, self.one = ConvNorm(16, 16, activation=None), ConvNorm(16, 16, 1, activation=None)

    def forward(self, x):
        x = self.stem(x)
        return self.head(F.relu(self.dense(x) + self.one(x) + self.identity(x)))


@network(IMAGE)
class NetworkInNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 24, 5, padding=2), nn.ReLU(), nn.Conv2d(24, 10, 1), nn.ReLU())

    def forward(self, x):
        return F.log_softmax(F.adaptive_avg_pool2d(self.body(x), 1).reshape(-1, 10), dim=1)


@network(IMAGE)
class Maxout(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.head = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(3, 16, 3, padding=1), Head(16)

    def forward(self, x):
        return self.head(torch.max(self.a(x), self.b(x)) + torch.minimum(self.a(x), torch.abs(self.b(x))))


@network(IMAGE)
class ConcatenatedReLU(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 8, 3, padding=1), Head(16)

    def forward(self, x):
        x = self.conv(x)
        return self.head(F.relu(torch.cat((x, -x), 1)))


@network(IMAGE)
class Highway(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.h, self.t, self.head = ConvNorm(3, 16), nn.Conv2d(16, 16, 3, padding=1), nn.Conv2d(
            16, 16, 3, padding=1), Head(16)

    def forward(self, x):
        x = self.stem(x)
        gate = torch.sigmoid(self.t(x))
        return self.head(gate * F.elu(self.h(x)) + (1 - gate) * x)


@network(IMAGE)
class GeneralizedMeanPooling(nn.Module):
    """A retrieval network: generalized-mean pooling, then unit length."""

    def __init__(self):
        super().__init__()
        self.body, self.p, self.linear = nn.Sequential(ConvNorm(3, 16, stride=2)), nn.Parameter(torch.ones(1) * 3), nn.Linear(16, 12)

    def forward(self, x):
        x = self.body(x)
        x = F.avg_pool2d(x.clamp(min=1e-6).pow(self.p), (x.size(-2), x.size(-1))).pow(1.0 / self.p)
        return F.normalize(self.linear(x.flatten(1)), p=2, dim=1)


@network(IMAGE)
class BilinearCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.linear = nn.Sequential(ConvNorm(3, 8, stride=4)), nn.Linear(64, 10)

    def forward(self, x):
        x = self.body(x).view(-1, 8, 64)
        x = torch.bmm(x, torch.transpose(x, 1, 2)) / 64
        return self.linear(torch.sqrt(x.view(-1, 64) + 1e-5))


@network(IMAGE)
class BlurPool(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.head, self.pad = ConvNorm(3, 8), Head(8), nn.ReflectionPad2d([1, 1, 1, 1])
        kernel = torch.tensor([1.0, 2.0, 1.0])
        self.register_buffer("filter", (kernel[:, None] * kernel / 16)[None, None].repeat(8, 1, 1, 1))

    def forward(self, x):
        x = self.pad(F.max_pool2d(self.stem(x), 2, 1))
        return self.head(F.conv2d(x, self.filter, stride=2, groups=x.shape[1]))


@network(IMAGE)
class WeightStandardization(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 16, 3, padding=1), nn.GroupNorm(4, 16), Head(16)

    def forward(self, x):
        w = self.conv.weight
        w = w - w.mean(dim=(1, 2, 3), keepdim=True)
        w = w / (w.view(w.size(0), -1).std(dim=1).view(-1, 1, 1, 1) + 1e-5)
        return self.head(F.relu(self.norm(F.conv2d(x, w, self.conv.bias, padding=1))))


@network(IMAGE)
class CoordConv(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(5, 16, 3, padding=1), Head(16)

    def forward(self, x):
        b, _, h, w = x.size()
        rows = torch.linspace(-1, 1, 32).view(1, 1, 32, 1).expand(b, 1, h, w)
        columns = torch.linspace(-1, 1, 32).view(1, 1, 1, 32).repeat(b, 1, h, 1)
        return self.head(F.selu(self.conv(torch.cat([x, rows, columns], 1))))


@network(IMAGE)
class Focus(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = ConvNorm(12, 16, activation=lambda: nn.LeakyReLU(0.1)), Head(16)

    def forward(self, x):
        return self.head(self.conv(torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1)))


@network(IMAGE)
class PatchMLP(nn.Module):
    """An MLP-Mixer of one block."""

    def __init__(self):
        super().__init__()
        self.patch, self.norm = nn.Conv2d(3, 16, 8, 8), nn.LayerNorm(16)
        self.tokens, self.channels, self.head = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 10)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = x + self.tokens(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return self.head((x + self.channels(F.gelu(self.norm(x)))).mean(dim=1))


# Segmentation

class DoubleConv(nn.Sequential):
    def __init__(self, inputs, outputs):
        super().__init__(ConvNorm(inputs, outputs), ConvNorm(outputs, outputs))


@network(IMAGE)
class UNet(nn.Module):
    def __init__(self, bilinear=False):
        super().__init__()
        self.down1, self.down2, self.down3 = DoubleConv(3, 8), DoubleConv(8, 16), DoubleConv(16, 16 if bilinear else 32)
        self.up1 = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True) if bilinear else nn.ConvTranspose2d(32, 16, 2, 2)
        self.up2 = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True) if bilinear else nn.ConvTranspose2d(16, 8, 2, 2)
        self.conv1, self.conv2, self.out = DoubleConv(32, 16), DoubleConv(24 if bilinear else 16, 8), nn.Conv2d(8, 2, 1)

    def join(self, x, skip):
        dy, dx = skip.size()[2] - x.size()[2], skip.size()[3] - x.size()[3]
        return torch.cat([skip, F.pad(x, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])], dim=1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        c = self.down3(F.max_pool2d(b, 2))
        x = self.conv1(self.join(self.up1(c), b))
        return self.out(self.conv2(self.join(self.up2(x), a)))


@network(IMAGE)
def bilinear_unet():
    return UNet(bilinear=True)


@network(IMAGE)
class FPN(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = ConvNorm(3, 16, stride=2), ConvNorm(16, 24, stride=2)
        self.lateral_a, self.lateral_b, self.out = nn.Conv2d(16, 12, 1), nn.Conv2d(24, 12, 1), nn.Conv2d(12, 2, 3, padding=1)

    def forward(self, x):
        a = self.a(x)
        b = self.b(a)
        top = self.lateral_b(b)
        merged = self.lateral_a(a) + F.interpolate(top, size=a.shape[-2:], mode="nearest")
        return self.out(merged), self.out(top)


@network(IMAGE)
class PSPNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = ConvNorm(3, 12, stride=4)
        self.pools = nn.ModuleList(nn.Sequential(nn.AdaptiveAvgPool2d(size), nn.Conv2d(12, 3, 1)) for size in (1, 2, 4))
        self.out = nn.Conv2d(21, 2, 1)

    def forward(self, x):
        size, x = x.shape[2:], self.stem(x)
        parts = [x] + [F.interpolate(pool(x), x.shape[2:], mode="bilinear", align_corners=False) for pool in self.pools]
        return F.interpolate(self.out(torch.cat(parts, 1)), size=size, mode="bilinear", align_corners=False)


@network(IMAGE)
class DeepLab(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = ConvNorm(3, 12, stride=2)
        self.branches = nn.ModuleList([ConvNorm(12, 6, 1), ConvNorm(12, 6, dilation=2), ConvNorm(12, 6, dilation=4)])
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(12, 6, 1, bias=False), nn.ReLU())
        self.out = nn.Conv2d(24, 2, 1)

    def forward(self, x):
        y = self.stem(x)
        parts = [branch(y) for branch in self.branches]
        parts.append(F.interpolate(self.pool(y), size=y.size()[2:], mode="bilinear", align_corners=True))
        return F.interpolate(self.out(torch.cat(parts, 1)), scale_factor=2, mode="bilinear", align_corners=False)


@network(IMAGE)
class HRNetFusion(nn.Module):
    def __init__(self):
        super().__init__()
        self.high, self.low = ConvNorm(3, 8), ConvNorm(8, 16, stride=2)
        self.up = nn.Sequential(nn.Conv2d(16, 8, 1, bias=False), nn.BatchNorm2d(8), nn.Upsample(scale_factor=2, mode="nearest"))
        self.down, self.out = ConvNorm(8, 16, stride=2, activation=None), nn.Conv2d(24, 2, 1)

    def forward(self, x):
        high = self.high(x)
        low = self.low(high)
        high, low = F.relu(high + self.up(low)), F.relu(low + self.down(high))
        return self.out(torch.cat([high, F.interpolate(low, scale_factor=2, mode="bicubic", align_corners=False)], 1))


@network(IMAGE)
class LinkNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = ConvNorm(3, 16, stride=2), ConvNorm(16, 32, stride=2)
        self.up = nn.Sequential(ConvNorm(32, 8, 1), nn.ConvTranspose2d(8, 8, 3, 2, 1, output_padding=1, bias=False), nn.BatchNorm2d(8),
                                nn.ReLU(), ConvNorm(8, 16, 1))
        self.out = nn.ConvTranspose2d(16, 2, 4, 2, 1)

    def forward(self, x):
        a = self.a(x)
        return self.out(a + self.up(self.b(a)))


@network(IMAGE)
class ConvolutionalAutoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ELU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ELU())
        self.mean, self.log_variance, self.decode = nn.Linear(512, 8), nn.Linear(512, 8), nn.Linear(8, 512)
        self.decoder = nn.Sequential(nn.ConvTranspose2d(8, 8, 4, 2, 1), nn.ELU(), nn.ConvTranspose2d(8, 3, 4, 2, 1), nn.Sigmoid())

    def forward(self, x):
        y = self.encoder(x).view(-1, 512)
        mean, log_variance = self.mean(y), self.log_variance(y)
        return self.decoder(self.decode(mean + torch.exp(0.5 * log_variance)).view(-1, 8, 8, 8)), mean


# Restoration and generation

@network((1, 24, 24))
def espcn():
    return Chain(nn.Conv2d(1, 16, 5, padding=2), nn.Tanh(), nn.Conv2d(16, 9, 3, padding=1), nn.PixelShuffle(3), nn.Sigmoid())


@network(IMAGE)
class EDSR(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean, self.head, self.tail = nn.Parameter(torch.rand(1, 3, 1, 1)), nn.Conv2d(3, 16, 3, padding=1), nn.Sequential(
            nn.Conv2d(16, 64, 3, padding=1), nn.PixelShuffle(2), nn.Conv2d(16, 3, 3, padding=1))
        self.body = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(True), nn.Conv2d(16, 16, 3, padding=1))

    def forward(self, x):
        x = self.head(x - self.mean)
        return (self.tail(x + self.body(x).mul(0.1)) + self.mean).clamp(0, 1)


@network(IMAGE)
class RCAN(nn.Module):
    def __init__(self):
        super().__init__()
        self.head, self.tail = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 3, 3, padding=1)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(16, 4, 1), nn.ReLU(), nn.Conv2d(4, 16, 1), nn.Sigmoid())

    def forward(self, x):
        y = self.head(x)
        contrast = torch.std(y, dim=(2, 3), keepdim=True)
        return x + self.tail(y * self.gate(y) + contrast)


@network((3, 16, 16))
class ESRGAN(nn.Module):
    def __init__(self):
        super().__init__()
        self.head, self.a, self.b, self.tail = (nn.Conv2d(i, o, 3, padding=1) for i, o in [(3, 16), (16, 8), (24, 16), (16, 3)])
        self.activation = nn.LeakyReLU(0.2, inplace=True)

    def forward(self, x):
        x = self.head(x)
        y = self.activation(self.a(x))
        x = x + 0.2 * self.b(torch.cat((x, y), 1))
        x = self.activation(F.interpolate(x, scale_factor=2, mode="nearest"))
        return self.tail(F.interpolate(x, scale_factor=2, mode="bicubic"))


@network((1, 16, 16))
def fsrcnn():
    return Chain(nn.Conv2d(1, 16, 5, padding=2), nn.PReLU(16), nn.Conv2d(16, 8, 1), nn.PReLU(),
                 nn.ConvTranspose2d(8, 1, 9, 3, 4, output_padding=2))


@network((16, 1, 1))
def dcgan():
    return Chain(nn.ConvTranspose2d(16, 16, 4, 1, 0, bias=False), nn.BatchNorm2d(16), nn.ReLU(True),
                 nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(True), nn.ConvTranspose2d(8, 3, 4, 2, 1),
                 nn.Tanh())


@network(IMAGE)
def cyclegan():
    return Chain(nn.ReflectionPad2d(3), nn.Conv2d(3, 8, 7), nn.InstanceNorm2d(8), nn.ReLU(True), nn.Conv2d(8, 16, 3, 2, 1),
                 nn.InstanceNorm2d(16, affine=True), nn.ReLU(True), nn.ConvTranspose2d(16, 8, 3, 2, 1, output_padding=1),
                 nn.InstanceNorm2d(8), nn.ReLU(True), nn.ReflectionPad2d(3), nn.Conv2d(8, 3, 7), nn.Tanh())


@network(IMAGE)
class StyleTransfer(nn.Module):
    def __init__(self):
        super().__init__()
        self.pad, self.a, self.norm, self.b = nn.ReplicationPad2d(1), nn.Conv2d(3, 8, 3, 2), nn.InstanceNorm2d(8, affine=True), nn.Conv2d(8, 3, 3)

    def forward(self, x):
        y = F.relu(self.norm(self.a(self.pad(x))))
        return self.b(self.pad(F.interpolate(y, mode="nearest", scale_factor=2))) * 150 + 255.0 / 2


@network(IMAGE)
class GatedConvolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.out = nn.Conv2d(3, 32, 3, padding=1), nn.Conv2d(16, 3, 3, padding=1)

    def forward(self, x):
        feature, gate = torch.chunk(self.conv(x), 2, dim=1)
        return F.softplus(self.out(F.elu(feature) * torch.sigmoid(gate))) + F.hardtanh(x)


@network(IMAGE)
class NAFBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.a, self.b = nn.GroupNorm(1, 16), nn.Conv2d(16, 32, 1), nn.Conv2d(32, 32, 3, padding=1, groups=32)
        self.intro, self.sca, self.c, self.end = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 1), nn.Conv2d(16, 16, 1), nn.Conv2d(
            16, 3, 3, padding=1)
        self.beta = nn.Parameter(torch.rand(1, 16, 1, 1))

    def forward(self, image):
        x = self.intro(image)
        u, v = self.b(self.a(self.norm(x))).chunk(2, dim=1)
        y = u * v
        return self.end(x + self.c(y * self.sca(y.mean((2, 3), keepdim=True))) * self.beta) + image


# Detection, recognition, landmarks

@network((3, 64, 64))
class YOLOv5(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = ConvNorm(3, 16, 6, 8, padding=2, activation=nn.SiLU), ConvNorm(16, 24, stride=2, activation=nn.SiLU)
        self.up, self.heads = nn.Upsample(scale_factor=2, mode="nearest"), nn.ModuleList([nn.Conv2d(40, 21, 1), nn.Conv2d(24, 21, 1)])
        self.register_buffer("anchors", torch.rand(2, 1, 3, 1, 1, 2) * 30)

    def forward(self, x):
        a = self.a(x)
        b = self.b(a)
        outputs = []
        for i, y in enumerate([torch.cat([self.up(b), a], 1), b]):
            y = self.heads[i](y)
            n, _, ny, nx = y.shape
            y = y.view(n, 3, 7, ny, nx).permute(0, 1, 3, 4, 2).contiguous()
            gy, gx = torch.meshgrid(torch.arange(ny), torch.arange(nx), indexing="ij")
            grid = torch.stack((gx, gy), 2).expand(1, 3, ny, nx, 2).float() - 0.5
            xy, wh, conf = y.sigmoid().split((2, 2, 3), 4)
            xy = (xy * 2 + grid) * (8 << i)
            wh = (wh * 2) ** 2 * self.anchors[i]
            outputs.append(torch.cat((xy, wh, conf), 4).view(n, 3 * nx * ny, 7))
        return torch.cat(outputs, 1)


@network((3, 64, 64))
class YOLOv8(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.conv = ConvNorm(3, 16, stride=8, padding=1, activation=nn.SiLU), ConvNorm(8, 8, activation=nn.SiLU)
        self.mix, self.box, self.cls = ConvNorm(24, 16, 1, activation=nn.SiLU), nn.Conv2d(16, 32, 1), nn.Conv2d(16, 5, 1)
        self.pool, self.dfl = nn.MaxPool2d(5, 1, 2), nn.Conv2d(8, 1, 1, bias=False)
        self.dfl.weight.data[:] = torch.arange(8.0).view(1, 8, 1, 1)

    def forward(self, x):
        parts = list(self.stem(x).chunk(2, 1))
        parts.append(self.pool(self.conv(parts[-1])))
        x = self.mix(torch.cat(parts, 1))
        box, cls = self.box(x).flatten(2), self.cls(x).flatten(2)
        b, _, a = box.shape
        h, w = x.shape[2:]
        sy, sx = torch.meshgrid(torch.arange(h) + 0.5, torch.arange(w) + 0.5, indexing="ij")
        anchors = torch.stack((sx, sy), -1).view(-1, 2).transpose(0, 1).unsqueeze(0)
        distance = self.dfl(box.view(b, 4, 8, a).transpose(2, 1).softmax(1)).view(b, 4, a)
        lt, rb = distance.chunk(2, 1)
        low, high = anchors - lt, anchors + rb
        return torch.cat((torch.cat(((low + high) / 2, high - low), 1) * 8, cls.sigmoid()), 1)


@network((3, 64, 64))
class SSD(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = ConvNorm(3, 16, stride=8), ConvNorm(16, 16, stride=2)
        self.boxes, self.scores = nn.Conv2d(16, 8, 3, padding=1), nn.Conv2d(16, 6, 3, padding=1)

    def forward(self, x):
        a = self.a(x)
        sources = [a, self.b(a)]
        boxes = torch.cat([self.boxes(s).permute(0, 2, 3, 1).contiguous().view(x.size(0), -1) for s in sources], 1)
        scores = torch.cat([self.scores(s).permute(0, 2, 3, 1).contiguous().view(x.size(0), -1) for s in sources], 1)
        return boxes.view(x.size(0), -1, 4), F.softmax(scores.view(x.size(0), -1, 3), -1)


@network((3, 64, 64))
class CenterNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(ConvNorm(3, 16, stride=4), nn.ConvTranspose2d(16, 16, 4, 2, 1, groups=16, bias=False))
        self.heat, self.size = nn.Conv2d(16, 3, 1), nn.Conv2d(16, 2, 1)

    def forward(self, x):
        x = self.body(x)
        heat = torch.clamp(self.heat(x).sigmoid_(), min=1e-4, max=1 - 1e-4)
        return heat * (F.max_pool2d(heat, 3, 1, 1) == heat).float(), self.size(x)


@network((1, 32, 64))
class TextRecognition(nn.Module):
    """A CRNN whose sequence goes to scores at once."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(ConvNorm(1, 16), nn.MaxPool2d(2), ConvNorm(16, 24), nn.MaxPool2d((2, 1), (2, 1)), nn.MaxPool2d((8, 1)))
        self.linear = nn.Linear(24, 11)

    def forward(self, x):
        x = self.body(x)
        assert x.size(2) == 1
        return F.log_softmax(self.linear(x.squeeze(2).permute(2, 0, 1)), dim=2)


@network(IMAGE)
class Hourglass(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.low, self.mid, self.out = ConvNorm(3, 16, stride=2), ConvNorm(16, 16), ConvNorm(16, 16), nn.Conv2d(16, 4, 1)

    def forward(self, x):
        x = self.stem(x)
        y = self.out(x + F.interpolate(self.low(F.max_pool2d(self.mid(x), 2, stride=2)), scale_factor=2))
        b, k, h, w = y.shape
        heat = F.softmax(y.view(b, k, -1), dim=-1).view(b, k, h, w)
        columns = (heat.sum(2) * torch.arange(16.0)).sum(-1, keepdim=True)
        return torch.cat([columns, (heat.sum(3) * torch.arange(16.0)).sum(-1, keepdim=True)], -1)


# Sound, signals, several inputs

@network((1, 256))
def audio_classifier():
    return Chain(nn.Conv1d(1, 16, 9, 4, 4), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(4), nn.Conv1d(16, 16, 3, padding=1), nn.ReLU(),
                 nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(16, 5))


@network((4, 64))
class WaveNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.filter, self.gate, self.out = nn.Conv1d(4, 8, 2, dilation=4), nn.Conv1d(4, 8, 2, dilation=4), nn.Conv1d(8, 4, 1)

    def forward(self, x):
        y = F.pad(x, (4, 0))
        return x + self.out(torch.tanh(self.filter(y)) * torch.sigmoid(self.gate(y)))


@network((1, 40, 50))
class KeywordSpotting(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.attention, self.linear = nn.Sequential(ConvNorm(1, 8, 3, (2, 1)), ConvNorm(8, 8)), nn.Linear(160, 1), nn.Linear(160, 6)

    def forward(self, x):
        x = self.body(x)
        b, c, f, t = x.shape
        x = x.permute(0, 3, 1, 2).reshape(b, t, c * f)
        weights = F.softmax(self.attention(x), dim=1)
        return self.linear((x * weights).sum(1))


@network((1, 24, 24), (1, 24, 24))
class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.out = nn.Sequential(ConvNorm(1, 8, stride=2), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(288, 16)), nn.Linear(16, 1)

    def forward(self, a, b):
        return torch.sigmoid(self.out(torch.abs(self.body(a) - self.body(b))))


@network((3, 16, 16), (5,))
class ImageAndNumbers(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.film, self.head = ConvNorm(3, 8), nn.Linear(5, 16), Head(8)

    def forward(self, x, numbers):
        scale, shift = self.film(numbers).unsqueeze(2).unsqueeze(3).chunk(2, 1)
        return self.head(self.body(x) * (1 + scale) + shift)


@network((4, 24, 24))
class PatchTransformer(nn.Module):
    """Attention over patches, as hybrid networks have it."""

    def __init__(self):
        super().__init__()
        self.patch, self.norm, self.qkv = nn.Conv2d(4, 16, 4, 4), nn.LayerNorm(16), nn.Linear(16, 48)
        self.out, self.head = nn.Linear(16, 16), nn.Linear(16, 3)
        self.token, self.positions = nn.Parameter(torch.rand(1, 1, 16)), nn.Parameter(torch.rand(1, 37, 16))

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.token.expand(x.shape[0], -1, -1), x), dim=1) + self.positions
        b, n, c = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(b, n, 3, 2, c // 2).permute(2, 0, 3, 1, 4)
        attention = ((q @ k.transpose(-2, -1)) * (1 / math.sqrt(c // 2))).softmax(dim=-1)
        return self.head(self.norm(x + self.out((attention @ v).transpose(1, 2).reshape(b, n, c)))[:, 0])
