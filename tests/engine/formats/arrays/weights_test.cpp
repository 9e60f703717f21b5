#include "engine/formats/arrays/weights.h"
#include "engine/zoo/zoo.h"
#include "tests/engine/formats/ebit/models.h"
#include "tests/engine/formats/onnx/model.h"
#include "tests/error_of.h"

#include <algorithm>

using namespace eigenbit::internal;

namespace {

Graph lenet(std::uint64_t seed) { return build_network("lenet5", Shape{28, 28, 1}, 10, seed); }

const NamedArray& array_of(const std::vector<NamedArray>& arrays, std::string_view name) {
    return *std::ranges::find(arrays, name, &NamedArray::name);
}

}  // namespace

TEST_CASE("a network takes the weights of another of its kind and then computes the same") {
    for (const char* name : {"lenet5", "resnet8", "alexnet"}) {
        CAPTURE(name);
        const Shape image = std::string(name) == "alexnet" ? Shape{63, 63, 3} : Shape{28, 28, 1};
        const Graph first = build_network(name, image, 10, 1);
        Graph second = build_network(name, image, 10, 2);
        const TakenWeights outcome = take_weights(second, weights_of(first));
        CHECK(outcome.taken.size() == first.parameters().size());
        CHECK(outcome.kept.empty());
        CHECK(outcome.unused.empty());
        CHECK(outcome.unfit.empty());
        const Tensor x = random_tensor({2, image[0], image[1], image[2]}, 3);
        CHECK(same_bits(run(second, x), run(first, x)));
    }
}

TEST_CASE("weights lie in files as PyTorch has them: channels before pixels, before flattened pixels too") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 2, 3, 4});
    const ValueId conv = graph.add_parameter("conv.weight", random_tensor({5, 2, 1, 4}, 1));
    const ValueId y = graph.add_node("conv", Conv{}, {x, conv});  // (N, 1, 3, 5)
    const ValueId flat = graph.add_node("flat", Reshape{{0, -1}}, {graph.add_node("relu", Activation{}, {y})});
    const ValueId fc = graph.add_parameter("fc.weight", random_tensor({2, 15}, 2));
    graph.add_output(graph.add_node("fc", Gemm{}, {graph.add_node("drop", Dropout{}, {flat}), fc}));

    const std::vector<NamedArray> arrays = weights_of(graph);
    const Tensor& kernel = array_of(arrays, "conv.weight").values;
    REQUIRE(kernel.shape() == Shape{5, 4, 2, 1});
    CHECK(at(kernel, {3, 2, 1, 0}) == at(graph.parameter(conv).values(), {3, 1, 0, 2}));
    const Tensor& matrix = array_of(arrays, "fc.weight").values;
    // Column (c, h, w) is our column (h, w, c).
    CHECK(at(matrix, {1, 4 * 3 + 2}) == at(graph.parameter(fc).values(), {1, 2 * 5 + 4}));
    Graph other = graph;
    other.parameter(fc).values() = Tensor(Shape{2, 15});
    take_weights(other, arrays);
    CHECK(same_bits(other.parameter(fc).values(), graph.parameter(fc).values()));
}

TEST_CASE("what does not match is told, and nothing that matches is refused") {
    Graph graph = lenet(1);
    std::vector<NamedArray> arrays = weights_of(lenet(2));
    for (NamedArray& array : arrays) array.name = "module." + array.name;
    arrays.push_back({"module.bn.num_batches_tracked", Tensor(Shape{})});
    arrays.push_back({"module.extra", Tensor(Shape{2})});
    NamedArray& misshapen = arrays.front();
    misshapen.values = Tensor(Shape{1, 2});
    const std::string gone = arrays[1].name.substr(7);
    arrays.erase(arrays.begin() + 1);
    const TakenWeights outcome = take_weights(graph, arrays);
    CHECK(outcome.taken.size() == graph.parameters().size() - 2);
    CHECK(outcome.kept == std::vector{gone});
    CHECK(outcome.unused == std::vector<std::string>{"extra"});
    REQUIRE(outcome.unfit.size() == 1);
    CHECK(outcome.unfit.front().find("has shape (1, 2) in the file") != std::string::npos);

    const std::string error = error_of([&] {
        take_weights(graph, std::vector{NamedArray{"other", Tensor(Shape{1})}});
    });
    CHECK(error.find("no array fits") != std::string::npos);
}

TEST_CASE("quantized weights are written as the values that they stand for, with their gains") {
    const Model model = small_packed_model(1);
    const std::vector<NamedArray> arrays = weights_of(model.graph);
    for (const NamedArray& array : arrays) CHECK(array.name.find("gain") == std::string::npos);
    Graph graph = model.graph;
    CHECK(error_of([&] { take_weights(graph, arrays); }).find("is quantized") != std::string::npos);
}
