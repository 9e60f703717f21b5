#!/usr/bin/env python3
"""Writes the ONNX standard's node tests, as the installed onnx package has them, as files that node_cases_test.cpp reads.

    make.py FOLDER

FOLDER/version is the package's. FOLDER/cases.csv has a line NAME,OPERATOR,TOLERANCE for each case, of the operators below. FOLDER/NAME/ holds model.onnx, whose
inputs of integers are constants, constant.onnx, of which only the first input is left, folded.onnx, of which none is and whose
output is added to zeros, and the values of inputs and outputs, INPUT.npy and output.N.npy, as float32. A case whose values are no tensors of numbers has models alone.
"""
import csv
import pathlib
import sys
import warnings

import numpy as np

warnings.filterwarnings("ignore")
# onnx 1.12 asks for names that numpy 1.24 no longer has.
for name, kind in {"float": float, "int": int, "bool": bool, "object": object}.items():
    if name not in np.__dict__:
        setattr(np, name, kind)

import onnx  # noqa: E402
from onnx import numpy_helper  # noqa: E402
from onnx.backend.test.case import node as node_cases  # noqa: E402

# What networks of convolutions are made of. Cases of all other operators are left out.
OPERATORS = """
Abs Add And AveragePool BatchNormalization Cast Ceil Celu Clip Concat Constant ConstantOfShape Conv ConvInteger ConvTranspose
DepthToSpace DequantizeLinear Div Dropout DynamicQuantizeLinear Elu Equal Erf Exp Expand Flatten Floor Gather GatherND Gelu Gemm
GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LRN
LayerNormalization LeakyRelu Less Log LogSoftmax LpPool MatMul MatMulInteger Max MaxPool MaxUnpool Mean
MeanVarianceNormalization Min Mish Mod Mul Neg Not Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear Range Reciprocal
ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape
Resize Round Selu Shape Sigmoid Sign Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Swish Tanh
ThresholdedRelu Tile Transpose Unsqueeze Upsample Where
""".split()


def operator_of(case):
    """The operator that the case is about: of its only node, or the one that its nodes spell out."""
    if len(case.model.graph.node) == 1:
        return case.model.graph.node[0].op_type
    words = case.name.removeprefix("test_").split("_")
    by_lower_case = {operator.lower(): operator for operator in OPERATORS}
    return next((by_lower_case[name] for end in range(len(words), 0, -1)
                 if (name := "".join(words[:end])) in by_lower_case), "")


def make_constant(model, name, values):
    graph = model.graph
    graph.initializer.append(numpy_helper.from_array(values, name))
    graph.input.remove(next(value for value in graph.input if value.name == name))


def raise_opset(model):
    """Opset 7 for a model of an older one, where all its operators are the same there: what Eigenbit reads begins with it."""
    opset = model.opset_import[0]
    if opset.version < 7 and all(onnx.defs.get_schema(node.op_type, 7, "").since_version <= opset.version
                                 for node in model.graph.node):
        opset.version = 7


def fold(model, arrays, output):
    """The model with all inputs as constants, whose output is added to an input of zeros: what is computed at import."""
    for name, values in arrays.items():
        make_constant(model, name, values)
    graph = model.graph
    old = graph.output[0].name
    graph.node.extend([onnx.helper.make_node("Cast", [old], ["folded"], to=onnx.TensorProto.FLOAT),
                       onnx.helper.make_node("Add", ["zeros", "folded"], ["sum"])])
    graph.input.append(onnx.helper.make_tensor_value_info("zeros", onnx.TensorProto.FLOAT, output.shape))
    del graph.output[:]
    graph.output.append(onnx.helper.make_tensor_value_info("sum", onnx.TensorProto.FLOAT, output.shape))


def reals(declared, values):
    """An input as numbers that numpy has: bfloat16 comes as the bits of integers."""
    if declared.type.tensor_type.elem_type != onnx.TensorProto.BFLOAT16:
        return values
    declared.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    return (np.asarray(values).astype(np.uint32) << 16).view(np.float32)


def write(case, folder):
    folder.mkdir()
    inputs, outputs = case.data_sets[0] if case.data_sets else ([], [])
    names = [name for name in case.model.graph.node[0].input if name] if len(case.model.graph.node) == 1 else []
    declared = [value.name for value in case.model.graph.input]
    are_reals = {name: np.issubdtype(np.asarray(values).dtype, np.floating) for name, values in zip(declared, inputs)}
    inputs = [reals(value, values) for value, values in zip(case.model.graph.input, inputs)]
    arrays = dict(zip(declared, inputs))
    are_tensors = all(isinstance(value, (np.ndarray, np.generic)) and np.issubdtype(value.dtype, np.number)
                      or isinstance(value, (np.ndarray, np.generic)) and value.dtype == bool
                      for value in [*inputs, *outputs])
    raise_opset(case.model)
    whole, constant, folded = onnx.ModelProto(), onnx.ModelProto(), onnx.ModelProto()
    for model in (whole, constant, folded):
        model.CopyFrom(case.model)
    if are_tensors and len(outputs) == 1 and np.asarray(outputs[0]).size > 0:
        output = np.asarray(outputs[0])
        fold(folded, {name: np.asarray(values) for name, values in arrays.items()}, output)
        np.save(folder / "zeros.npy", np.zeros(output.shape, np.float32))
        onnx.save(folded, folder / "folded.onnx")
    if are_tensors:
        first = next((name for name in [*names, *declared] if name in arrays), "")
        for name, values in arrays.items():
            values = np.asarray(values)
            if not are_reals[name]:
                make_constant(whole, name, values)
            if name != first:
                make_constant(constant, name, values)
            np.save(folder / f"{name}.npy", np.ascontiguousarray(values, dtype=np.float32).reshape(values.shape))
        for index, values in enumerate(outputs):
            values = np.asarray(values)
            np.save(folder / f"output.{index}.npy", np.ascontiguousarray(values, np.float32).reshape(values.shape))
    onnx.save(whole, folder / "model.onnx")
    onnx.save(constant, folder / "constant.onnx")


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "version").write_text(onnx.__version__)
    cases = {case.name: case for case in node_cases.collect_testcases("")}
    with open(folder / "cases.csv", "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        for _, case in sorted(cases.items()):
            operator = operator_of(case)
            if operator in OPERATORS:
                write(case, folder / case.name)
                table.writerow([case.name, operator, case.rtol])


main(pathlib.Path(sys.argv[1]))
