// The practical limit: the convolutions and fully-connected layers of a network in oneDNN, one after the other and
// nothing between them: onednn-bench NET.onnx float|int8 BATCH SECONDS, with OMP_NUM_THREADS threads. Prints the median
// of their sum in ms.

#include "engine/base/error.h"
#include "engine/formats/onnx/onnx.h"

#include <fmt/format.h>
#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

using namespace eigenbit::internal;
using Clock = std::chrono::steady_clock;
using Type = dnnl::memory::data_type;
using Layout = dnnl::memory::format_tag;

/// A primitive and what it reads and writes, in the layouts that it likes best.
struct Call {
    dnnl::primitive primitive;
    std::unordered_map<int, dnnl::memory> arguments;
};

class Layers {
  public:
    Layers(bool is_int8, const dnnl::engine& engine) : is_int8_(is_int8), engine_(engine) {}

    Call convolution(const Conv& conv, const Shape& x, const Shape& w, const Shape& y) const {
        const dnnl::memory::dims source{x[0], x[3], x[1], x[2]};
        const dnnl::memory::dims target{y[0], y[3], y[1], y[2]};
        const dnnl::memory::dims weights = conv.groups == 1
                                               ? dnnl::memory::dims{w[0], w[3], w[1], w[2]}
                                               : dnnl::memory::dims{conv.groups, w[0] / conv.groups, w[3], w[1], w[2]};
        const auto [top, left, bottom, right] = conv.padding;
        const dnnl::convolution_forward::desc description(
            dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, any(source, source_type()),
            any(weights, weight_type()), any(target, source_type()), {conv.stride[0], conv.stride[1]},
            {conv.dilation[0] - 1, conv.dilation[1] - 1}, {top, left}, {bottom, right});
        const dnnl::convolution_forward::primitive_desc details(description, engine_);
        return call(dnnl::convolution_forward(details), details);
    }

    Call fully_connected(const Shape& x, const Shape& w, const Shape& y) const {
        const dnnl::inner_product_forward::desc description(
            dnnl::prop_kind::forward_inference, any({x[0], x[1]}, source_type()), any({w[0], w[1]}, weight_type()),
            any({y[0], y[1]}, source_type()));
        const dnnl::inner_product_forward::primitive_desc details(description, engine_);
        return call(dnnl::inner_product_forward(details), details);
    }

  private:
    Type source_type() const { return is_int8_ ? Type::u8 : Type::f32; }
    Type weight_type() const { return is_int8_ ? Type::s8 : Type::f32; }
    static dnnl::memory::desc any(const dnnl::memory::dims& extents, Type type) { return {extents, type, Layout::any}; }

    template <typename Details>
    Call call(const dnnl::primitive& primitive, const Details& details) const {
        return {primitive,
                {{DNNL_ARG_SRC, dnnl::memory(details.src_desc(), engine_)},
                 {DNNL_ARG_WEIGHTS, dnnl::memory(details.weights_desc(), engine_)},
                 {DNNL_ARG_DST, dnnl::memory(details.dst_desc(), engine_)}}};
    }

    bool is_int8_;
    const dnnl::engine& engine_;
};

std::vector<Call> calls_of(const Graph& graph, std::int64_t batch, const Layers& layers) {
    const Shape input = input_shape(graph, batch);
    const std::vector<Shape> shapes = infer_shapes(graph, input);
    const auto shape = [&](ValueId value) { return shapes[static_cast<std::size_t>(value)]; };
    std::vector<Call> calls;
    for (const Node& node : graph.nodes()) {
        const Shape y = shape(node.outputs[0]);
        if (const auto* const conv = std::get_if<Conv>(&node.op)) {
            calls.push_back(layers.convolution(*conv, shape(node.inputs[0]), shape(node.inputs[1]), y));
        } else if (std::holds_alternative<Gemm>(node.op)) {
            calls.push_back(layers.fully_connected(shape(node.inputs[0]), shape(node.inputs[1]), y));
        }
    }
    return calls;
}

double median_milliseconds(std::vector<Call>& calls, double seconds, dnnl::stream& stream) {
    std::vector<double> times;
    const Clock::time_point start = Clock::now();
    for (int run = 0; times.size() < 5 || Clock::now() - start < std::chrono::duration<double>(seconds); ++run) {
        const Clock::time_point begin = Clock::now();
        for (Call& call : calls) call.primitive.execute(stream, call.arguments);
        stream.wait();
        if (run >= 3) times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    }
    std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
    return times[times.size() / 2];
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 5) fail("usage: onednn-bench NET.onnx float|int8 BATCH SECONDS");
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    dnnl::stream stream(engine);
    const Model model = read_onnx(argv[1]);
    std::vector<Call> calls =
        calls_of(model.graph, std::stoll(argv[3]), Layers(argv[2] == std::string("int8"), engine));
    fmt::print("{}\n", median_milliseconds(calls, std::stod(argv[4]), stream));
    return 0;
} catch (const std::exception& error) {
    fmt::print(stderr, "onednn-bench: {}\n", error.what());
    return 1;
}
