#include "engine/base/warning.h"
#include "engine/formats/file.h"
#include "tests/engine/formats/onnx/model.h"
#include "tests/error_of.h"

#include <filesystem>

using namespace eigenbit::internal;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// y = x · w with weights (6, 5), kept behind 3 bytes of another file.
struct OutsideWeights {
    OutsideWeights() {
        model.input("x", {0, 6}).constant("w", weights).node("MatMul", {"x", "w"}, {"y"}).output("y");
        auto& tensor = *model.proto.mutable_graph()->mutable_initializer(0);
        tensor.clear_raw_data();
        tensor.set_data_location(onnx::TensorProto::EXTERNAL);
        entry("location", "weights.bin");
        entry("offset", "3");
        entry("length", "120");
    }

    void entry(const std::string& key, const std::string& value) {
        auto& tensor = *model.proto.mutable_graph()->mutable_initializer(0);
        for (auto& known : *tensor.mutable_external_data()) {
            if (known.key() == key) return known.set_value(value);
        }
        auto& added = *tensor.add_external_data();
        added.set_key(key);
        added.set_value(value);
    }

    std::string bytes() const {
        return formatted("...{}the rest", std::string_view(reinterpret_cast<const char*>(weights.data()), 120));
    }

    Graph read() const {
        folder.write("net.onnx", model.proto.SerializeAsString());
        return read_onnx(folder / "net.onnx").graph;
    }
    std::string error() const {
        return error_of([&] { read(); });
    }

    OnnxModel model;
    Tensor weights = random_tensor({6, 5}, 1);
    TemporaryFolder folder;
};

}  // namespace

TEST_CASE("weights in a file beside the network are read from where it says") {
    OutsideWeights net;
    net.folder.write("weights.bin", net.bytes());
    const Tensor x = random_tensor({2, 6}, 3);
    const Tensor y = tensor_of({2, 5}, [&](const Integers& i) {
        float sum = 0.0F;
        for (std::int64_t k = 0; k < 6; ++k) sum += at(x, {i[0], k}) * at(net.weights, {k, i[1]});
        return sum;
    });
    CHECK(relative_error(run(net.read(), x), y) < 1e-6F);

    std::filesystem::create_directory(net.folder / "parts");
    std::filesystem::rename(net.folder / "weights.bin", net.folder / "parts/w");
    net.entry("location", "parts/w");
    CHECK(relative_error(run(net.read(), x), y) < 1e-6F);
    std::filesystem::create_symlink("parts/w", net.folder / "link");
    net.entry("location", "link");
    CHECK(relative_error(run(net.read(), x), y) < 1e-6F);
}

TEST_CASE("constants that are attributes may lie in other files too") {
    OutsideWeights net;
    net.folder.write("weights.bin", net.bytes());
    auto& graph = *net.model.proto.mutable_graph();
    net.model.node("Constant", {}, {"w"});
    auto& value = *graph.mutable_node()->rbegin()->add_attribute();
    value.set_name(std::string("value"));
    value.set_type(onnx::AttributeProto::TENSOR);
    *value.mutable_t() = graph.initializer(0);
    graph.clear_initializer();
    CHECK(net.read().parameter_elements() == 30);
}

TEST_CASE("nothing outside the network's folder is read") {
    OutsideWeights net;
    const TemporaryFolder elsewhere;
    elsewhere.write("secret", net.bytes());
    const auto error_at = [&](const std::string& location) {
        net.entry("location", location);
        return net.error();
    };
    const std::string out = formatted("../{}/secret", elsewhere.path().filename().string());
    std::filesystem::create_symlink(elsewhere / "secret", net.folder / "link");
    std::filesystem::create_directory_symlink(elsewhere.path(), net.folder / "folder");
    CHECK(contains(error_at(out), "tensor 'w': its data are said to be in '../"));
    CHECK(contains(error_at("a/../../secret"), "a file in the model's folder was expected"));
    CHECK(contains(error_at((elsewhere / "secret").string()), "a file in the model's folder was expected"));
    CHECK(contains(error_at(""), "a file in the model's folder was expected"));
    CHECK(contains(error_at("link"), "a link that leads out of the model's folder"));
    CHECK(contains(error_at("folder/secret"), "a link that leads out of the model's folder"));
    CHECK(contains(error_at("."), "no file"));
    CHECK(contains(error_at("absent"), "tensor 'w': its data are in 'absent', which cannot be read"));
    CHECK(contains(error_of([&] { read_onnx(read_file(net.folder / "net.onnx"), "memory"); }),
                   "cannot read \"memory\": tensor 'w': its data are in another file, 'absent'"));
}

TEST_CASE("files that are too short, or whose tensors fill memory, are refused") {
    OutsideWeights net;
    net.folder.write("weights.bin", net.bytes().substr(0, 100));
    CHECK(contains(net.error(), "tensor 'w': its 120 bytes at 3 of 'weights.bin' are missing: the file has 100 bytes"));
    net.folder.write("weights.bin", net.bytes());
    net.entry("length", "116");
    CHECK(contains(net.error(), "(6, 5) holds 29 values"));
    net.entry("length", "12x");
    CHECK(contains(net.error(), "its length in another file is '12x', a number was expected"));
    net.entry("length", "120");
    net.entry("offset", "18446744073709551615");
    CHECK(contains(net.error(), "are missing"));
    net.entry("offset", "3");
    auto& graph = *net.model.proto.mutable_graph();
    for (int i = 0; i < 20; ++i) {
        auto& copy = *graph.add_initializer();
        copy = graph.initializer(0);
        copy.set_name(formatted("w{}", i));
        const std::string output = formatted("y{}", i);
        net.model.node("MatMul", {"x", copy.name()}, {output}).output(output);
    }
    CHECK(contains(net.error(), "of files that hold 131"));
}

TEST_CASE("a network that one file cannot hold is written with a file beside it, and says so") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 40});
    const Tensor weights = random_tensor({30, 40}, 1);
    const ValueId bias = graph.add_parameter("b", random_tensor({30}, 2));
    graph.add_output(graph.add_node("y", Gemm{}, {x, graph.add_parameter("w", weights), bias}));
    const TemporaryFolder folder;
    std::string said;
    const auto write = [&](std::int64_t largest_file) {
        said.clear();
        const WarningListener listener([&](std::string_view, std::string_view sentence) { said = sentence; });
        write_onnx(Model{graph, {}, {}}, folder / "net.onnx", {.largest_file = largest_file});
    };
    write(10'000);
    CHECK(said.empty());
    CHECK_FALSE(std::filesystem::exists(folder / "net.onnx.data"));
    write(1'000);
    CHECK(contains(said, "net.onnx\" keeps its tensors in \""));
    CHECK(std::filesystem::file_size(folder / "net.onnx") < 1'000);
    CHECK(std::filesystem::file_size(folder / "net.onnx.data") == 2 * 4096);  // the bias stays in the network
    const Tensor input = random_tensor({3, 40}, 3);
    CHECK(same_bits(run(read_onnx(folder / "net.onnx").graph, input), run(graph, input)));

    // Written again, it replaces its data; a file of that name that belongs to something else is left alone.
    write(1'000);
    CHECK_FALSE(std::filesystem::exists(folder / "net.onnx.2.data"));
    folder.write("other.onnx.data", "of another");
    write_onnx(Model{graph, {}, {}}, folder / "other.onnx", {.largest_file = 1'000});
    CHECK(std::filesystem::file_size(folder / "other.onnx.data") == 10);
    CHECK(std::filesystem::file_size(folder / "other.onnx.2.data") == 2 * 4096);
    CHECK(same_bits(run(read_onnx(folder / "other.onnx").graph, input), run(graph, input)));
    write_onnx(Model{graph, {}, {}}, folder / "other.onnx", {.largest_file = 1'000});
    CHECK_FALSE(std::filesystem::exists(folder / "other.onnx.3.data"));

    CHECK(contains(error_of([&] {
                       write_onnx(Model{graph, {}, {}}, "/dev/null", {.largest_file = 1'000});
                   }),
                   "it is a device or a pipe"));
}
