#include "compress/curves/candidates.h"
#include "engine/coding/level_coder.h"
#include "tests/compress/small_networks.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

namespace eigenbit::internal {
namespace {

std::vector<float> normal_values(std::size_t count, float deviation) {
    Random random({5});
    std::vector<float> values(count);
    for (float& value : values) value = deviation * static_cast<float>(random.normal());
    return values;
}

double mean_squared_error(const std::vector<float>& values, const Quantizer& quantizer) {
    std::vector<float> errors(values.size());
    quantization_errors(values, quantizer, errors);
    double sum = 0.0;
    for (const float error : errors) sum += static_cast<double>(error) * error;
    return sum / static_cast<double>(values.size());
}

bool on_quarter_octaves(float step) {
    const float place = 4.0F * std::log2(step);
    return std::abs(place - std::round(place)) < 1e-3F;
}

/// The least D + λ·bits of all candidates, D being the squared error of all values.
double least_cost(const std::vector<float>& values, const CandidateOptions& options, double lambda) {
    double least = INFINITY;
    for (const Candidate& candidate : candidates(values, options)) {
        const double error = static_cast<double>(values.size()) * mean_squared_error(values, candidate.quantizer);
        least = std::min(least, error + lambda * candidate.bits);
    }
    return least;
}

}  // namespace

TEST_CASE("At low rates a dead zone beats plain rounding in D + λ·bits") {
    Random random({9});
    std::vector<float> values(8000);
    // Laplace-distributed with deviation 1.
    for (float& value : values) {
        const double magnitude = -std::log(1.0 - random.uniform()) / std::sqrt(2.0);
        value = static_cast<float>(random.coin() ? magnitude : -magnitude);
    }
    for (const double lambda : {0.1, 0.2, 0.4}) {
        CAPTURE(lambda);
        const double plain = least_cost(values, {.dead_zones = false}, lambda);
        CHECK(least_cost(values, {.dead_zones = true}, lambda) < 0.995 * plain);
    }
}

TEST_CASE("Every curve begins with all zero, and values that are zero have nothing else") {
    const CandidateOptions options;
    const Curve curve = candidates(normal_values(100, 0.1F), options);
    CHECK(curve.front().quantizer == Quantizer{});
    CHECK(curve.front().bits == 0.0);
    CHECK(curve.size() > 1);
    CHECK(candidates(std::vector<float>(100, 0.0F), options).size() == 1);
    CHECK(candidates(std::vector<float>(100, 1e-9F), options).size() == 1);
}

TEST_CASE("Fixed coding counts R bits a value, and its grid of steps surrounds the best step of every depth") {
    const std::vector<float> values = normal_values(4000, 0.07F);
    const Curve curve = candidates(values, {.coding = Coding::fixed});
    std::map<int, std::vector<double>> errors;
    for (const Candidate& candidate : curve) {
        if (candidate.quantizer.bit_depth == 0 || candidate.quantizer.offset != 0.0F) continue;
        CHECK(candidate.bits == 4000.0 * candidate.quantizer.bit_depth + kSideInformationBits);
        CHECK(on_quarter_octaves(candidate.quantizer.step));
        errors[candidate.quantizer.bit_depth].push_back(mean_squared_error(values, candidate.quantizer));
    }
    CHECK(errors.size() == 8);
    double coarser = 1.0;
    for (const auto& [depth, of_depth] : errors) {
        CAPTURE(depth);
        CHECK(of_depth.size() == 14);
        const auto best = std::ranges::min_element(of_depth);
        CHECK(*best < coarser);
        coarser = *best;
        CHECK(best != of_depth.begin());
        if (depth > 1) CHECK(best != of_depth.end() - 1);
    }
}

TEST_CASE("At one to three bits levels around zero and around the mean are tried when asked for") {
    std::vector<float> values = normal_values(4000, 1.0F);
    const auto best_error = [&](int depth, bool offsets) {
        double best = INFINITY;
        for (const Candidate& candidate : candidates(values, {.coding = Coding::fixed, .offsets = offsets})) {
            if (candidate.quantizer.bit_depth != depth) continue;
            best = std::min(best, mean_squared_error(values, candidate.quantizer));
        }
        return best;
    };
    // Best mean squared errors of uniform quantizers with 2 and 4 levels for a normal density: Max 1960, table 2.
    CHECK(best_error(1, true) == doctest::Approx(0.3634).epsilon(0.05));
    CHECK(best_error(2, true) == doctest::Approx(0.1188).epsilon(0.05));
    CHECK(best_error(1, false) > 1.5 * best_error(1, true));
    CHECK(best_error(2, false) > 1.1 * best_error(2, true));
    CHECK(best_error(5, false) == best_error(5, true));

    for (float& value : values) value += 1.5F;
    CHECK(best_error(1, true) == doctest::Approx(0.3634).epsilon(0.05));
    CHECK(best_error(1, false) > 1.5 * best_error(1, true));
}

TEST_CASE("An offset that is neither zero nor a half costs what storing it takes") {
    std::vector<float> values = normal_values(100, 1.0F);
    for (float& value : values) value += 2.0F;
    for (const Candidate& candidate : candidates(values, {.coding = Coding::fixed})) {
        const float offset = candidate.quantizer.offset;
        if (candidate.quantizer.bit_depth == 0) {
            CHECK(candidate.bits == 0.0);
            continue;
        }
        const double side = kSideInformationBits + (offset == 0.0F || offset == 0.5F ? 0.0 : 32.0);
        CHECK(candidate.bits == 100.0 * candidate.quantizer.bit_depth + side);
    }
}

TEST_CASE("Entropy coding counts what levels are estimated to take and the block's side information") {
    const std::vector<float> values = normal_values(500, 0.2F);
    const Curve curve = candidates(values, {.coding = Coding::entropy});
    std::vector<std::int16_t> levels(values.size());
    for (std::size_t i = 1; i < curve.size(); ++i) {
        CHECK(on_quarter_octaves(curve[i].quantizer.step));
        quantize(values, curve[i].quantizer, levels);
        CHECK(curve[i].bits == doctest::Approx(estimated_bits(levels) + kSideInformationBits));
    }
    const Curve plain = candidates(values, {.coding = Coding::entropy, .dead_zones = false});
    CHECK(curve.size() - 1 == 4 * (plain.size() - 1));
}

}  // namespace eigenbit::internal
