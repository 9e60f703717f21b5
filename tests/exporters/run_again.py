#!/usr/bin/env python3
"""Holds again.onnx, which Eigenbit wrote, in each of the folders to PyTorch's outputs, in ONNX Runtime; and net.onnx, which
PyTorch wrote, for all inputs.

Prints a line "FOLDER<tab>wrong<tab>sentence" where Eigenbit's file differs, "FOLDER<tab>exporter<tab>sentence" where PyTorch's
does, as those of another size do that the exporter wrote down; nothing for the others.
"""
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime


def arrays(folder, index, kind):
    files = (folder / f"{index}.{kind}.{i}.npy" for i in range(1000))
    result = []
    for file in files:
        if not file.exists():
            return result
        result.append(np.load(file))


def difference(folder, file, index):
    """What differs from PyTorch's outputs for one set of inputs; empty where nothing does."""
    session = onnxruntime.InferenceSession(str(folder / file), providers=["CPUExecutionProvider"])
    inputs = dict(zip((value.name for value in session.get_inputs()), arrays(folder, index, "input")))
    for i, (value, expected) in enumerate(zip(session.run(None, inputs), arrays(folder, index, "output"))):
        if value.shape != expected.shape:
            return f"output {i} has shape {value.shape}, not {expected.shape}"
        finite = np.isfinite(expected)
        slack = 1e-6 + 1e-4 * np.abs(expected[finite]).max(initial=0)
        if not (np.abs(value - expected)[finite] <= slack).all():
            return f"output {i} differs"
    return ""


def report(folder, result, work):
    try:
        sentence = work()
    except Exception as error:
        sentence = str(error).replace("\n", " ").replace("\t", " ")
    if sentence:
        print(f"{folder}\t{result}\tONNX Runtime: {sentence}")


def again(folder):
    onnx.checker.check_model(str(folder / "again.onnx"))
    return difference(folder, "again.onnx", 0)


def exported(folder):
    sets = range(len(list(folder.glob("*.input.0.npy"))))
    return next(filter(None, (difference(folder, "net.onnx", index) for index in sets)), "")


for folder in map(pathlib.Path, sys.argv[1:]):
    report(folder, "exporter", lambda: exported(folder))
    if (folder / "again.onnx").exists():
        report(folder, "wrong", lambda: again(folder))
