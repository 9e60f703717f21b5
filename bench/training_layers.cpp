#include "bench/training_layers.h"

#include "bench/machine_peak.h"
#include "bench/training_step.h"
#include "engine/base/random.h"

#include <fmt/format.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <array>

namespace eigenbit::internal {
namespace {

constexpr int kRuns = 5;

template <typename Run>
double best_seconds(const Run& run) {
    run();
    double best = 1e9;
    for (int i = 0; i < kRuns; ++i) {
        const double start = thread_seconds();
        run();
        best = std::min(best, thread_seconds() - start);
    }
    return best;
}

Tensor normal_numbers(const Shape& shape) {
    Tensor tensor(shape);
    Random random({2});
    std::ranges::generate(tensor.values(), [&] { return static_cast<float>(random.normal()); });
    return tensor;
}

std::vector<Shape> shapes_of(const std::vector<ConstView>& views) {
    std::vector<Shape> shapes;
    for (const ConstView& view : views) shapes.push_back(view.shape);
    return shapes;
}

struct LayerTimes {
    double forward = 0.0, input_gradient = 0.0, weight_gradient = 0.0;

    double sum() const { return forward + input_gradient + weight_gradient; }
};

LayerTimes time_layer(const Node& node, const GraphExecutor& session, bool needs_input_gradient) {
    std::vector<ConstView> inputs;
    for (const ValueId input : node.inputs) inputs.push_back(session.value(input));
    Tensor y(session.value(node.outputs[0]).shape);
    const std::array<View, 1> outputs{y.view()};
    WeightCache cache;
    LayerTimes times;
    times.forward = best_seconds([&] {
        cache.current = false;
        forward(node.op, {.inputs = inputs, .outputs = outputs, .saved = {}, .training = true, .cache = &cache});
    });
    const Tensor dy = normal_numbers(y.shape());
    const std::array<ConstView, 1> output_gradients{dy.view()};
    Tensor workspace(Shape{backward_workspace(node.op, shapes_of(inputs))});
    const auto time_gradient = [&](std::size_t input) {
        Tensor gradient(inputs[input].shape);
        std::vector<View> gradients(inputs.size());
        gradients[input] = gradient;
        return best_seconds([&] {
            backward(node.op, {.inputs = inputs,
                               .outputs = {},
                               .saved = {},
                               .output_gradients = output_gradients,
                               .input_gradients = gradients,
                               .overwrites = {true, true, true},
                               .workspace = workspace,
                               .training = true,
                               .cache = &cache});
        });
    };
    if (needs_input_gradient) times.input_gradient = time_gradient(0);
    times.weight_gradient = time_gradient(1);
    return times;
}

}  // namespace

void print_layer_times(Graph graph, std::int64_t batch, std::int64_t classes) {
    const tbb::global_control one_thread(tbb::global_control::max_allowed_parallelism, 1);
    TrainingStep step(graph, batch, classes);
    const double whole = best_seconds([&] { step.run(); });
    const double peak = fma_peak();
    const std::vector<Shape> shapes = infer_shapes(graph, std::vector{input_shape(graph, batch)});
    const auto share = [&](double flops, double seconds) {
        return seconds > 0.0 ? flops / seconds * 1e-9 / peak : 0.0;
    };
    LayerTimes all;
    double all_flops = 0.0;
    double all_work = 0.0;
    fmt::print("{:<24}{:>28}{:>20}{:>20}\n", "ms, share of FMA limit", "forward", "input gradient", "weight gradient");
    for (const Node& node : graph.nodes()) {
        if (!std::holds_alternative<Conv>(node.op)) continue;
        const bool first = node.inputs[0] == graph.inputs().front().value;
        const LayerTimes times = time_layer(node, step.session(), !first);
        const double flops = 2.0 * static_cast<double>(multiply_accumulates(node, shapes));
        fmt::print("{:<24}", node.name);
        fmt::print("{:>22.2f} {:>5.2f}", times.forward * 1e3, share(flops, times.forward));
        fmt::print("{:>14.2f} {:>5.2f}", times.input_gradient * 1e3, share(flops, times.input_gradient));
        fmt::print("{:>14.2f} {:>5.2f}\n", times.weight_gradient * 1e3, share(flops, times.weight_gradient));
        all.forward += times.forward;
        all.input_gradient += times.input_gradient;
        all.weight_gradient += times.weight_gradient;
        all_flops += flops;
        all_work += first ? 2.0 * flops : 3.0 * flops;
    }
    fmt::print("{:<24}{:>22.2f} {:>5.2f}{:>14.2f} {:>5.2f}{:>14.2f} {:>5.2f}\n", "all convolutions", all.forward * 1e3,
               share(all_flops, all.forward), all.input_gradient * 1e3, share(all_flops, all.input_gradient),
               all.weight_gradient * 1e3, share(all_flops, all.weight_gradient));
    fmt::print("{:<24}{:>22.2f}\n", "everything else", (whole - all.sum()) * 1e3);
    fmt::print("{:<24}{:>22.2f} {:>5.2f}\n", "step", whole * 1e3, share(all_work, whole));
    fmt::print("{:.1f} images/s on one thread; FMA limit {:.1f} GFLOP/s\n", static_cast<double>(batch) / whole, peak);
}

}  // namespace eigenbit::internal
