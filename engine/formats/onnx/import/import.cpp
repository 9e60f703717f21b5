#include "engine/base/error.h"
#include "engine/formats/file.h"
#include "engine/formats/onnx/file.h"
#include "engine/formats/onnx/import/sizes.h"
#include "engine/formats/onnx/import/supported.h"
#include "engine/formats/onnx/metadata.h"
#include "engine/formats/onnx/onnx.h"

namespace eigenbit::internal {
namespace {

/// Of a network made for so many images at a time; ours takes any number, each as if it were alone.
void note_batch(std::int64_t written_batch, Model& model) {
    if (written_batch == 0) return;
    model.metadata["batch"] = formatted("made for batches of {}, as a shape in the ONNX file says; several images are "
                                        "computed as if one by one",
                                        written_batch);
}

Model read_onnx(std::span<const std::uint8_t> bytes, std::string_view name, ExternalData data,
                const OnnxOptions& options) {
    try {
        const OnnxFile file = load_onnx(bytes, data, options.until);
        const auto constants = constant_values(file);
        check_supported(file, constants);
        Model model;
        ImportedNetwork network = import_at_some_size(file, read_declared(file, constants), options);
        model.graph = std::move(network.graph);
        note_batch(network.written_batch, model);
        read_metadata(file.model, model);
        return model;
    } catch (const Error& error) {
        fail("cannot read \"{}\": {}", name, error.what());
    }
}

}  // namespace

Model read_onnx(const std::filesystem::path& path, const OnnxOptions& options) {
    const FileBytes file(path);
    return read_onnx(file.span(), path.string(), ExternalData(path.parent_path()), options);
}

Model read_onnx(std::span<const std::uint8_t> bytes, std::string_view name, const OnnxOptions& options) {
    return read_onnx(bytes, name, ExternalData(std::nullopt), options);
}

}  // namespace eigenbit::internal
