#include "api/model_file.h"

#include "api/retraining.h"
#include "datasets/classes.h"
#include "engine/base/error.h"
#include "engine/formats/ebit/ebit.h"
#include "engine/formats/onnx/onnx.h"
#include "engine/graph/uses.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

/// The graph's first output becomes the first input minus what it was. Throws Error where it is such a difference
/// already.
void subtract_output_from_input(Graph& graph, const std::filesystem::path& path) {
    const ValueId input = graph.inputs().front().value;
    const ValueId output = graph.outputs().front();
    const Node& last = graph.node(producer(graph, output).value());
    const auto* const difference = std::get_if<Arithmetic>(&last.op);
    if (difference != nullptr && difference->kind == Arithmetic::Kind::subtract && last.inputs.front() == input) {
        fail("'{}' subtracts from its input already: leave --residual out.", path.string());
    }
    const std::size_t end = graph.nodes().size();
    const Arithmetic subtraction{.kind = Arithmetic::Kind::subtract};
    const ValueId residual = graph.insert_node(end, "residual", subtraction, {input, output});
    std::ranges::replace(graph.node(producer(graph, output).value()).outputs, output, residual);
    graph.node(end).inputs[1] = residual;
    graph.node(end).outputs = {output};
}

/// What a checkpoint of training makes of the network that it keeps.
EbitFile network_of_checkpoint(const std::filesystem::path& path) {
    const Checkpoint checkpoint = read_checkpoint(path);
    if (checkpoint.network.empty()) fail("Checkpoint '{}' does not keep the network that is trained.", path.string());
    EbitFile file = read_ebit(checkpoint.network, path.string());
    restore_best(file.model.graph, checkpoint, path);
    update_rate_note(file.model, file.storage);
    return file;
}

/// Nothing for other formats.
std::optional<EbitFile> read_packed(const ModelSource& source) {
    const std::filesystem::path& path = source.path;
    const bool checkpoint = is_checkpoint(path);
    if (!checkpoint && path.extension() != ".ebit") return std::nullopt;
    if (!source.until.empty()) fail("'{}' is no ONNX file, which --until is for.", path.string());
    return checkpoint ? network_of_checkpoint(path) : read_ebit(path);
}

Model import_network(const ModelSource& source) {
    return read_onnx(source.path, {.height = source.size.height, .width = source.size.width, .until = source.until});
}

}  // namespace

LoadedModel load_model(const ModelSource& source) {
    std::optional<EbitFile> packed = read_packed(source);
    LoadedModel loaded =
        packed ? LoadedModel{std::move(packed->model), packed->storage} : LoadedModel{import_network(source)};
    if (source.residual) subtract_output_from_input(loaded.model.graph, source.path);
    return loaded;
}

void describe_by_data(Model& model, const Dataset& dataset) {
    if (!model.preprocessing) model.preprocessing = dataset.preprocessing;
    const bool fits = std::ssize(dataset.classes) == score_count(model.graph, *model.preprocessing);
    if (model.classes.empty() && fits) model.classes = dataset.classes;
}

}  // namespace eigenbit::internal
