#include "compress/allocation/allocation.h"
#include "engine/base/random.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>

#include <cmath>

namespace eigenbit::internal {
namespace {

Curve random_curve(Random& random, std::size_t candidates) {
    Curve curve{{.quantizer = {}, .bits = 0.0, .distortion = 4.0 * random.uniform()}};
    for (std::size_t i = 1; i < candidates; ++i) {
        curve.push_back({.quantizer = {.bit_depth = static_cast<int>(i), .step = 1.0F},
                         .bits = 10.0 * random.uniform(),
                         .distortion = 4.0 * random.uniform()});
    }
    return curve;
}

/// Rows of T in two blocks; where there is a basis, its columns in the same two.
TransformCurves random_layer(Random& random, bool basis) {
    TransformCurves layer;
    layer.factorization.coefficients = Tensor(Shape{3, 1, 4});
    layer.factorization.block_axis = Axis::row;
    layer.blocks = {{Block::kCoefficients, 0, 2}, {Block::kCoefficients, 2, 4}};
    if (basis) {
        layer.factorization.bases.push_back({Axis::row, Matrix::identity(4), true});
        layer.blocks.push_back({0, 0, 2});
        layer.blocks.push_back({0, 2, 4});
    }
    for (std::size_t i = 0; i < layer.blocks.size(); ++i) layer.curves.push_back(random_curve(random, 4));
    return layer;
}

struct Cost {
    double bits = 0.0;
    double distortion = 0.0;
};

/// What one combination of candidates costs; nothing when rows vanish without the columns that meet them or the other
/// way round.
std::optional<Cost> cost_of(const TransformCurves& layer, const std::vector<std::size_t>& candidates) {
    Cost cost;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        const bool columns = i >= 2;
        if (columns && (candidates[i] == 0) != (candidates[i - 2] == 0)) return std::nullopt;
        if (columns && candidates[i] == 0) continue;  // the product vanishes once
        cost.bits += layer.curves[i][candidates[i]].bits;
        cost.distortion += layer.curves[i][candidates[i]].distortion;
    }
    return cost;
}

double cheapest_of_all(const LayerAlternatives& options, double lambda) {
    double best = 1e300;
    for (const TransformCurves& layer : options) {
        const std::size_t blocks = layer.blocks.size();
        const auto combinations = static_cast<std::size_t>(std::pow(4.0, static_cast<double>(blocks)));
        for (std::size_t combination = 0; combination < combinations; ++combination) {
            std::vector<std::size_t> candidates;
            for (std::size_t i = 0, rest = combination; i < blocks; ++i, rest /= 4) candidates.push_back(rest % 4);
            if (const auto cost = cost_of(layer, candidates)) {
                best = std::min(best, cost->distortion + lambda * cost->bits);
            }
        }
    }
    return best;
}

std::vector<LayerAlternatives> random_problem(std::uint64_t seed) {
    Random random({seed});
    std::vector<LayerAlternatives> layers(3);
    for (LayerAlternatives& options : layers) {
        options.push_back(random_layer(random, false));
        options.push_back(random_layer(random, true));
        options.push_back(random_layer(random, true));
    }
    return layers;
}

}  // namespace

TEST_CASE("The allocation is the best of all combinations of transforms and candidates") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const std::vector<LayerAlternatives> layers = random_problem(seed);
        for (const double lambda : {1e-3, 0.03, 0.1, 0.3, 1.0, 10.0}) {
            const Allocation allocation = allocate(layers, lambda);
            REQUIRE(allocation.layers.size() == layers.size());
            for (std::size_t i = 0; i < layers.size(); ++i) {
                const LayerChoice& choice = allocation.layers[i];
                const auto cost = cost_of(layers[i][choice.option], choice.candidates);
                REQUIRE(cost.has_value());
                CHECK(choice.bits == doctest::Approx(cost->bits));
                CHECK(choice.distortion == doctest::Approx(cost->distortion));
                CHECK(choice.distortion + lambda * choice.bits == doctest::Approx(cheapest_of_all(layers[i], lambda)));
            }
        }
    }
}

TEST_CASE("When rate costs more than any distortion, everything is zero and free") {
    const std::vector<LayerAlternatives> layers = random_problem(1);
    const Allocation allocation = allocate(layers, 1e6);
    CHECK(allocation.bits() == 0.0);
    for (const LayerChoice& layer : allocation.layers) {
        for (const std::size_t candidate : layer.candidates) CHECK(candidate == 0);
    }
}

TEST_CASE("A smaller λ never spends less, and never distorts more") {
    const std::vector<LayerAlternatives> layers = random_problem(2);
    double bits = 0.0;
    double distortion = 1e300;
    for (double lambda = 64.0; lambda > 1e-6; lambda *= 0.8) {
        const Allocation allocation = allocate(layers, lambda);
        CHECK(allocation.bits() >= bits - 1e-9);
        CHECK(allocation.distortion() <= distortion + 1e-9);
        bits = allocation.bits();
        distortion = allocation.distortion();
    }
}

TEST_CASE("The rate that is reached is never above the target, and the next λ would be") {
    const std::vector<LayerAlternatives> layers = random_problem(3);
    const auto bits = [](const Allocation& allocation) { return allocation.bits(); };
    double before = 0.0;
    for (double target = 0.0; target < 60.0; target += 2.5) {
        const Allocation allocation = allocate_within(layers, target, bits);
        CHECK(allocation.bits() <= target);
        CHECK(allocation.bits() >= before);
        before = allocation.bits();
        const Allocation finer = allocate(layers, allocation.lambda * (1.0 - 1e-9));
        CHECK((finer.bits() > target || allocation.lambda < 1e-17));
    }
}

TEST_CASE("Where a transform changes at one λ, what it leaves of the target goes to finer steps") {
    // Under its second transform the layer costs 100 bits more at once; the first has finer steps up to 60 bits.
    const auto curves = [](std::initializer_list<std::pair<double, double>> points) {
        TransformCurves layer;
        layer.blocks.push_back({});
        layer.curves.emplace_back();
        for (const auto& [bits, distortion] : points) {
            layer.curves.front().push_back({.quantizer = {}, .bits = bits, .distortion = distortion});
        }
        return layer;
    };
    const std::vector<LayerAlternatives> layers{
        {curves({{0.0, 100.0}, {20.0, 50.0}, {40.0, 45.0}, {60.0, 43.0}}), curves({{0.0, 100.0}, {120.0, 1.0}})}};
    const Allocation allocation = allocate_within(layers, 50.0, [](const Allocation& a) { return a.bits(); });
    CHECK(allocation.layers.front().option == 0);
    CHECK(allocation.bits() == 40.0);
}

TEST_CASE("A target that cannot be met is refused with the smallest possible") {
    const std::vector<LayerAlternatives> layers = random_problem(4);
    const std::string refusal = error_of([&] {
        allocate_within(layers, 100.0, [](const Allocation& allocation) { return 250.0 + allocation.bits(); });
    });
    CHECK(refusal == "The target of 100 cannot be met: the smallest possible is 250.");
}

}  // namespace eigenbit::internal
