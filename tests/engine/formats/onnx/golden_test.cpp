#include "engine/formats/onnx/onnx.h"
#include "engine/passes/fold_batch_normalization.h"
#include "tests/engine/formats/onnx/golden.h"
#include "tests/engine/formats/onnx/model.h"
#include "tests/engine/network_run.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

using namespace eigenbit::internal;

namespace {

constexpr float kTolerance = 1e-4F;

const NetworkNames kAnySize{"dncnn-s-15", "imdn_x2"};
const NetworkNames kText{"ppocr_v4_det", "ppocr_v2_cls"};
const NetworkNames kAttention{"imdn_x2"};
const NetworkNames kNormalized{"resnet20_cifar10", "densenet40_12_cifar10", "mobilenet_v1_0.25_224", "dncnn-s-25"};

/// Leaves out a test of which no network is there.
doctest::skip needs_one_of(const NetworkNames& networks) { return present(networks).empty(); }

Tensor crop(const Tensor& image, std::int64_t height, std::int64_t width) {
    Tensor result(Shape{1, height, width, image.shape()[3]});
    const View output = result;
    const ConstView input = image;
    const Slice slice{{{0, 1}, {0, height}, {0, width}, {}}};
    forward(slice, ForwardArguments{.inputs = {&input, 1}, .outputs = {&output, 1}, .saved = {}});
    return result;
}

}  // namespace

TEST_CASE("imported networks put out what PyTorch or ONNX Runtime outputs" * needs_one_of(kGoldenNetworks)) {
    for (const std::string& name : present(kGoldenNetworks)) {
        const GoldenNetwork golden = golden_network(name);
        const Model model = read_onnx(golden.file);
        const float error = relative_error(run(model.graph, golden.input), golden.output);
        MESSAGE(golden.name << ": relative error " << error << ", " << model.graph.nodes().size() << " nodes");
        CHECK(error < kTolerance);
    }
}

TEST_CASE("imported networks take any number of images" * needs_one_of(kGoldenNetworks)) {
    for (const std::string& name : present(kGoldenNetworks)) {
        const GoldenNetwork golden = golden_network(name);
        const Model model = read_onnx(golden.file);
        const ConstView inputs = golden.input;
        const std::int64_t images = std::min<std::int64_t>(inputs.shape[0], 3);
        const Tensor together = run(model.graph, inputs.slice(0, images));
        for (std::int64_t image = 0; image < images; ++image) {
            const Tensor alone = run(model.graph, inputs.slice(image, image + 1));
            CHECK(relative_error(alone, together.view().slice(image, image + 1)) < 1e-5F);
        }
    }
}

TEST_CASE("networks whose file leaves the image size open take images of any size" * needs_one_of(kAnySize)) {
    for (const std::string& name : present(kAnySize)) {
        const GoldenNetwork golden = golden_network(name);
        const Graph graph = read_onnx(golden.file).graph;
        CHECK(to_string(graph.inputs().front().shape) == fmt::format("(0, 0, 0, {})", golden.input.shape()[3]));
        // Far from the border a convolutional network does not notice where the image ends.
        if (name != "dncnn-s-15") continue;
        const Tensor part = run(graph, crop(golden.input, 50, 61));
        CHECK(relative_error(crop(part, 30, 40), crop(golden.output, 30, 40)) < kTolerance);
    }
}

TEST_CASE("a text detector and a classifier take images of any size that their strides leave whole"
          * needs_one_of(kText)) {
    for (const std::string& name : present(kText)) {
        const GoldenNetwork golden = golden_network(name);
        const Graph graph = read_onnx(golden.file).graph;
        CHECK(to_string(graph.inputs().front().shape) == "(0, 0, 0, 3)");
        const bool detects = name == "ppocr_v4_det";
        const Tensor image = crop(golden.input, detects ? 64 : 48, 96);
        const Tensor smaller = run(graph, image);
        CHECK(to_string(smaller.shape()) == (detects ? "(1, 64, 96, 1)" : "(1, 2)"));
        CHECK(relative_error(run(exported_and_read_again(graph), image), smaller) < 1e-6F);
    }
}

TEST_CASE("the contrast attention of IMDN divides by the size of the image at hand" * needs_one_of(kAttention)) {
    const GoldenNetwork golden = golden_network("imdn_x2");
    const Graph any_size = read_onnx(golden.file).graph;
    for (const Node& node : any_size.nodes()) {
        const auto* arithmetic = std::get_if<Arithmetic>(&node.op);
        CHECK((arithmetic == nullptr || arithmetic->kind != Arithmetic::Kind::divide));
        const auto* reduce = std::get_if<Reduce>(&node.op);
        CHECK((reduce == nullptr || reduce->kind == Reduce::Kind::mean));
    }
    const Tensor small = crop(golden.input, 24, 31);
    CHECK(to_string(run(any_size, small).shape()) == "(1, 48, 62, 3)");
}

TEST_CASE("merging batch normalizations does not change what published networks put out" * needs_one_of(kNormalized)) {
    for (const std::string& name : present(kNormalized)) {
        const GoldenNetwork golden = golden_network(name);
        Graph graph = read_onnx(golden.file).graph;
        CHECK(fold_batch_normalization(graph) > 0);
        CHECK(relative_error(run(graph, golden.input), golden.output) < kTolerance);
    }
}

TEST_CASE("exported networks are imported again as they were" * needs_one_of(kGoldenNetworks)) {
    const TemporaryFolder folder;
    for (const std::string& name : present(kGoldenNetworks)) {
        const GoldenNetwork golden = golden_network(name);
        const Model model = read_onnx(golden.file);
        write_onnx(model, folder / "again.onnx");
        const Model again = read_onnx(folder / "again.onnx");
        CHECK(again.graph.nodes().size() == model.graph.nodes().size());
        CHECK(again.graph.parameter_elements() == model.graph.parameter_elements());
        CHECK(again.graph.inputs().front().shape == model.graph.inputs().front().shape);
        CHECK(relative_error(run(again.graph, golden.input), run(model.graph, golden.input)) < 1e-6F);
    }
}
