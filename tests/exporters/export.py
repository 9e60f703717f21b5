#!/usr/bin/env python3
"""Exports networks of one group as the installed PyTorch does, with inputs and what PyTorch outputs for them.

    export.py FOLDER GROUP [NAME …]

Writes FOLDER/NETWORK/VARIANT/ with net.onnx and, for each set S of inputs, S.input.N.npy and S.output.N.npy. A second set has another
batch, and another size where the variant leaves it open. What PyTorch cannot export has a file not-exported instead.
"""
import pathlib
import sys
import warnings

import numpy as np
import torch

import networks

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
IS_OLD = torch.__version__.startswith("1.")


def inputs_of(shapes, batch, larger, seed):
    generator = torch.Generator().manual_seed(seed)
    grown = [(*shape[:1], *(extent + 32 * larger for extent in shape[1:])) if len(shape) == 3 else shape for shape in shapes]
    return tuple(torch.rand(batch, *shape, generator=generator) for shape in grown)


def named(shapes):
    return [f"input{i}" for i in range(len(shapes))]


def open_axes(shapes, size):
    """Axes that are left open, by input, for torch.onnx.export of TorchScript graphs."""
    return {name: {0: "batch", **({2: "height", 3: "width"} if size and len(shape) == 3 else {})}
            for name, shape in zip(named(shapes), shapes)}


def by_script(**options):
    def export(net, inputs, shapes, path):
        more = {} if IS_OLD else {"dynamo": False}
        axes = options.get("dynamic")
        rest = {key: value for key, value in options.items() if key != "dynamic"}
        torch.onnx.export(net, inputs, path, input_names=named(shapes), **rest, **more,
                          **({"dynamic_axes": open_axes(shapes, axes == "size")} if axes else {}))
    return export


def by_dynamo(dynamic=None, **options):
    def export(net, inputs, shapes, path):
        more = {}
        if dynamic:
            Dim = torch.export.Dim
            more["dynamic_shapes"] = tuple(
                {0: Dim.DYNAMIC, **({2: Dim.DYNAMIC, 3: Dim.DYNAMIC} if dynamic == "size" and len(shape) == 3 else {})}
                for shape in shapes)
        torch.onnx.export(net, inputs, path, **options, **more)
    return export


def variants(group):
    """Variant → (export, whether another batch may come, whether another size may come)."""
    if IS_OLD:
        preserve = torch.onnx.TrainingMode.PRESERVE
        return {
            "opset11": (by_script(opset_version=11), False, False),
            "opset13": (by_script(opset_version=13), False, False),
            "opset17": (by_script(opset_version=17), False, False),
            "batch": (by_script(opset_version=13, dynamic="batch"), True, False),
            "size11": (by_script(opset_version=11, dynamic="size"), True, True),
            "size13": (by_script(opset_version=13, dynamic="size"), True, True),
            "size17": (by_script(opset_version=17, dynamic="size"), True, True),
            "unfolded": (by_script(opset_version=13, do_constant_folding=False), False, False),
            "training": (by_script(opset_version=13, training=preserve, do_constant_folding=False), False, False),
        }
    result = {"default": (by_dynamo(), False, False)}
    if group == "modules":
        result |= {
            "one-file": (by_dynamo(external_data=False), False, False),
            "opset20": (by_dynamo(opset_version=20), False, False),
            "batch": (by_dynamo(dynamic="batch"), True, False),
            "size": (by_dynamo(dynamic="size"), True, True),
            "script": (by_script(opset_version=17, dynamic="batch"), True, False),
        }
    return result


def save(folder, index, inputs, outputs):
    for kind, values in (("input", inputs), ("output", outputs)):
        for i, value in enumerate(values):
            np.save(folder / f"{index}.{kind}.{i}.npy", np.ascontiguousarray(value.detach().numpy(), np.float32))


def outputs_of(net, inputs):
    with torch.no_grad():
        outputs = net(*inputs)
    if isinstance(outputs, dict):
        outputs = tuple(outputs.values())
    return outputs if isinstance(outputs, (tuple, list)) else (outputs,)


def export(folder, name, make, shapes, group):
    torch.manual_seed(0)
    net = make().eval()
    for variant, (write, other_batch, other_size) in variants(group).items():
        place = folder / name / variant
        place.mkdir(parents=True, exist_ok=True)
        inputs = inputs_of(shapes, 2, 0, 1)
        try:
            write(net, inputs, shapes, str(place / "net.onnx"))
        except Exception as error:
            (place / "not-exported").write_text(str(error))
            continue
        save(place, 0, inputs, outputs_of(net, inputs))
        for larger in ([1] if other_size else []) + ([0] if other_batch else []):
            try:
                inputs = inputs_of(shapes, 3, larger, 2)
                outputs = outputs_of(net, inputs)
            except (RuntimeError, AssertionError):
                continue  # the network itself takes no other size
            save(place, 1, inputs, outputs)
            break


def main():
    folder, group, *names = pathlib.Path(sys.argv[1]), *sys.argv[2:]
    found = networks.GROUPS[group]()
    if not names:
        print("\n".join(found))
    for name in names:
        make, shapes = found[name]
        export(folder, name, make, shapes, group)


main()
