#!/usr/bin/env python3
"""Copies exports that `make exporters` made into the folder of those that every test run reads.

    keep.py BUILD/exporters

Without what exporters say of their own source files. Each is kept with its inputs and PyTorch's outputs, as export.py names them.
"""
import pathlib
import shutil
import sys

import onnx
from google.protobuf.message import Message

KEPT = pathlib.Path(__file__).resolve().parents[1] / "engine/golden/exports"
EXPORTS = {
    "debian": """ShuffleNetV1/opset11 mobilenet_v3/unfolded FPN/opset13 GlobalContext/training dcgan/batch audio_classifier/size17
                 ImageAndNumbers/batch""",
    "newest": "WaveNet/size TextRecognition/opset20 ShuffleNetV2/default ConvNeXt/one-file NonLocal/size CBAM/script",
}


def without_remarks(message):
    """Clears the documentation and metadata of a message and of all in it."""
    for field, value in message.ListFields():
        if field.name in ("doc_string", "metadata_props"):
            message.ClearField(field.name)
        elif field.message_type:
            for part in [value] if isinstance(value, Message) else value:
                without_remarks(part)


def main():
    exports = pathlib.Path(sys.argv[1])
    for exporter, names in EXPORTS.items():
        for name in names.split():
            source, kept = exports / exporter / "modules" / name, KEPT / f"{exporter}-{name.replace('/', '-')}"
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir(parents=True)
            for file in [*source.glob("*.npy"), *source.glob("*.data")]:
                shutil.copy(file, kept)
            model = onnx.load(source / "net.onnx", load_external_data=False)
            without_remarks(model)
            onnx.save(model, kept / "net.onnx")


main()
