#include "engine/executor/graph_executor.h"
#include "train/sgd.h"

#include <doctest/doctest.h>

#include <array>

using namespace eigenbit::internal;

namespace {

/// y = w · x + b with one weight and one bias: the gradient of y is x for w and 1 for b.
struct Line {
    Graph graph;
    ValueId w, b;

    Line() {
        const ValueId x = graph.add_input("x", Shape{1, 1});
        w = graph.add_parameter("w", Tensor(Shape{1, 1}, std::array{2.0F}));
        b = graph.add_parameter("b", Tensor(Shape{1}, std::array{1.0F}));
        graph.add_output(graph.add_node("y", Gemm{}, {x, w, b}));
    }

    float weight() const { return graph.parameter(w).values()[0]; }
    float bias() const { return graph.parameter(b).values()[0]; }

    /// Steps along the gradients for x = 3, 1, 1 …
    void take_steps(int steps, const Sgd::Options& options) {
        Sgd sgd({{"w", &graph.parameter(w).values()},
                 {.name = "b", .values = &graph.parameter(b).values(), .learning_rate_scale = 2.0, .decays = false}},
                options);
        const Shape shape{1, 1};
        GraphExecutor session(graph, shape, {.training = true, .gradients = {w, b}});
        const Tensor one(shape, std::array{1.0F});
        for (int step = 0; step < steps; ++step) {
            const Tensor x(shape, std::array{step < 1 ? 3.0F : 1.0F});
            session.run(x);
            session.backward(one);
            sgd.step(std::array{session.gradient(w), session.gradient(b)}, 0.1);
        }
    }
};

}  // namespace

TEST_CASE("momentum follows PyTorch's rule") {
    Line line;
    line.take_steps(2, {.momentum = 0.5});
    // w: v = 3, w = 2 − 0.3 = 1.7; v = 0.5 · 3 + 1 = 2.5, w = 1.45.
    CHECK(line.weight() == doctest::Approx(1.45));
    // b, at twice the learning rate: v = 1, 0.8; v = 1.5, 0.5.
    CHECK(line.bias() == doctest::Approx(0.5));
}

TEST_CASE("Nesterov's momentum looks one step ahead") {
    Line line;
    line.take_steps(2, {.momentum = 0.5, .nesterov = true});
    // w: v = 3, w = 2 − 0.1 · (3 + 1.5) = 1.55; v = 2.5, w = 1.55 − 0.1 · (1 + 1.25) = 1.325.
    CHECK(line.weight() == doctest::Approx(1.325));
}

TEST_CASE("weight decay pulls at what decays") {
    Line line;
    line.take_steps(1, {.momentum = 0.0, .weight_decay = 0.5});
    CHECK(line.weight() == doctest::Approx(2.0 - 0.1 * (3.0 + 0.5 * 2.0)));
    CHECK(line.bias() == doctest::Approx(0.8));
}

TEST_CASE("running statistics are not trained") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 4});
    const ValueId scale = graph.add_parameter("scale", Tensor(Shape{4}));
    const ValueId bias = graph.add_parameter("bias", Tensor(Shape{4}));
    const ValueId mean = graph.add_parameter("mean", Tensor(Shape{4}));
    const ValueId variance = graph.add_parameter("variance", Tensor(Shape{4}));
    graph.add_output(graph.add_node("bn", BatchNormalization{}, {x, scale, bias, mean, variance}));
    CHECK(trainable_parameters(graph) == std::vector<ValueId>{scale, bias});
}
