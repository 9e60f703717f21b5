"""Writes an 8-bit twin of a float ONNX network for ONNX Runtime: uint8 activations and int8 weights, one step an output
channel, around every operator (static QDQ). Ranges of activations are dummies: for timing only. Values that are not
negative have the zero point 0 and a range up to 6, and nothing is rounded between a layer and its activation: only then
does ONNX Runtime take ReLU and clip into the layers.

usage: quantize_onnx.py FLOAT.onnx INT8.onnx
"""
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

ACTIVATION_STEP = np.float32(6 / 255)
ZERO_POINTS = {"signed": np.uint8(128), "unsigned": np.uint8(0)}
ACTIVATIONS = ("Relu", "Clip")
KEEPS_SIGN = ("MaxPool", "AveragePool", "GlobalAveragePool", "ReduceMean", "Flatten", "Reshape", "Dropout", "Identity")


def fold_batch_normalization(graph, values):
    """Makes every BatchNormalization a part of the convolution before it."""
    producers = {output: node for node in graph.node for output in node.output}
    for node in [n for n in graph.node if n.op_type == "BatchNormalization"]:
        conv = producers[node.input[0]]
        scale, bias, mean, variance = (values[name] for name in node.input[1:5])
        epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
        gain = scale / np.sqrt(variance + epsilon)
        before = values[conv.input[2]] if len(conv.input) > 2 else np.float32(0)
        values[conv.input[1]] = values[conv.input[1]] * gain.reshape(-1, 1, 1, 1)
        values[conv.name + ".bias"] = ((before - mean) * gain + bias).astype(np.float32)
        conv.input[:] = [conv.input[0], conv.input[1], conv.name + ".bias"]
        conv.output[0] = node.output[0]
        graph.node.remove(node)


def quantize(graph, values):
    constants = {"activation.step": ACTIVATION_STEP, **ZERO_POINTS}
    nodes = []
    rounded = {}
    unsigned = set()
    for node in graph.node:
        if node.op_type in ACTIVATIONS or node.op_type in KEEPS_SIGN and node.input[0] in unsigned:
            unsigned.add(node.output[0])

    def round_activation(name):
        if name not in rounded:
            zero = "unsigned" if name in unsigned else "signed"
            for op, before, after in (("QuantizeLinear", name, name + ".q"), ("DequantizeLinear", name + ".q", name + ".dq")):
                nodes.append(helper.make_node(op, [before, "activation.step", zero], [after], name=after))
            rounded[name] = name + ".dq"
        return rounded[name]

    for node in graph.node:
        if node.op_type in ("Conv", "Gemm"):
            weight = values.pop(node.input[1])
            step = (np.abs(weight).reshape(weight.shape[0], -1).max(axis=1) / 127 + 1e-12).astype(np.float32)
            shape = (-1,) + (1,) * (weight.ndim - 1)
            name = node.input[1]
            constants[name + ".q"] = np.round(weight / step.reshape(shape)).astype(np.int8)
            constants[name + ".step"] = step
            constants[name + ".zero"] = np.zeros(len(step), np.int8)
            nodes.append(helper.make_node("DequantizeLinear", [name + ".q", name + ".step", name + ".zero"], [name + ".dq"], axis=0))
            inputs = [round_activation(node.input[0]), name + ".dq"]
            if len(node.input) > 2:
                bias = values.pop(node.input[2])
                bias_name = node.input[2]
                constants[bias_name + ".q"] = np.round(bias / (step * ACTIVATION_STEP)).astype(np.int32)
                constants[bias_name + ".step"] = step * ACTIVATION_STEP
                constants[bias_name + ".zero"] = np.zeros(len(step), np.int32)
                nodes.append(helper.make_node("DequantizeLinear", [bias_name + ".q", bias_name + ".step", bias_name + ".zero"], [bias_name + ".dq"], axis=0))
                inputs.append(bias_name + ".dq")
            node.input[:] = inputs
        elif node.op_type not in ACTIVATIONS:
            node.input[:] = [name if name in values or not name else round_activation(name) for name in node.input]
        nodes.append(node)
    used = {name for node in nodes for name in node.input}
    outputs = {output.name for output in graph.output}
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.initializer[:]
    graph.initializer.extend(numpy_helper.from_array(np.asarray(v), n) for n, v in {**values, **constants}.items() if n in used)
    assert outputs, "the network puts out nothing"


def main():
    model = onnx.load(sys.argv[1])
    graph = model.graph
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    fold_batch_normalization(graph, values)
    quantize(graph, values)
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", 13))
    onnx.checker.check_model(model)
    onnx.save(model, sys.argv[2])


if __name__ == "__main__":
    main()
