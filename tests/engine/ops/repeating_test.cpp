#include "tests/engine/gradient_check.h"
#include "tests/error_of.h"

using namespace eigenbit::internal;

TEST_CASE("a gather reads positions in any order, some several times") {
    const Tensor x = counted(Shape{2, 3, 2});
    CHECK(same_bits(output_of(Gather{1, {2, 0, -1, 2}}, {x}),
                    Tensor(Shape{2, 4, 2}, std::vector<float>{4, 5, 0, 1, 4, 5, 4, 5, 10, 11, 6, 7, 10, 11, 10, 11})));
    CHECK(same_bits(output_of(Gather{0, {1}}, {x}), Tensor(Shape{1, 3, 2}, std::vector<float>{6, 7, 8, 9, 10, 11})));
    CHECK(same_bits(output_of(Gather{2, {-1, -2}}, {counted(Shape{1, 2, 2})}),
                    Tensor(Shape{1, 2, 2}, std::vector<float>{1, 0, 3, 2})));
    check_gradients({Gather{1, {2, 0, -1, 2}}, {random_tensor(Shape{2, 3, 4}, 1)}});
    check_gradients({Gather{3, {2, 0, 1}}, {random_tensor(Shape{2, 3, 4, 3}, 1)}});
    check_thread_independence({Gather{2, {5, 5, 7, 0}}, {random_tensor(Shape{30, 40, 9, 11}, 1)}});
    CHECK(refusal(Gather{1, {0, 3}}, {Shape{2, 3}})
          == "Gather reads position 3 along axis 1 of an input of shape (2, 3).");
    CHECK(refusal(Gather{1, {-4}}, {Shape{2, 3}})
          == "Gather reads position -4 along axis 1 of an input of shape (2, 3).");
    CHECK(refusal(Gather{2, {0}}, {Shape{2, 3}})
          == "Gather works on axis 2, which an input of shape (2, 3) does not have.");
}

TEST_CASE("a tile repeats along every axis") {
    CHECK(same_bits(output_of(Tile{{2, 1, 3}}, {counted(Shape{1, 2, 2})}),
                    Tensor(Shape{2, 2, 6}, std::vector<float>{0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3,
                                                              0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3})));
    CHECK(same_bits(output_of(Tile{{1, 2, 1}}, {counted(Shape{2, 2, 1})}),
                    Tensor(Shape{2, 4, 1}, std::vector<float>{0, 1, 0, 1, 2, 3, 2, 3})));
    CHECK(same_bits(output_of(Tile{{1, 1}}, {counted(Shape{2, 2})}), counted(Shape{2, 2})));
    CHECK(same_bits(output_of(Tile{{}}, {counted(Shape{})}), counted(Shape{})));
    for (const auto& repeats : {std::vector<std::int64_t>{1, 2, 1, 3}, {2, 1, 2, 1}, {1, 1, 1, 4}, {1, 1, 1, 1}}) {
        const Shape shape{2, 3, 1, 2};
        const Tensor x = counted(shape);
        const Tensor y = output_of(Tile{repeats}, {x});
        for (std::int64_t i = 0; i < y.elements(); ++i) {
            std::array<std::int64_t, 4> at{};
            std::int64_t rest = i;
            for (int axis = 3; axis >= 0; --axis) {
                at[static_cast<std::size_t>(axis)] = rest % y.shape()[axis] % shape[axis];
                rest /= y.shape()[axis];
            }
            CHECK(y[i] == x[((at[0] * 3 + at[1]) * 1 + at[2]) * 2 + at[3]]);
        }
        check_gradients({Tile{repeats}, {random_tensor(shape, 1)}});
    }
    check_thread_independence({Tile{{1, 2, 3, 1}}, {random_tensor(Shape{30, 10, 9, 11}, 1)}});
    CHECK(refusal(Tile{{1}}, {Shape{2, 3}}) == "Tile has 1 repeats for an input of shape (2, 3).");
    CHECK(refusal(Tile{{1, 0}}, {Shape{2, 3}})
          == "Tile repeats axis 1 of (2, 3) 0 times, 1 to 16777216 were expected.");
    CHECK_FALSE(refusal(Tile{{1 << 24, 1 << 24}}, {Shape{1 << 10, 1 << 10}}).empty());
    CHECK_FALSE(refusal(Tile{{1 << 24}}, {Shape{std::int64_t{1} << 40}}).empty());
}

TEST_CASE("blocks of pixels become channels, and channels blocks that need not be square") {
    const Tensor x = counted(Shape{2, 4, 6, 3});
    const Tensor deep = output_of(SpaceToDepth{2}, {x});
    CHECK(deep.shape() == Shape{2, 2, 3, 12});
    CHECK(deep[((1 * 3 + 2) * 12) + (1 * 2 + 0) * 3 + 1] == x[(3 * 6 + 4) * 3 + 1]);
    CHECK(same_bits(output_of(DepthToSpace{.block = 2}, {deep}), x));
    check_gradients({SpaceToDepth{2}, {random_tensor(Shape{1, 4, 6, 2}, 1)}});
    CHECK(refusal(SpaceToDepth{2}, {Shape{1, 4, 5, 3}})
          == "SpaceToDepth with blocks of 2 × 2 takes an image batch whose height and width are multiples of 2, not "
             "(1, 4, 5, 3).");

    for (const auto order : {DepthToSpace::Order::depth_first, DepthToSpace::Order::column_first}) {
        const DepthToSpace op{.block = 2, .order = order, .block_width = 3};
        const Tensor channels = counted(Shape{1, 2, 2, 12});
        const Tensor y = output_of(op, {channels});
        REQUIRE(y.shape() == Shape{1, 4, 6, 2});
        for (std::int64_t i = 0; i < y.elements(); ++i) {
            const std::int64_t c = i % 2, column = i / 2 % 6, row = i / 12;
            const std::int64_t phase = row % 2 * 3 + column % 3;
            const std::int64_t channel = order == DepthToSpace::Order::depth_first ? phase * 2 + c : c * 6 + phase;
            CHECK(y[i] == channels[(row / 2 * 2 + column / 3) * 12 + channel]);
        }
        check_gradients({op, {random_tensor(Shape{1, 2, 2, 12}, 1)}});
    }
    CHECK(refusal(DepthToSpace{.block = 2, .block_width = 3}, {Shape{1, 2, 2, 4}})
          == "DepthToSpace with blocks of 2 × 3 takes an image batch whose channels are a multiple of that, not "
             "(1, 2, 2, 4).");
}
