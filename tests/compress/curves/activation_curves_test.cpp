#include "compress/compressor.h"
#include "compress/curves/activation_curves.h"
#include "compress/quantization/activation_quantizers.h"
#include "compress/statistics/output_distortion.h"
#include "engine/executor/graph_executor.h"
#include "engine/formats/onnx/onnx.h"
#include "engine/graph/layer_view.h"
#include "engine/passes/expand_products.h"
#include "engine/passes/quantizer_candidates.h"
#include "tests/compress/small_networks.h"
#include "tests/laboratory.h"

#include <doctest/doctest.h>
#include <tbb/global_control.h>

#include <set>

namespace eigenbit::internal {
namespace {

std::filesystem::path resnet20() { return laboratory("data/models/resnet20_cifar10.onnx"); }

/// The mean squared change of an output element where activations are rounded and weights are not, which int8 execution
/// rounds too.
double distortion_of(Graph compressed, const Graph& graph, const Tensor& images) {
    expand_products(compressed);
    GraphExecutor original_session(graph, images.shape());
    GraphExecutor compressed_session(compressed, images.shape());
    const ConstView expected = original_session.run(images);
    return squared_distance(compressed_session.run(images), expected) / static_cast<double>(expected.elements());
}

Graph with_quantizer(const Graph& graph, ValueId value, const ActivationQuantizer& quantizer) {
    Graph result = graph;
    result.quantize_activation(value, quantizer);
    return result;
}

/// What convolutions and fully-connected layers, wherever their weights come from, and averages of images read.
std::set<ValueId> read_as_levels(const Graph& graph) {
    std::set<ValueId> values;
    for (const Node& node : graph.nodes()) {
        if (std::holds_alternative<Conv>(node.op) || std::holds_alternative<Gemm>(node.op)
            || std::holds_alternative<Reduce>(node.op)) {
            values.insert(node.inputs.front());
        }
    }
    return values;
}

std::set<ValueId> rounded_to_8_bits(const Graph& graph) {
    std::set<ValueId> values;
    for (const auto& [value, quantizer] : graph.activations()) {
        if (quantizer.bit_depth == 8) values.insert(value);
    }
    return values;
}

}  // namespace

TEST_CASE("All that layers and averages of images read has a curve, by rising depth, in order") {
    const Graph graph = residual_network(3, true);
    const std::vector<ActivationCurve> curves = activation_curves(graph, random_images(4, 1), {2, 5}, {});
    std::vector<ValueId> values;
    for (const ActivationCurve& curve : curves) {
        values.push_back(curve.value);
        REQUIRE(curve.candidates.size() == 4);
        for (int depth = 2; depth <= 5; ++depth) {
            CHECK(curve.candidates[static_cast<std::size_t>(depth - 2)].quantizer.bit_depth == depth);
        }
    }
    CHECK(std::ranges::is_sorted(values));
    CHECK(std::set(values.begin(), values.end()) == read_as_levels(graph));
    CHECK(curves[1].elements == 8 * 8 * 10);
}

TEST_CASE("Values that are never negative have their zero at index 0, others within") {
    const Graph graph = residual_network(3, true);
    for (const ActivationCurve& curve : activation_curves(graph, random_images(4, 1), {4, 8}, {})) {
        const bool is_image = curve.value == graph.inputs()[0].value;
        for (const ActivationCandidate& candidate : curve.candidates) {
            const double place =
                candidate.quantizer.zero_point / static_cast<double>(candidate.quantizer.largest_level());
            CHECK(place >= (is_image ? 0.3 : 0.0));
            CHECK(place <= (is_image ? 0.7 : 0.0));
        }
    }
}

TEST_CASE("Predicted distortions of rounded activations are the measured ones at 8 and 6 bits") {
    const Graph graph = restoration_network(4);
    const Tensor images = random_images(48, 5);
    for (const ActivationCurve& curve : activation_curves(graph, images, {6, 8}, {.projections = 8})) {
        CAPTURE(graph.name(curve.value));
        for (const std::size_t i : {0, 2}) {
            const ActivationCandidate& candidate = curve.candidates[i];
            const double measured =
                distortion_of(with_quantizer(graph, curve.value, candidate.quantizer), graph, images);
            CHECK(candidate.distortion == doctest::Approx(measured).epsilon(0.25));
        }
    }
}

TEST_CASE("ResNet-20's activations disturb its logits as predicted at 8 and 6 bits"
          * doctest::skip(absent({resnet20()}))) {
    const Graph graph = read_onnx(resnet20()).graph;
    const Tensor images = random_tensor(Shape{64, 32, 32, 3}, 7);
    for (const ActivationCurve& curve : activation_curves(graph, images, {6, 8}, {.projections = 4})) {
        CAPTURE(graph.name(curve.value));
        for (const std::size_t i : {0, 2}) {
            const ActivationCandidate& candidate = curve.candidates[i];
            const double measured =
                distortion_of(with_quantizer(graph, curve.value, candidate.quantizer), graph, images);
            CHECK(candidate.distortion == doctest::Approx(measured).epsilon(0.4));
        }
    }
}

TEST_CASE(
    "Clipping is chosen where it pays: distortion is below that of a quantizer over the whole range, and falls with "
    "depth") {
    const Graph graph = restoration_network(4);
    const Tensor images = random_images(24, 5);
    GraphExecutor session(graph, images.shape(), {.keep_values = true});
    session.run(images);
    for (const ActivationCurve& curve : activation_curves(graph, images, {2, 8}, {})) {
        CAPTURE(graph.name(curve.value));
        for (std::size_t i = 1; i < curve.candidates.size(); ++i) {
            CHECK(curve.candidates[i].distortion < curve.candidates[i - 1].distortion);
        }
        const auto [low, high] = std::ranges::minmax(session.value(curve.value).values());
        const ActivationQuantizer& coarse = curve.candidates[1].quantizer;
        const float range = high - std::min(low, 0.0F);
        const ActivationQuantizer whole{.bit_depth = 3, .step = range / 7.0F, .zero_point = coarse.zero_point};
        CHECK(coarse.step < whole.step);
        CHECK(distortion_of(with_quantizer(graph, curve.value, coarse), graph, images)
              < distortion_of(with_quantizer(graph, curve.value, whole), graph, images));
    }
}

TEST_CASE("A dearer bit makes depths fall, and elements that there are many of get fewer bits") {
    ActivationCurve curve{.value = 0, .elements = 10, .candidates = {}};
    for (int depth = 1; depth <= 8; ++depth) {
        curve.candidates.push_back({{.bit_depth = depth}, std::pow(4.0, -depth)});
    }
    CHECK(cheapest(curve, 0.0).quantizer.bit_depth == 8);
    // 3·4^−(R+1) = 10 λ at the depth where the next bit no longer pays.
    CHECK(cheapest(curve, 0.3 * std::pow(4.0, -5.5)).quantizer.bit_depth == 5);
    CHECK(cheapest(curve, 1.0).quantizer.bit_depth == 1);
    curve.elements = 160;
    CHECK(cheapest(curve, 0.3 * std::pow(4.0, -5.5)).quantizer.bit_depth == 3);
}

TEST_CASE("Curves of activations do not depend on the number of threads") {
    const Graph graph = residual_network(3, false);
    const Tensor images = random_images(9, 1);
    std::vector<ActivationCurve> first;
    for (const std::size_t threads : {1, 3}) {
        const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
        const std::vector<ActivationCurve> curves = activation_curves(graph, images, {1, 8}, {});
        if (first.empty()) first = curves;
        for (std::size_t i = 0; i < curves.size(); ++i) {
            for (std::size_t c = 0; c < curves[i].candidates.size(); ++c) {
                CHECK(curves[i].candidates[c].quantizer == first[i].candidates[c].quantizer);
                CHECK(curves[i].candidates[c].distortion == first[i].candidates[c].distortion);
            }
        }
    }
}

TEST_CASE(
    "A compressed network rounds what its layers and averages read, and the values inside of products that pay as two "
    "layers") {
    const Graph graph = residual_network(6, true);
    const Tensor images = random_images(32, 2);
    CompressionOptions options;
    options.transforms = {{TransformKind::klt, {Axis::row}}};
    options.correction = false;  // which would correct what rounding weights to int8 does
    const CompressedNetwork exact = Compressor(graph, images, options).at_rate(4.0);
    CHECK(exact.graph.activations().empty());
    options.activations = ActivationDepths{8, 8};
    const CompressedNetwork eight = Compressor(graph, images, options).at_rate(4.0);
    CHECK(rounded_to_8_bits(eight.graph) == read_as_levels(eight.graph));
    CHECK(eight.activation_bits == 8.0 * static_cast<double>(eight.activation_elements));
    for (const LayerSummary& layer : eight.layers) {
        REQUIRE(!layer.activation_depths.empty());
        CHECK(std::ranges::count(layer.activation_depths, 8) == std::ssize(layer.activation_depths));
    }
    const double added = distortion_of(eight.graph, graph, images) - distortion_of(exact.graph, graph, images);
    CHECK(added > 0.0);
    CHECK(added < 2.0 * (eight.distortion - exact.distortion));

    // At low rates so few rows of coefficients are left that two layers take fewer multiplications.
    const CompressedNetwork few = Compressor(graph, images, options).at_rate(1.0);
    std::size_t inner = 0;
    for (const LayerSummary& layer : few.layers) inner += layer.activation_depths.size() - 1;
    CHECK(inner > 0);
    Graph expanded = few.graph;
    expand_products(expanded);
    CHECK(expanded.nodes().size() == few.graph.nodes().size() + inner);
    CHECK(expanded.activations().size() == few.graph.activations().size() + inner);
    CHECK(rounded_to_8_bits(expanded) == read_as_levels(expanded));
    const Shape one_image = images.view().slice(0, 1).shape;
    const auto products = [&](const Graph& network) {
        const std::vector<Shape> shapes = infer_shapes(network, one_image);
        std::int64_t sum = 0;
        for (const Node& node : network.nodes()) sum += multiply_accumulates(node, shapes);
        return sum;
    };
    CHECK(products(expanded) < products(few.graph));

    options.activations = ActivationDepths{};
    const CompressedNetwork allocated = Compressor(graph, images, options).at_rate(4.0);
    CHECK(allocated.activation_bits < eight.activation_bits);
    CHECK(allocated.bits_per_value() < eight.bits_per_value());
    const CompressedNetwork coarse = Compressor(graph, images, options).at_rate(2.0);
    CHECK(coarse.activation_bits < allocated.activation_bits);
}

TEST_CASE("A compressed network rounds what layers with transformed taps read") {
    const Graph graph = residual_network(6, true);
    const Tensor images = random_images(32, 2);
    CompressionOptions options;
    options.transforms = {{TransformKind::klt, {Axis::taps}}};
    options.activations = ActivationDepths{8, 8};
    const CompressedNetwork eight = Compressor(graph, images, options).at_rate(4.0);
    CHECK(rounded_to_8_bits(eight.graph) == read_as_levels(eight.graph));
    CHECK(eight.activation_bits == 8.0 * static_cast<double>(eight.activation_elements));
}

TEST_CASE("the parts of a value that is split have the quantizer of the whole, and their layers run in int8") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 6, 6, 2});
    const auto conv = [&](const std::string& name, ValueId from, const Shape& shape) {
        return graph.add_node(name, Conv{}, {from, graph.add_parameter(name + ".weight", random_tensor(shape, 3))});
    };
    const ValueId whole = conv("whole", x, {4, 1, 1, 2});
    const std::vector<ValueId> parts = graph.add_node("split", Split{.axis = 3, .sizes = {2, 2}}, {whole}, 2);
    const ValueId left = conv("left", parts[0], {3, 1, 1, 2});
    graph.add_output(graph.add_node("sum", Arithmetic{}, {left, conv("right", parts[1], {3, 1, 1, 2})}));
    quantize_activations(graph, random_tensor(Shape{4, 6, 6, 2}, 1), {.depths = {8, 8}, .sampling = {}});
    CHECK(runs_in_int8(graph));
    for (const ValueId part : parts) CHECK(graph.activations().at(part) == graph.activations().at(whole));
}

}  // namespace eigenbit::internal
