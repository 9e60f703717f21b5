#include "engine/kernels/int8/int16_runs.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

using namespace eigenbit::internal;

namespace {

constexpr std::int64_t kLanes = 3;

using Quads = std::vector<std::int8_t>;  // (quads, kLanes, 4)

/// The magnitude of the largest sum of one pair's products of quads begin … end-1 with the worst inputs.
int largest_word(const Quads& weights, std::size_t begin, std::size_t end) {
    int largest = 0;
    for (std::size_t pair = 0; pair < 2 * kLanes; ++pair) {
        int above = 0;
        int below = 0;
        for (std::size_t quad = begin; quad < end; ++quad) {
            for (const std::size_t which : {0, 1}) {
                const int weight = weights[(quad * kLanes * 2 + pair) * 2 + which];
                (weight > 0 ? above : below) += 255 * weight;
            }
        }
        largest = std::max({largest, above, -below});
    }
    return largest;
}

std::vector<InputRun> input_runs(const std::vector<std::int32_t>& input_quads) {
    std::vector<InputRun> inputs;
    for (const std::int32_t quads : input_quads) inputs.push_back({0, 0, 0, quads});
    return inputs;
}

std::vector<std::uint8_t> runs_of(const std::vector<std::int32_t>& input_quads, const Quads& weights,
                                  std::uint8_t longest = 255) {
    return int16_runs(input_runs(input_quads), weights.data(), kLanes, longest);
}

}  // namespace

TEST_CASE("runs of words are as long as all their sums fit and as they may be, and end where inputs do") {
    std::mt19937 random(2);
    for (const auto& [largest, longest] : {std::pair<int, std::uint8_t>{1, 255},
                                           {3, 255},
                                           {20, 255},
                                           {20, 2},
                                           {64, 255},
                                           {64, 2},
                                           {90, 255},
                                           {127, 255}}) {
        CAPTURE(largest);
        CAPTURE(longest);
        const std::vector<std::int32_t> input_quads{5, 40, 1, 300};
        Quads weights(346 * kLanes * 4);
        std::uniform_int_distribution<int> draw(-largest, largest);
        for (std::int8_t& weight : weights) weight = static_cast<std::int8_t>(draw(random));
        std::size_t quad = 0;
        std::size_t input_end = 0;
        auto input = input_quads.begin();
        const std::vector<std::uint8_t> runs = runs_of(input_quads, weights, longest);
        for (auto run = runs.begin(); run != runs.end(); ++run) {
            if (quad == input_end) input_end += static_cast<std::size_t>(*input++);
            if (*run == 0) {
                for (std::size_t count = *++run; count > 0; --count, ++quad) {
                    CHECK(largest_word(weights, quad, quad + 1) > INT16_MAX);
                }
            } else {
                CHECK(*run <= longest);
                CHECK(largest_word(weights, quad, quad + *run) <= INT16_MAX);
                quad += *run;
                if (quad < input_end && *run < longest) CHECK(largest_word(weights, quad - *run, quad + 1) > INT16_MAX);
            }
            CHECK(quad <= input_end);
        }
        CHECK(quad == 346);
    }
}

TEST_CASE("weights of up to 64 never exceed a word, and weights of 0 make the longest runs") {
    CHECK(runs_of({2}, Quads(2 * kLanes * 4, 64)) == std::vector<std::uint8_t>{1, 1});
    CHECK(runs_of({2}, Quads(2 * kLanes * 4, -64)) == std::vector<std::uint8_t>{1, 1});
    CHECK(runs_of({2}, Quads(2 * kLanes * 4, 65)) == std::vector<std::uint8_t>{0, 2});
    CHECK(runs_of({300}, Quads(300 * kLanes * 4, 127)) == std::vector<std::uint8_t>{0, 255, 0, 45});
    CHECK(runs_of({300}, Quads(300 * kLanes * 4, 0)) == std::vector<std::uint8_t>{255, 45});
    CHECK(runs_of({5}, Quads(5 * kLanes * 4, 0), 2) == std::vector<std::uint8_t>{2, 2, 1});
    CHECK(runs_of({}, {}).empty());
}

TEST_CASE("short runs say how many of two, of one and of quads that do not fit follow, in turn, for each input run") {
    const auto counts_of = [](const std::vector<std::int32_t>& input_quads, const Quads& weights) {
        return int16_pair_runs(input_runs(input_quads), weights.data(), kLanes);
    };
    using Counts = std::vector<std::uint8_t>;
    CHECK(counts_of({5, 1, 2}, Quads(8 * kLanes * 4, 32)) == Counts{2, 1, 0, 0, 1, 0, 1, 0, 0});
    CHECK(counts_of({4}, Quads(4 * kLanes * 4, 64)) == Counts{0, 4, 0});
    CHECK(counts_of({3}, Quads(3 * kLanes * 4, 65)) == Counts{0, 0, 3});
    CHECK(counts_of({600}, Quads(600 * kLanes * 4, 0)) == Counts{255, 0, 0, 45, 0, 0});
    CHECK(counts_of({300}, Quads(300 * kLanes * 4, 65)) == Counts{0, 0, 255, 0, 0, 45});
    Quads mixed(6 * kLanes * 4, 32);
    std::fill_n(mixed.begin() + 2 * kLanes * 4, kLanes * 4, std::int8_t{33});
    std::fill_n(mixed.begin() + 4 * kLanes * 4, kLanes * 4, std::int8_t{-65});
    CHECK(counts_of({6}, mixed) == Counts{1, 2, 1, 0, 1, 0});
    CHECK(counts_of({}, {}).empty());
}
