#include "include/eigenbit/prediction.hpp"

#include "api/arrays.h"
#include "api/cpp/evaluation.h"
#include "api/cpp/state.h"
#include "engine/executor/graph_executor.h"
#include "engine/formats/preprocess.h"
#include "engine/passes/prepare_for_inference.h"
#include "engine/passes/quantizer_candidates.h"
#include "engine/passes/simulate_int8.h"
#include "evaluation/metrics.h"
#include "evaluation/not_a_number.h"
#include "evaluation/output_kind.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace eigenbit {
inline namespace v1 {
namespace {

OutputKind kind_of(internal::OutputKind kind) {
    switch (kind) {
    case internal::OutputKind::scores:
        return OutputKind::scores;
    case internal::OutputKind::probabilities:
        return OutputKind::probabilities;
    case internal::OutputKind::probability:
        return OutputKind::probability;
    case internal::OutputKind::labels:
        return OutputKind::labels;
    case internal::OutputKind::image:
        return OutputKind::image;
    case internal::OutputKind::values:
        return OutputKind::values;
    }
    internal::fail("A kind of outputs is unknown.");
}

std::vector<double> softmax(std::span<const float> scores) {
    const double largest = *std::ranges::max_element(scores);
    std::vector<double> shares;
    for (const float score : scores) shares.push_back(std::exp(score - largest));
    const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
    for (double& share : shares) share /= sum;
    return shares;
}

/// Named by the network's classes, the greatest first.
std::vector<Share> sorted_shares(std::span<const double> values, const std::vector<std::string>& classes) {
    std::vector<Share> shares;
    for (std::size_t i = 0; i < values.size(); ++i) {
        shares.push_back({i, i < classes.size() ? classes[i] : std::string(), values[i]});
    }
    std::ranges::stable_sort(shares, std::ranges::greater{}, &Share::value);
    return shares;
}

std::vector<Share> shares_of(OutputKind kind, std::span<const float> values, const std::vector<std::string>& classes) {
    switch (kind) {
    case OutputKind::scores:
        return sorted_shares(softmax(values), classes);
    case OutputKind::probabilities:
    case OutputKind::labels:
        return sorted_shares(std::vector<double>(values.begin(), values.end()), classes);
    case OutputKind::probability:
        // Of two classes the second is the one that holds.
        return {{0, classes.empty() || classes.size() > 2 ? std::string() : classes.back(), values.front()}};
    case OutputKind::image:
    case OutputKind::values:
        break;
    }
    return {};
}

/// A restored image (1, H, W, C) as an image file holds it.
Image restored_image(internal::ConstView output, const internal::Preprocessing& preprocessing) {
    const internal::Tensor values = internal::as_8_bit(internal::denormalized(output, preprocessing));
    const internal::Shape& shape = values.shape();
    Image image{static_cast<int>(shape[0]), static_cast<int>(shape[1]), static_cast<int>(shape[2])};
    for (const float value : values.values()) image.pixels.push_back(static_cast<std::uint8_t>(value));
    if (image.channels == 3 && preprocessing.channel_order == internal::ChannelOrder::bgr) {
        for (std::size_t i = 0; i < image.pixels.size(); i += 3) std::swap(image.pixels[i], image.pixels[i + 2]);
    }
    return image;
}

/// The outputs for these inputs, in the graph's order.
std::vector<internal::Tensor> outputs_of(internal::Graph graph, Arithmetic arithmetic,
                                         std::span<const internal::Tensor> inputs) {
    std::vector<internal::Shape> shapes;
    std::vector<internal::ConstView> views;
    for (const internal::Tensor& input : inputs) {
        shapes.push_back(input.shape());
        views.push_back(input);
    }
    std::vector<internal::Tensor> outputs;
    if (arithmetic == Arithmetic::simulated) {
        simulate_int8(graph);
        internal::GraphExecutor executor(graph, shapes, {.keep_values = true});
        for (std::size_t i = 0; i < views.size(); ++i) executor.bind(graph.inputs()[i].value, views[i]);
        executor.forward();
        for (const internal::ValueId output : graph.outputs()) outputs.emplace_back(executor.value(output));
        return outputs;
    }
    prepare_for_inference(graph);
    internal::Inference inference(
        graph, shapes, arithmetic == Arithmetic::int8 ? internal::Execution::int8 : internal::Execution::float32);
    inference.run(views);
    for (std::size_t i = 0; i < inference.output_count(); ++i) outputs.emplace_back(inference.output(i));
    return outputs;
}

}  // namespace

struct Predictor::State {
    State(const internal::Model& of, Arithmetic by) : model(of), arithmetic(by), network(of.graph, mode_of(by)) {}

    internal::Model model;
    Arithmetic arithmetic;
    internal::NetworkRunner network;
    internal::Tensor image{};
    std::string name{};  ///< of the image
    OutputKind kind = OutputKind::values;
};

Predictor::Predictor(const Model& model, Arithmetic arithmetic) {
    translated([&] {
        const internal::Model& own = model.state().model;
        if (arithmetic == Arithmetic::int8 && !runs_in_int8(own.graph)) {
            internal::fail("The network does not say how to round all its activations.");
        }
        state_ = std::make_unique<State>(own, arithmetic);
    });
}
Predictor::Predictor(Predictor&& other) noexcept = default;
Predictor& Predictor::operator=(Predictor&& other) noexcept = default;
Predictor::~Predictor() = default;

OutputKind Predictor::set_image(const std::string& file) { return set_image(read_image(file), file); }

OutputKind Predictor::set_image(const Image& image, const std::string& name) {
    return translated([&] {
        State& own = *state_;
        if (!own.model.preprocessing) internal::fail("The network does not say how to prepare images.");
        own.image = internal::preprocess({image.height, image.width, image.channels, image.pixels},
                                         *own.model.preprocessing, name);
        own.name = name;
        return own.kind = kind_of(internal::output_kind(own.model.graph, own.image.shape()));
    });
}

Prediction Predictor::predict() {
    return translated([&] {
        State& own = *state_;
        if (own.image.empty()) internal::fail("There is no image to predict for.");
        const internal::ConstView output = own.network.run(own.image);
        internal::check_numbers(own.network.graph(), own.image, output, own.name + ": ");
        Prediction result{.kind = own.kind, .shares = shares_of(own.kind, output.values(), own.model.classes)};
        if (own.kind == OutputKind::image) result.image = restored_image(output, *own.model.preprocessing);
        const std::span<const internal::ValueId> outputs = own.model.graph.outputs();
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            result.outputs.push_back(
                array_of(own.network.output(own.image.shape(), i), own.model.graph.name(outputs[i])));
        }
        return result;
    });
}

std::vector<Array> Predictor::run(std::span<const Array> inputs) const {
    return translated([&] {
        const internal::Graph& graph = state_->model.graph;
        if (inputs.size() != graph.inputs().size()) {
            internal::fail("There are {} arrays, the network has {} inputs.", inputs.size(), graph.inputs().size());
        }
        std::vector<internal::Tensor> tensors;
        bool is_onnx_order = false;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            internal::InputArray input =
                internal::as_input(tensor_of(inputs[i]), graph, graph.inputs()[i], inputs[i].name);
            is_onnx_order = is_onnx_order || input.is_onnx_order;
            tensors.push_back(std::move(input.values));
        }
        const std::vector<internal::Tensor> outputs = outputs_of(graph, state_->arithmetic, tensors);
        std::vector<Array> result;
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            const bool is_image = outputs[i].shape().rank() == 4 && is_onnx_order;
            result.push_back(
                array_of(is_image ? internal::channels_first(outputs[i]) : outputs[i], graph.name(graph.outputs()[i])));
        }
        return result;
    });
}

std::int64_t Predictor::weight_bytes() const {
    const internal::Inference* const inference = state_->network.inference(state_->image.shape());
    return inference == nullptr ? 0 : inference->program().weight_bytes();
}

std::int64_t Predictor::activation_bytes() const {
    const internal::Inference* const inference = state_->network.inference(state_->image.shape());
    return inference == nullptr ? 0 : inference->activation_bytes();
}

}  // namespace v1
}  // namespace eigenbit
