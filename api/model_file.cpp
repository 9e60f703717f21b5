#include "api/model_file.h"

#include "datasets/classes.h"
#include "engine/base/error.h"
#include "engine/formats/ebit/ebit.h"
#include "engine/formats/onnx/onnx.h"
#include "engine/graph/uses.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

/// The graph's first output becomes the first input minus what it was.
void subtract_output_from_input(Graph& graph) {
    const ValueId input = graph.inputs().front().value;
    const ValueId output = graph.outputs().front();
    const std::size_t end = graph.nodes().size();
    const Arithmetic subtraction{.kind = Arithmetic::Kind::subtract};
    const ValueId residual = graph.insert_node(end, "residual", subtraction, {input, output});
    std::ranges::replace(graph.node(producer(graph, output).value()).outputs, output, residual);
    graph.node(end).inputs[1] = residual;
    graph.node(end).outputs = {output};
}

}  // namespace

Model load_model(const ModelSource& source) {
    Model model = source.path.extension() == ".ebit" ? read_ebit(source.path).model : read_onnx(source.path);
    if (source.residual) subtract_output_from_input(model.graph);
    return model;
}

ModelFile load_model_file(const ModelSource& source) {
    if (source.path.extension() != ".ebit") return {load_model(source), {}, {}};
    EbitFile packed = read_ebit(source.path);
    SizeLedger sizes = encode_ebit(packed.model, packed.storage).sizes;
    if (source.residual) subtract_output_from_input(packed.model.graph);
    return {std::move(packed.model), packed.storage, std::move(sizes)};
}

void describe_by_data(Model& model, const Dataset& dataset) {
    if (!model.preprocessing) model.preprocessing = dataset.preprocessing;
    const bool fits = std::ssize(dataset.classes) == score_count(model.graph, *model.preprocessing);
    if (model.classes.empty() && fits) model.classes = dataset.classes;
}

}  // namespace eigenbit::internal
