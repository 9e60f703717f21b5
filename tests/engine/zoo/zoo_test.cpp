#include "engine/zoo/zoo.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace eigenbit::internal;

namespace {

std::int64_t multiply_accumulates_of(const Graph& graph) {
    const Shape input = input_shape(graph, 1);
    const std::vector<Shape> shapes = infer_shapes(graph, input);
    std::int64_t sum = 0;
    for (const Node& node : graph.nodes()) sum += multiply_accumulates(node, shapes);
    return sum;
}

/// Parameters that training moves, as papers count them: without running statistics.
std::int64_t published_parameters(const Graph& graph) {
    std::int64_t count = 0;
    for (const auto& [id, parameter] : graph.parameters()) {
        if (graph.name(id).find("running_") == std::string::npos) count += parameter.elements();
    }
    return count;
}

}  // namespace

TEST_CASE("the CIFAR ResNets have the published numbers of parameters and multiplications") {
    // He et al. 2015, table 6: 0.27, 0.46, 0.66, 0.85 and 1.7 million; exactly, as counted in the PyTorch models.
    const Shape image{32, 32, 3};
    CHECK(published_parameters(build_network("resnet20", image, 10, 1)) == 269722);
    CHECK(published_parameters(build_network("resnet32", image, 10, 1)) == 464154);
    CHECK(published_parameters(build_network("resnet44", image, 10, 1)) == 658586);
    CHECK(published_parameters(build_network("resnet56", image, 10, 1)) == 853018);
    CHECK(published_parameters(build_network("resnet110", image, 10, 1)) == 1727962);
    CHECK(multiply_accumulates_of(build_network("resnet20", image, 10, 1)) == 40551040);
}

TEST_CASE("DenseNet-BC and VGG-Small have their numbers of parameters") {
    // 0.8 million in Huang et al. 2017, table 2; VGG-Small layer by layer: 9 · Σ inputs · outputs, two a normalized
    // channel, 8,192 features.
    const Shape image{32, 32, 3};
    CHECK(published_parameters(build_network("densenet-bc-100", image, 10, 1)) == 769162);
    CHECK(published_parameters(build_network("vgg-small", image, 10, 1)) == 4660106);
}

TEST_CASE("LeNet-5 has its 61,706 parameters") {
    CHECK(published_parameters(build_network("lenet5", Shape{28, 28, 1}, 10, 1)) == 61706);
}

TEST_CASE("the ImageNet networks have the published numbers of parameters and multiplications") {
    // As counted in the torchvision models; 1.81, 4.09, 0.71 and 0.30 billion multiplications.
    const Shape image{224, 224, 3};
    const auto check = [&](std::string_view name, std::int64_t parameters, std::int64_t products) {
        CAPTURE(name);
        const Graph graph = build_network(name, image, 1000, 1);
        CHECK(published_parameters(graph) == parameters);
        CHECK(multiply_accumulates_of(graph) == products);
    };
    check("resnet18", 11689512, 1814073344);
    check("resnet50", 25557032, 4089184256);
    check("alexnet", 61100840, 714188480);
    check("mobilenet-v2", 3504872, 300774272);
}

TEST_CASE("every network for small images outputs one score a class, for grey and colour images") {
    for (const std::string_view name : network_names()) {
        if (name == "alexnet") continue;  // needs 63 pixels
        for (const Shape& image : {Shape{28, 28, 1}, Shape{32, 32, 3}}) {
            const Graph graph = build_network(name, image, 7, 1);
            const Shape input = input_shape(graph, 3);
            const std::vector<Shape> shapes = infer_shapes(graph, input);
            CHECK(shapes[static_cast<std::size_t>(graph.outputs().front())] == Shape{3, 7});
        }
    }
}

TEST_CASE("weights are drawn with He's variance, and are a function of the seed") {
    const Graph graph = build_network("resnet20", Shape{32, 32, 3}, 10, 5);
    const ValueId id = graph.find_parameter("layer3.1.conv1.weight");
    const Tensor& weights = graph.parameter(id).values();
    double squares = 0.0;
    double sum = 0.0;
    for (const float w : weights.values()) {
        squares += w * w;
        sum += w;
    }
    const auto count = static_cast<double>(weights.elements());
    const double variance = 2.0 / (3 * 3 * 64);
    CHECK(squares / count == doctest::Approx(variance).epsilon(0.03));
    CHECK(std::abs(sum / count) < 4.0 * std::sqrt(variance / count));

    const auto first_weight = [&](std::uint64_t seed) {
        return build_network("resnet20", Shape{32, 32, 3}, 10, seed).parameter(id).values()[0];
    };
    CHECK(first_weight(5) == weights[0]);
    CHECK(first_weight(6) != weights[0]);
}

TEST_CASE("what cannot be built is refused in a sentence") {
    CHECK(error_of([] {
              build_network("resnet21", Shape{32, 32, 3}, 10, 1);
          })
          == "There is no network named 'resnet21'; there are lenet5, resnet8, resnet20, resnet32, resnet44, resnet56, "
             "resnet110, densenet-bc-40, densenet-bc-100, vgg-small, cifar-mobilenet-v2, alexnet, resnet18, resnet50, "
             "mobilenet-v2.");
    CHECK(error_of([] { build_network("lenet5", Shape{4, 4, 1}, 10, 1); }).find("Layer 'conv2'") == 0);
    CHECK(error_of([] { build_network("resnet20", Shape{32, 32}, 10, 1); }).find("(32, 32)") != std::string::npos);
    CHECK(error_of([] { build_network("resnet20", Shape{32, 32, 3}, 0, 1); }).find("0 classes") != std::string::npos);
}
