#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

using namespace eigenbit::internal;

TEST_CASE("a reshape keeps the elements in their order") {
    const Tensor x = counted(Shape{2, 3, 4});
    const auto shape = [&](std::vector<std::int64_t> extents) {
        const Tensor y = output_of(Reshape{std::move(extents)}, {x});
        for (std::int64_t i = 0; i < 24; ++i) CHECK(y[i] == x[i]);
        return y.shape();
    };
    CHECK(shape({24}) == Shape{24});
    CHECK(shape({0, -1}) == Shape{2, 12});
    CHECK(shape({-1, 0, 2}) == Shape{4, 3, 2});
    CHECK(shape({0, 0, 0}) == Shape{2, 3, 4});
    CHECK(shape({3, -2, -4}) == Shape{3, 2, 4});  // -2 - axis
    CHECK(shape({-3, -1}) == Shape{3, 8});
    CHECK(shape({0, 1, -3, -4}) == Shape{2, 1, 3, 4});
    CHECK(shape({-4, -1}) == Shape{4, 6});
    CHECK(shape({1, 2, 3, 2, 2, 1}) == Shape{1, 2, 3, 2, 2, 1});
    CHECK(output_of(Reshape{{}}, {Tensor(Shape{1, 1})}).shape() == Shape{});
}

TEST_CASE("a batch of no images can be flattened") {
    const Tensor none(Shape{0, 4, 4, 3});
    CHECK(output_of(Reshape{{0, -1}}, {none}).shape() == Shape{0, 48});
    CHECK(output_of(Reshape{{-1, 48}}, {none}).shape() == Shape{0, 48});
    check_gradients({Reshape{{0, -1}}, {none}});
}

TEST_CASE("a reshape refuses extents that do not fit") {
    const Shape x{2, 3, 4};
    const std::string to = "Reshape to (";
    const std::string misfit = ") does not fit an input of shape (2, 3, 4).";
    CHECK(refusal(Reshape{{5, -1}}, {x}) == to + "5, -1" + misfit);
    CHECK(refusal(Reshape{{-1, -1}}, {x}) == to + "-1, -1" + misfit);
    CHECK(refusal(Reshape{{23}}, {x}) == to + "23" + misfit);
    CHECK(refusal(Reshape{{1, 1, 1, 0}}, {x}) == to + "1, 1, 1, 0" + misfit);
    CHECK(refusal(Reshape{{-5, 1}}, {x}) == to + "-5, 1" + misfit);
    CHECK(refusal(Reshape{{-2, -2, 12}}, {x}) == to + "-2, -2, 12" + misfit);
    CHECK(refusal(Reshape{{std::numeric_limits<std::int64_t>::min(), 12}}, {x}).find(misfit) != std::string::npos);
    CHECK(refusal(Reshape{{1, 1, 1, 1, 1, 1, 24}}, {x}) == "A tensor has 7 dimensions; at most 6 are supported.");
    CHECK_FALSE(refusal(Reshape{{std::int64_t{1} << 62, 4, -1}}, {x}).empty());
}

TEST_CASE("a transpose moves every element to its permuted position") {
    const Tensor matrix(Shape{2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
    CHECK(same_bits(output_of(Transpose{{1, 0}}, {matrix}), Tensor(Shape{3, 2}, std::vector<float>{1, 4, 2, 5, 3, 6})));

    const Shape shape{2, 3, 4, 5};
    const Tensor x = counted(shape);
    std::vector<int> permutation = {0, 1, 2, 3};
    do {
        const Tensor y = output_of(Transpose{permutation}, {x});
        std::array<std::int64_t, 4> at{};
        std::int64_t i = 0;
        for (at[0] = 0; at[0] < y.shape()[0]; ++at[0]) {
            for (at[1] = 0; at[1] < y.shape()[1]; ++at[1]) {
                for (at[2] = 0; at[2] < y.shape()[2]; ++at[2]) {
                    for (at[3] = 0; at[3] < y.shape()[3]; ++at[3]) {
                        std::array<std::int64_t, 4> from{};
                        for (std::size_t k = 0; k < 4; ++k) from[static_cast<std::size_t>(permutation[k])] = at[k];
                        REQUIRE(y[i++] == x[((from[0] * 3 + from[1]) * 4 + from[2]) * 5 + from[3]]);
                    }
                }
            }
        }
    } while (std::ranges::next_permutation(permutation).found);
}

TEST_CASE("a transpose refuses what is no permutation") {
    const Shape x{2, 3};
    CHECK(refusal(Transpose{{0}}, {x}) == "Transpose by (0) is no permutation of the axes of (2, 3).");
    CHECK(refusal(Transpose{{0, 0}}, {x}) == "Transpose by (0, 0) is no permutation of the axes of (2, 3).");
    CHECK(refusal(Transpose{{0, 2}}, {x}) == "Transpose by (0, 2) is no permutation of the axes of (2, 3).");
    CHECK(refusal(Transpose{{-1, 0}}, {x}) == "Transpose by (-1, 0) is no permutation of the axes of (2, 3).");
}

TEST_CASE("depth to space lays the channels of a pixel out as a block of pixels") {
    const Tensor x = counted(Shape{1, 1, 2, 8});  // two pixels of 8 channels
    const Tensor depth_first = output_of(DepthToSpace{.block = 2}, {x});
    CHECK(same_bits(depth_first, Tensor(Shape{1, 2, 4, 2}, std::vector<float>{0, 1, 2, 3, 8, 9, 10, 11,  //
                                                                              4, 5, 6, 7, 12, 13, 14, 15})));
    const Tensor column_first = output_of(DepthToSpace{.block = 2, .order = DepthToSpace::Order::column_first}, {x});
    CHECK(same_bits(column_first, Tensor(Shape{1, 2, 4, 2}, std::vector<float>{0, 4, 1, 5, 8, 12, 9, 13,  //
                                                                               2, 6, 3, 7, 10, 14, 11, 15})));
}

TEST_CASE("depth to space finds the channel that ONNX names for its order") {
    constexpr std::int64_t kBlock = 3;
    constexpr std::int64_t kChannels = 2;
    const Tensor x = counted(Shape{2, 2, 4, kChannels * kBlock * kBlock});
    for (const auto order : {DepthToSpace::Order::depth_first, DepthToSpace::Order::column_first}) {
        const Tensor y = output_of(DepthToSpace{kBlock, order}, {x});
        REQUIRE(y.shape() == Shape{2, 6, 12, kChannels});
        for (std::int64_t i = 0; i < y.elements(); ++i) {
            const std::int64_t c = i % kChannels;
            const std::int64_t column = i / kChannels % 12;
            const std::int64_t row = i / kChannels / 12;  // through both images
            const std::int64_t dy = row % kBlock;
            const std::int64_t dx = column % kBlock;
            const std::int64_t channel = order == DepthToSpace::Order::depth_first
                                             ? (dy * kBlock + dx) * kChannels + c
                                             : c * kBlock * kBlock + dy * kBlock + dx;
            REQUIRE(y[i] == x[(row / kBlock * 4 + column / kBlock) * 18 + channel]);
        }
    }
}

TEST_CASE("depth to space refuses channels that are no whole blocks") {
    CHECK(refusal(DepthToSpace{.block = 2}, {Shape{1, 2, 2, 6}})
          == "DepthToSpace with blocks of 2 × 2 takes an image batch whose channels are a multiple of that, not "
             "(1, 2, 2, 6).");
    CHECK_FALSE(refusal(DepthToSpace{.block = 0}, {Shape{1, 2, 2, 4}}).empty());
    CHECK_FALSE(refusal(DepthToSpace{.block = std::int64_t{1} << 32}, {Shape{1, 2, 2, 4}}).empty());
    CHECK_FALSE(refusal(DepthToSpace{.block = 2}, {Shape{2, 2, 4}}).empty());
}

TEST_CASE("the gradients of layout changes are those of their values") {
    check_gradients({Reshape{{3, -1}}, {random_tensor(Shape{2, 3, 5}, 1)}});
    check_gradients({Reshape{{}}, {random_tensor(Shape{1}, 1)}});
    check_gradients({Transpose{{}}, {random_tensor(Shape{}, 1)}});
    check_gradients({Transpose{{0}}, {random_tensor(Shape{7}, 1)}});
    check_gradients({Transpose{{2, 0, 3, 1}}, {random_tensor(Shape{2, 3, 4, 5}, 2)}});
    check_gradients({Transpose{{5, 3, 1, 0, 2, 4}}, {random_tensor(Shape{2, 1, 3, 2, 1, 4}, 3)}});
    for (const auto order : {DepthToSpace::Order::depth_first, DepthToSpace::Order::column_first}) {
        check_gradients({DepthToSpace{1, order}, {random_tensor(Shape{1, 1, 1, 1}, 4)}});
        check_gradients({DepthToSpace{2, order}, {random_tensor(Shape{2, 3, 2, 12}, 4)}});
        check_gradients({DepthToSpace{3, order}, {random_tensor(Shape{1, 1, 3, 9}, 5)}});
        check_gradients({DepthToSpace{2, order}, {Tensor(Shape{0, 3, 2, 12})}});
    }
}

TEST_CASE("layout changes do not depend on the number of threads") {
    check_thread_independence({Reshape{{-1}}, {random_tensor(Shape{7, 41, 253}, 6)}});
    check_thread_independence({Transpose{{0, 3, 1, 2}}, {random_tensor(Shape{5, 31, 33, 19}, 7)}});
    check_thread_independence({DepthToSpace{2}, {random_tensor(Shape{3, 31, 33, 20}, 8)}});
}
