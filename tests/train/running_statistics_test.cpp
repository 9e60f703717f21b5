#include "train/running_statistics.h"

#include <doctest/doctest.h>

#include <array>

using namespace eigenbit::internal;

TEST_CASE("running statistics move a tenth of the way to the batch's mean and unbiased variance") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 1, 1, 2});
    const auto parameter = [&](float value) {
        return graph.add_parameter("p", Tensor(Shape{2}, std::array{value, value}));
    };
    const ValueId mean = parameter(0.5F);
    const ValueId variance = parameter(2.0F);
    const ValueId y = graph.add_node("bn", BatchNormalization{}, {x, parameter(1.0F), parameter(0.0F), mean, variance});
    graph.add_output(y);

    const Shape shape{3, 1, 1, 2};
    GraphExecutor session(graph, shape, {.training = true});
    const Tensor batch(shape, std::array{1.0F, 0.0F, 2.0F, 0.0F, 6.0F, 0.0F});
    session.run(batch);
    update_running_statistics(graph, session);
    // Channel 0: mean 3, unbiased variance (4 + 1 + 9) / 2 = 7. Channel 1: both 0.
    CHECK(graph.parameter(mean).values()[0] == doctest::Approx(0.9 * 0.5 + 0.1 * 3.0));
    CHECK(graph.parameter(variance).values()[0] == doctest::Approx(0.9 * 2.0 + 0.1 * 7.0));
    CHECK(graph.parameter(mean).values()[1] == doctest::Approx(0.45));
    CHECK(graph.parameter(variance).values()[1] == doctest::Approx(1.8));
}
