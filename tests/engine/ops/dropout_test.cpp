#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

using namespace eigenbit::internal;

namespace {

Tensor multipliers(float probability, const Shape& shape, std::uint64_t seed) {
    return OperatorRun{Dropout{probability}, {random_tensor(shape, 1)}, true, seed}.forward().saved;
}

}  // namespace

TEST_CASE("dropout passes everything on when it does not train") {
    const Tensor x = random_tensor(Shape{3, 5, 7}, 1);
    CHECK(same_bits(output_of(Dropout{0.9F}, {x}), x));
}

TEST_CASE("dropout zeroes the share of elements it is asked to, and scales the others to keep the mean") {
    for (const float probability : {0.0F, 0.1F, 0.5F, 0.9F}) {
        OperatorRun run{Dropout{probability}, {random_tensor(Shape{400, 251}, 2, 1.0F, 2.0F)}, true};
        run.forward();
        std::int64_t dropped = 0;
        for (std::int64_t i = 0; i < run.inputs[0].elements(); ++i) {
            const float kept = run.inputs[0][i] * (1.0F / (1.0F - probability));
            REQUIRE((run.outputs[0][i] == 0.0F || run.outputs[0][i] == kept));
            if (run.outputs[0][i] == 0.0F) ++dropped;
        }
        const double share = static_cast<double>(dropped) / static_cast<double>(run.inputs[0].elements());
        CHECK(std::abs(share - static_cast<double>(probability)) < 0.006);  // 4 standard deviations
    }
}

TEST_CASE("dropout draws by its seed: the same again, other ones otherwise") {
    const Shape shape{1000};
    CHECK(same_bits(multipliers(0.5F, shape, 7), multipliers(0.5F, shape, 7)));
    const Tensor first = multipliers(0.5F, shape, 7);
    const Tensor second = multipliers(0.5F, shape, 8);
    int equal = 0;
    for (std::int64_t i = 0; i < 1000; ++i) equal += first[i] == second[i] ? 1 : 0;
    CHECK(std::abs(equal - 500) < 80);
    int repeated = 0;  // neither do the blocks that are drawn together repeat each other
    for (std::int64_t i = 0; i < 500; ++i) repeated += first[i] == first[i + 256] ? 1 : 0;
    CHECK(std::abs(repeated - 250) < 60);
}

TEST_CASE("the gradients of dropout are those of its values") {
    for (const bool training : {false, true}) {
        for (const Shape& shape : {Shape{}, Shape{1}, Shape{2, 3, 5, 7}, Shape{0, 3}}) {
            check_gradients({Dropout{0.4F}, {random_tensor(shape, 3)}, training});
        }
    }
}

TEST_CASE("dropout does not depend on the number of threads") {
    check_thread_independence({Dropout{0.5F}, {random_tensor(Shape{5, 37, 401}, 4)}, true});
}

TEST_CASE("dropout refuses a probability that leaves nothing") {
    const auto refusal = [](float probability) {
        return error_of([&] { infer_shapes(Dropout{probability}, std::vector{Shape{2}}); });
    };
    CHECK(refusal(0.0F).empty());
    CHECK(refusal(1.0F) == "Dropout has the probability 1, expected at least 0 and less than 1.");
    CHECK(refusal(-0.5F) == "Dropout has the probability -0.5, expected at least 0 and less than 1.");
    CHECK_FALSE(refusal(std::numeric_limits<float>::quiet_NaN()).empty());
}
