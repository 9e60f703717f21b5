#!/usr/bin/env python3
"""Holds again.onnx, which Eigenbit wrote, in each of the folders to PyTorch's outputs, in ONNX Runtime.

Prints a line "FOLDER<tab>wrong<tab>sentence" for each that differs, nothing for the others.
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


def sentence_of(folder):
    onnx.checker.check_model(str(folder / "again.onnx"))
    session = onnxruntime.InferenceSession(str(folder / "again.onnx"), providers=["CPUExecutionProvider"])
    inputs = dict(zip((value.name for value in session.get_inputs()), arrays(folder, 0, "input")))
    for i, (value, expected) in enumerate(zip(session.run(None, inputs), arrays(folder, 0, "output"))):
        if value.shape != expected.shape:
            return f"written again, output {i} has shape {value.shape}, not {expected.shape}"
        finite = np.isfinite(expected)
        slack = 1e-6 + 1e-4 * np.abs(expected[finite]).max(initial=0)
        if not (np.abs(value - expected)[finite] <= slack).all():
            return f"written again, output {i} differs"
    return ""


for folder in map(pathlib.Path, sys.argv[1:]):
    if (folder / "again.onnx").exists():
        try:
            sentence = sentence_of(folder)
        except Exception as error:
            sentence = "written again: " + str(error).replace("\n", " ").replace("\t", " ")
        if sentence:
            print(f"{folder}\twrong\t{sentence}")
