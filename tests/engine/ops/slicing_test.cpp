#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

using namespace eigenbit::internal;

namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

Tensor vector(const std::vector<float>& values) {
    return Tensor(Shape{static_cast<std::int64_t>(values.size())}, values);
}

}  // namespace

TEST_CASE("a slice selects what the rules of ONNX say") {
    const Tensor x = counted(Shape{5});
    const auto expect = [&](std::int64_t begin, std::int64_t end, std::int64_t step, const std::vector<float>& values) {
        CHECK(same_bits(output_of(Slice{{{begin, end, step}}}, {x}), vector(values)));
    };
    expect(0, kMost, 1, {0, 1, 2, 3, 4});
    expect(1, 4, 1, {1, 2, 3});
    expect(1, 4, 2, {1, 3});
    expect(-2, kMost, 1, {3, 4});
    expect(-100, -3, 1, {0, 1});
    expect(3, 100, 1, {3, 4});
    expect(4, 1, 1, {});
    expect(7, 9, 1, {});
    expect(0, 5, kMost, {0});
    expect(-1, kLeast, -1, {4, 3, 2, 1, 0});
    expect(kMost, kLeast, -2, {4, 2, 0});
    expect(3, 0, -1, {3, 2, 1});
    expect(3, -5, -1, {3, 2, 1});
    expect(1, 4, -1, {});
    expect(-100, kLeast, -1, {0});
    expect(4, kLeast, kLeast, {4});
    CHECK(same_bits(output_of(Slice{{{}, {-1, kLeast, -1}}}, {counted(Shape{2, 3})}),
                    Tensor(Shape{2, 3}, std::vector<float>{2, 1, 0, 5, 4, 3})));
    CHECK(output_of(Slice{{{0, 5, 1}, {2, 0, -1}}}, {Tensor(Shape{0, 3})}).shape() == Shape{0, 2});
    CHECK(output_of(Slice{{{2, 0, -1}}}, {Tensor(Shape{0})}).shape() == Shape{0});
}

TEST_CASE("a slice refuses ranges that do not fit its input") {
    CHECK(refusal(Slice{{{}}}, {Shape{2, 3}}) == "Slice has 1 ranges for an input of shape (2, 3).");
    CHECK(refusal(Slice{{{}, {0, 3, 0}}}, {Shape{2, 3}}) == "Slice has the step 0 along axis 1.");
}

TEST_CASE("concat lays its inputs one after the other along the axis") {
    const Tensor a(Shape{2, 2}, std::vector<float>{1, 2, 3, 4});
    const Tensor b(Shape{2, 1}, std::vector<float>{5, 6});
    CHECK(same_bits(output_of(Concat{1}, {a, b, a}),
                    Tensor(Shape{2, 5}, std::vector<float>{1, 2, 5, 1, 2, 3, 4, 6, 3, 4})));
    CHECK(same_bits(output_of(Concat{0}, {a, a}), Tensor(Shape{4, 2}, std::vector<float>{1, 2, 3, 4, 1, 2, 3, 4})));
    CHECK(same_bits(output_of(Concat{1}, {Tensor(Shape{2, 0}), a}), a));
}

TEST_CASE("split is the inverse of concat") {
    for (const int axis : {0, 1, 2, 3}) {
        std::vector<Tensor> parts;
        Split split{axis, {}};
        for (const std::int64_t size : {3, 1, 0, 4}) {
            Shape shape{2, 3, 4, 5};
            shape[axis] = size;
            parts.push_back(random_tensor(shape, static_cast<std::uint64_t>(size)));
            split.sizes.push_back(size);
        }
        const OperatorRun run = OperatorRun{split, {output_of(Concat{axis}, parts)}}.forward();
        REQUIRE(run.outputs.size() == parts.size());
        for (std::size_t i = 0; i < parts.size(); ++i) CHECK(same_bits(run.outputs[i], parts[i]));
    }
}

TEST_CASE("concat and split refuse shapes that do not fit") {
    CHECK(refusal(Concat{1}, {}) == "Concat takes at least 1 input.");
    CHECK(refusal(Concat{2}, {Shape{2, 3}}) == "Concat works on axis 2, which an input of shape (2, 3) does not have.");
    CHECK(refusal(Concat{-1}, {Shape{2, 3}})
          == "Concat works on axis -1, which an input of shape (2, 3) does not have.");
    CHECK(refusal(Concat{1}, {Shape{2, 3}, Shape{3, 3}})
          == "Concat along axis 1 cannot join the shapes (2, 3) and (3, 3).");
    CHECK(refusal(Concat{1}, {Shape{2, 3}, Shape{2, 3, 1}})
          == "Concat along axis 1 cannot join the shapes (2, 3) and (2, 3, 1).");
    const auto sizes_refused = [&](std::vector<std::int64_t> sizes, const std::string& text) {
        CHECK(refusal(Split{1, std::move(sizes)}, {Shape{2, 3}})
              == "Split along axis 1 into parts of (" + text + ") does not fit the shape (2, 3).");
    };
    sizes_refused({1, 1}, "1, 1");
    sizes_refused({2, 2}, "2, 2");
    sizes_refused({}, "");
    sizes_refused({4, -1}, "4, -1");
    sizes_refused({kMost, kMost}, "9223372036854775807, 9223372036854775807");
    CHECK(refusal(Split{2, {1}}, {Shape{2, 3}})
          == "Split works on axis 2, which an input of shape (2, 3) does not have.");
}

TEST_CASE("padding adds what its mode says") {
    const Tensor x = vector({1, 2, 3});
    const auto expect = [&](const Pad& pad, const std::vector<float>& values) {
        CHECK(same_bits(output_of(pad, {x}), vector(values)));
    };
    expect({.before = {2}, .after = {1}, .value = 7}, {7, 7, 1, 2, 3, 7});
    expect({.before = {2}, .after = {1}, .mode = Pad::Mode::reflect}, {3, 2, 1, 2, 3, 2});
    expect({.before = {2}, .after = {1}, .mode = Pad::Mode::edge}, {1, 1, 1, 2, 3, 3});
    expect({.before = {2}, .after = {1}, .mode = Pad::Mode::wrap}, {2, 3, 1, 2, 3, 1});
    expect({.before = {5}, .after = {4}, .mode = Pad::Mode::wrap}, {2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1});
    expect({.before = {0}, .after = {0}}, {1, 2, 3});
    const Tensor image(Shape{1, 2, 2, 1}, std::vector<float>{1, 2, 3, 4});
    CHECK(same_bits(output_of(Pad{.before = {0, 1, 0, 1}, .after = {0, 0, 1, 0}, .value = 9}, {image}),
                    Tensor(Shape{1, 3, 3, 2}, std::vector<float>{9, 9, 9, 9, 9, 9,  //
                                                                 9, 1, 9, 2, 9, 9,  //
                                                                 9, 3, 9, 4, 9, 9})));
    CHECK(same_bits(output_of(Pad{.before = {}, .after = {}}, {Tensor(Shape{}, std::vector<float>{5})}),
                    Tensor(Shape{}, std::vector<float>{5})));
}

TEST_CASE("every padded element comes from the position its mode says, along every axis") {
    const Shape shape{2, 3, 2, 4};
    const Tensor x = counted(shape);
    Random random({1});
    for (int trial = 0; trial < 100; ++trial) {
        const std::array modes = {Pad::Mode::constant, Pad::Mode::reflect, Pad::Mode::edge, Pad::Mode::wrap};
        Pad pad{.before = {}, .after = {}, .mode = modes[static_cast<std::size_t>(random.below(4))], .value = -1.0F};
        for (int axis = 0; axis < 4; ++axis) {
            const std::int64_t bound = pad.mode == Pad::Mode::reflect ? shape[axis] : 4;
            pad.before.push_back(random.coin() ? random.below(bound) : 0);
            pad.after.push_back(random.coin() ? random.below(bound) : 0);
        }
        const Tensor y = output_of(pad, {x});
        for (std::int64_t i = 0; i < y.elements(); ++i) {
            std::int64_t rest = i;
            std::int64_t from = 0;
            std::int64_t stride = 1;
            bool inside = true;
            for (int axis = 3; axis >= 0; --axis) {
                std::int64_t p = rest % y.shape()[axis] - pad.before[static_cast<std::size_t>(axis)];
                rest /= y.shape()[axis];
                const std::int64_t last = shape[axis] - 1;
                if (pad.mode == Pad::Mode::constant) inside = inside && p >= 0 && p <= last;
                if (pad.mode == Pad::Mode::edge) p = std::clamp<std::int64_t>(p, 0, last);
                if (pad.mode == Pad::Mode::wrap) p = (p + 4 * shape[axis]) % shape[axis];
                if (pad.mode == Pad::Mode::reflect) p = last - std::abs(last - std::abs(p));
                from += p * stride;
                stride *= shape[axis];
            }
            REQUIRE(y[i] == (inside ? x[from] : -1.0F));
        }
    }
}

TEST_CASE("padding refuses amounts that do not fit its input") {
    CHECK(refusal(Pad{.before = {1}, .after = {1}}, {Shape{2, 3}})
          == "Pad has amounts for 1 and 1 axes for an input of shape (2, 3).");
    CHECK(refusal(Pad{.before = {-1}, .after = {0}}, {Shape{3}}) == "Pad by -1 along axis 0 is out of range.");
    CHECK(refusal(Pad{.before = {0}, .after = {kMost}}, {Shape{3}})
          == "Pad by 9223372036854775807 along axis 0 is out of range.");
    CHECK(refusal(Pad{.before = {3}, .after = {0}, .mode = Pad::Mode::reflect}, {Shape{3}})
          == "Pad by 3 along axis 0 needs at least 4 elements there, found 3.");
    CHECK(refusal(Pad{.before = {1}, .after = {0}, .mode = Pad::Mode::edge}, {Shape{0}})
          == "Pad by 1 along axis 0 needs at least 1 elements there, found 0.");
    CHECK(output_of(Pad{.before = {0, 1}, .after = {2, 1}, .value = 3}, {Tensor(Shape{0, 2})}).shape() == Shape{2, 4});
}

TEST_CASE("the gradients of slices, joints and paddings are those of their values") {
    const Tensor x = random_tensor(Shape{2, 3, 5, 4}, 2);
    check_gradients({Slice{{{}, {0, 2, 1}, {kMost, kLeast, -2}, {1, 4, 2}}}, {x}});
    check_gradients({Slice{{{}, {}, {}, {1, 3, 1}}}, {x}});
    check_gradients({Slice{{{}, {5, 9, 1}, {}, {}}}, {x}});
    check_gradients({Slice{{}}, {random_tensor(Shape{}, 1)}});
    for (const int axis : {0, 1, 2, 3}) {
        Shape other = x.shape();
        other[axis] = 1;
        check_gradients({Concat{axis}, {x, random_tensor(other, 3), x}});
        check_gradients({Split{axis, {1, 0, x.shape()[axis] - 1}}, {x}});
    }
    for (const auto mode : {Pad::Mode::constant, Pad::Mode::reflect, Pad::Mode::edge, Pad::Mode::wrap}) {
        check_gradients({Pad{.before = {0, 0, 0, 0}, .after = {0, 0, 0, 0}, .mode = mode}, {x}});
        check_gradients({Pad{.before = {0, 0, 0, 3}, .after = {0, 0, 0, 2}, .mode = mode}, {x}});
        check_gradients({Pad{.before = {0, 1, 3, 0}, .after = {0, 2, 0, 0}, .mode = mode}, {x}});
        check_gradients({Pad{.before = {1, 1, 2, 0}, .after = {0, 2, 4, 1}, .mode = mode}, {x}});
        check_gradients({Pad{.before = {0, 1}, .after = {0, 1}, .mode = mode}, {Tensor(Shape{0, 2})}});
    }
}

TEST_CASE("slices, joints and paddings do not depend on the number of threads") {
    const Tensor x = random_tensor(Shape{5, 31, 33, 19}, 4);
    check_thread_independence({Slice{{{}, {0, kMost, 2}, {-1, kLeast, -1}, {3, 17, 1}}}, {x}});
    check_thread_independence({Concat{3}, {x, x}});
    check_thread_independence({Split{3, {7, 12}}, {x}});
    for (const auto mode : {Pad::Mode::constant, Pad::Mode::reflect, Pad::Mode::edge, Pad::Mode::wrap}) {
        check_thread_independence({Pad{.before = {0, 1, 1, 0}, .after = {0, 2, 1, 3}, .mode = mode}, {x}});
    }
}
