#include "engine/base/error.h"
#include "engine/base/tensor.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

using namespace eigenbit::internal;

TEST_CASE("a new tensor is aligned and zero") {
    const Tensor tensor(Shape{2, 3, 5, 7});
    CHECK(reinterpret_cast<std::uintptr_t>(tensor.data()) % 64 == 0);
    for (const float value : tensor.values()) CHECK(value == 0.0F);
}

TEST_CASE("a copied tensor owns its values, a moved one takes them along") {
    Tensor original(Shape{2}, std::array{1.0F, 2.0F});
    Tensor copy = original;
    copy[0] = 9.0F;
    CHECK(original[0] == 1.0F);
    const Tensor moved = std::move(copy);
    CHECK(moved[0] == 9.0F);
}

TEST_CASE("a large tensor, mapped by itself, is like a small one") {
    constexpr std::int64_t kElements = (std::int64_t{5} << 20) / 4 + 3;
    Tensor original(Shape{kElements});
    CHECK(reinterpret_cast<std::uintptr_t>(original.data()) % 64 == 0);
    CHECK(std::ranges::all_of(original.values(), [](float value) { return value == 0.0F; }));
    original[kElements - 1] = 1.0F;
    Tensor copy = original;
    copy[kElements - 1] = 9.0F;
    CHECK(original[kElements - 1] == 1.0F);
    original = std::move(copy);
    CHECK(original[kElements - 1] == 9.0F);
    original = Tensor(Shape{1});
    CHECK(original[0] == 0.0F);
}

TEST_CASE("a view's slice starts at its item and keeps the inner shape") {
    Tensor tensor(Shape{3, 2}, std::array{0.0F, 1.0F, 2.0F, 3.0F, 4.0F, 5.0F});
    const View slice = tensor.view().slice(1, 3);
    CHECK(slice.shape == Shape{2, 2});
    CHECK(slice[0] == 2.0F);
}

TEST_CASE("shapes that cannot be are refused") {
    CHECK_THROWS_AS(Shape({1, -2}), Error);
    CHECK_THROWS_AS(Shape({1, 1, 1, 1, 1, 1, 1}), Error);
    CHECK_THROWS_AS(Shape({std::int64_t{1} << 31, std::int64_t{1} << 31, 4}), Error);
    CHECK_THROWS_AS(Shape({0, std::int64_t{1} << 31, std::int64_t{1} << 31}), Error);
    CHECK_THROWS_AS(Tensor(Shape{3}, std::array{1.0F}), Error);
    Tensor tensor(Shape{6});
    tensor.reshape(Shape{2, 3});
    CHECK_THROWS_AS(tensor.reshape(Shape{4}), Error);
}

TEST_CASE("a shape prints as a tuple") { CHECK(to_string(Shape{1, 32, 32, 3}) == "(1, 32, 32, 3)"); }
