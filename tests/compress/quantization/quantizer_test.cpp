#include "compress/quantization/quantizer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <vector>

namespace eigenbit::internal {
namespace {

/// Every value that quantizing numbers between -100 and 100 can give.
std::set<float> levels(const Quantizer& quantizer) {
    std::vector<float> values;
    for (int i = -4000; i <= 4000; ++i) values.push_back(0.025F * static_cast<float>(i));
    std::vector<float> errors(values.size());
    quantization_errors(values, quantizer, errors);
    std::set<float> result;
    for (std::size_t i = 0; i < values.size(); ++i) {
        result.insert(std::round((values[i] + errors[i]) * 1024.0F) / 1024.0F);
    }
    return result;
}

std::vector<std::int16_t> levels(std::vector<float> values, const Quantizer& quantizer) {
    std::vector<std::int16_t> result(values.size());
    quantize(values, quantizer, result);
    return result;
}

}  // namespace

TEST_CASE("A block of R bits has the 2^R levels of equation 5, with depth 0 the one level 0") {
    CHECK(levels({.bit_depth = 0, .step = 0.5F}) == std::set{0.0F});
    CHECK(levels({.bit_depth = 1, .step = 0.5F}) == std::set{-0.5F, 0.0F});
    CHECK(levels({.bit_depth = 2, .step = 0.5F}) == std::set{-1.0F, -0.5F, 0.0F, 0.5F});
    for (int depth = 1; depth <= 8; ++depth) {
        const std::set<float> found = levels({.bit_depth = depth, .step = 0.5F});
        CHECK(found.size() == std::size_t{1} << depth);
        CHECK(*found.begin() == -0.5F * std::exp2(static_cast<float>(depth - 1)));
        CHECK(*found.rbegin() == 0.5F * (std::exp2(static_cast<float>(depth - 1)) - 1.0F));
    }
}

TEST_CASE("An offset of half a step puts levels on both sides of zero") {
    CHECK(levels({.bit_depth = 1, .step = 0.5F, .offset = 0.5F}) == std::set{-0.25F, 0.25F});
    CHECK(levels({.bit_depth = 2, .step = 0.5F, .offset = 0.5F}) == std::set{-0.75F, -0.25F, 0.25F, 0.75F});
}

TEST_CASE("Values go to the nearest level") {
    const Quantizer quantizer{.bit_depth = 3, .step = 2.0F};
    CHECK(levels({0.9F, 1.1F, -0.9F, -1.1F, 2.9F, 100.0F, -100.0F}, quantizer)
          == std::vector<std::int16_t>{0, 1, 0, -1, 1, 3, -4});
    const Quantizer unclipped{.bit_depth = Quantizer::kUnclipped, .step = 0.01F};
    CHECK(levels({100.0F, -100.0F}, unclipped) == std::vector<std::int16_t>{10000, -10000});
}

TEST_CASE("A dead zone moves values between two levels to the one nearer to zero") {
    const Quantizer quantizer{.bit_depth = Quantizer::kUnclipped, .step = 1.0F, .dead_zone = 0.2F};
    CHECK(levels({0.69F, 0.71F, -0.69F, -0.71F, 1.69F, 1.71F}, quantizer)
          == std::vector<std::int16_t>{0, 1, 0, -1, 1, 2});
}

TEST_CASE("Errors are what quantizing adds") {
    const std::vector<float> values{0.3F, -0.8F, 5.0F};
    std::vector<float> errors(3);
    quantization_errors(values, {.bit_depth = 2, .step = 1.0F}, errors);
    CHECK(errors[0] == doctest::Approx(-0.3F));
    CHECK(errors[1] == doctest::Approx(-0.2F));
    CHECK(errors[2] == doctest::Approx(-4.0F));
    quantization_errors(values, {}, errors);
    for (std::size_t i = 0; i < values.size(); ++i) CHECK(errors[i] == -values[i]);
}

}  // namespace eigenbit::internal
