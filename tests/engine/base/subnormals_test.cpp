#include "engine/base/subnormals.h"
#include "engine/executor/graph_executor.h"
#include "engine/program/inference.h"
#include "tests/engine/network_run.h"

#include <doctest/doctest.h>
#include <tbb/parallel_for.h>

#include <atomic>
#include <cfenv>
#include <limits>
#include <stdexcept>

using namespace eigenbit::internal;

#if defined(__SSE__) || defined(__aarch64__)

namespace {

/// Whether this thread takes subnormal operands and results for 0.
bool flushes() {
    volatile float tiny = 1e-40F;
    volatile float least = std::numeric_limits<float>::min();
    return tiny * 0x1p100F == 0.0F && least * 0.5F == 0.0F;
}

bool keeps() {
    volatile float tiny = 1e-40F;
    volatile float least = std::numeric_limits<float>::min();
    return tiny * 0x1p100F != 0.0F && least * 0.5F != 0.0F;
}

/// In how many of 1000 tasks on all threads.
int tasks_in_which(bool (*predicate)()) {
    std::atomic<int> count = 0;
    tbb::parallel_for(0, 1000, [&](int) {
        for (int i = 0; i < 1000; ++i) {
            if (!predicate()) return;
        }
        ++count;
    });
    return count;
}

/// Puts out its bias, one value a channel, the second of which is subnormal.
Graph dead_channel() {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 64, 64, 3});
    const ValueId weight = graph.add_parameter("weight", Tensor(Shape{2, 1, 1, 3}));
    Tensor bias(Shape{2});
    bias[0] = 1.0F;
    bias[1] = 1e-40F;
    graph.add_output(graph.add_node("conv", Conv{}, {x, weight, graph.add_parameter("bias", bias)}));
    return graph;
}

bool second_channel_is_zero(ConstView y) {
    for (std::int64_t i = 1; i < y.elements(); i += 2) {
        if (y[i] != 0.0F || y[i - 1] != 1.0F) return false;
    }
    return true;
}

}  // namespace

TEST_CASE("subnormals are 0 inside, in loops on all threads, and as before outside") {
    REQUIRE(keeps());
    // First of all, because the threads of oneTBB keep the rounding of whoever starts them.
    REQUIRE(tasks_in_which(keeps) == 1000);
    std::fesetround(FE_UPWARD);
    flush_subnormals_in([] {
        CHECK(flushes());
        CHECK(std::fegetround() == FE_UPWARD);
        CHECK(tasks_in_which(flushes) == 1000);
        flush_subnormals_in([] { CHECK(tasks_in_which(flushes) == 1000); });
        CHECK(flushes());
    });
    CHECK(keeps());
    CHECK(std::fegetround() == FE_UPWARD);
    std::fesetround(FE_TONEAREST);
    CHECK(tasks_in_which(keeps) == 1000);
    CHECK_THROWS_AS(flush_subnormals_in([] { throw std::runtime_error("x"); }), std::runtime_error);
    CHECK(keeps());
}

TEST_CASE("networks are computed without subnormals, which leaves the caller's modes alone") {
    const Graph graph = dead_channel();
    const Tensor x(Shape{2, 64, 64, 3});
    Inference inference(graph, std::array{x.shape()}, Execution::float32);
    CHECK(second_channel_is_zero(inference.run(x)));
    CHECK(keeps());
    CHECK(second_channel_is_zero(run(graph, x)));
    CHECK(keeps());
}

TEST_CASE("gradients are computed without subnormals") {
    const Graph graph = dead_channel();
    const ValueId weight = graph.nodes().front().inputs[1];
    GraphExecutor session(graph, std::array{Shape{1, 64, 64, 3}}, {.gradients = {weight}});
    Tensor x(Shape{1, 64, 64, 3});
    std::ranges::fill(x.values(), 1.0F);
    session.run(x);
    Tensor gradient(Shape{1, 64, 64, 2});
    std::ranges::fill(gradient.values(), 1e-40F);
    session.backward(gradient);
    for (const float value : session.gradient(weight).values()) CHECK(value == 0.0F);
    CHECK(keeps());
}

#endif
