#include "engine/base/error.h"
#include "engine/base/random.h"
#include "engine/coding/bit_packing.h"
#include "engine/coding/level_coder.h"
#include "engine/coding/level_statistics.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

using namespace eigenbit::internal;

namespace {

std::vector<std::int16_t> random_levels(std::int64_t count, int bit_depth, Random& random) {
    std::vector<std::int16_t> levels(static_cast<std::size_t>(count));
    const int offset = 1 << (bit_depth - 1);
    for (std::int16_t& index : levels) index = static_cast<std::int16_t>(random.below(2 * offset) - offset);
    return levels;
}

/// Laplacian values of this mean magnitude, rounded.
std::vector<std::int16_t> laplacian_levels(std::int64_t count, double mean_magnitude, Random& random) {
    std::vector<std::int16_t> levels(static_cast<std::size_t>(count));
    for (std::int16_t& index : levels) {
        const double magnitude = -mean_magnitude * std::log(1.0 - random.uniform());
        index = static_cast<std::int16_t>(std::lround(random.coin() ? magnitude : -magnitude));
    }
    return levels;
}

double entropy_bits(std::span<const std::int16_t> levels) {
    std::vector<double> counts(1 << 16);
    for (const int index : levels) ++counts[static_cast<std::size_t>(index + (1 << 15))];
    double bits = 0.0;
    for (const double count : counts) {
        if (count > 0.0) bits -= count * std::log2(count / static_cast<double>(levels.size()));
    }
    return bits;
}

std::vector<std::uint8_t> encode(const BlockLayout& layout, std::span<const std::int16_t> levels) {
    LevelEncoder encoder;
    encoder.write(layout, levels);
    return std::move(encoder).finish();
}

std::vector<std::int16_t> decode(const BlockLayout& layout, std::span<const std::uint8_t> stream) {
    std::vector<std::int16_t> levels(static_cast<std::size_t>(layout.elements()));
    LevelDecoder decoder(stream);
    decoder.read(layout, levels);
    CHECK(decoder.at_end());
    return levels;
}

}  // namespace

TEST_CASE("levels of every bit depth and length survive packing") {
    Random random({1});
    for (int depth = 1; depth <= 16; ++depth) {
        for (std::int64_t length = 0; length <= 130; ++length) {
            const std::vector<std::int16_t> levels = random_levels(length, depth, random);
            const std::vector<std::uint8_t> packed = pack_levels(levels, depth);
            CHECK(static_cast<std::int64_t>(packed.size()) == packed_bytes(length, depth));
            std::vector<std::int16_t> unpacked(levels.size());
            CHECK(unpack_levels(packed, depth, unpacked));
            CHECK(unpacked == levels);
        }
    }
}

TEST_CASE("packed bits lie lowest first, and those after the last index are 0") {
    CHECK(pack_levels(std::vector<std::int16_t>{-2, 1, 0}, 2) == std::vector<std::uint8_t>{0b00'10'11'00});
    CHECK(pack_levels(std::vector<std::int16_t>{-32768, 32767}, 16) == std::vector<std::uint8_t>{0, 0, 0xFF, 0xFF});
    std::vector<std::int16_t> levels(3);
    CHECK_FALSE(unpack_levels(std::vector<std::uint8_t>{0b01'10'11'00}, 2, levels));
}

TEST_CASE("a block is stored channel by channel, kernels tap by tap") {
    std::vector<std::int16_t> parameter(2 * 2 * 3 * 4);  // (O, KH, KW, I)
    std::iota(parameter.begin(), parameter.end(), std::int16_t{0});
    const Shape shape{2, 2, 3, 4};

    const BlockLayout inputs(shape, 3, 1, 3);
    CHECK(inputs.channels() == 2);
    CHECK(inputs.kernels() == 2);
    CHECK(inputs.taps() == 6);
    CHECK(inputs.kernel_width() == 3);
    const std::vector<std::int16_t> first_channel{1, 5, 9, 13, 17, 21, 25, 29, 33, 37, 41, 45};
    const std::vector<std::int16_t> stored = inputs.gather(parameter);
    CHECK(std::equal(first_channel.begin(), first_channel.end(), stored.begin()));

    const std::vector<std::int16_t> outputs = BlockLayout(shape, 0, 1, 2).gather(parameter);
    const std::vector<std::int16_t> first_kernel{24, 28, 32, 36, 40, 44, 25};
    CHECK(std::equal(first_kernel.begin(), first_kernel.end(), outputs.begin()));

    const BlockLayout rows(Shape{6, 8}, 1, 2, 5);
    CHECK(rows.kernels() == 6);
    CHECK(rows.taps() == 1);
    CHECK(rows.gather(parameter)
          == std::vector<std::int16_t>{2, 10, 18, 26, 34, 42, 3, 11, 19, 27, 35, 43, 4, 12, 20, 28, 36, 44});

    const BlockLayout taps(Shape{2, 1, 4, 3}, 2, 1, 3);
    CHECK(taps.channels() == 2);
    CHECK(taps.kernels() == 3);
    CHECK(taps.taps() == 2);
    CHECK(taps.kernel_width() == 2);
    CHECK(taps.gather(parameter) == std::vector<std::int16_t>{3, 6, 4, 7, 5, 8, 15, 18, 16, 19, 17, 20});
}

TEST_CASE("scattering a gathered block puts every index back") {
    Random random({2});
    for (const Shape& shape : {Shape{5}, Shape{3, 7}, Shape{30, 21}, Shape{4, 3, 5}, Shape{3, 2, 3, 4},
                               Shape{21, 3, 3, 26}, Shape{2, 3, 1, 2, 4}}) {
        const std::vector<std::int16_t> parameter = random_levels(shape.elements(), 8, random);
        for (int axis = 0; axis < shape.rank(); ++axis) {
            for (const std::int64_t channels : {2, 19}) {
                std::vector<std::int16_t> copy(parameter.size(), -1);
                for (std::int64_t begin = 0; begin < shape[axis]; begin += channels) {
                    const BlockLayout layout(shape, axis, begin, std::min(begin + channels, shape[axis]));
                    layout.scatter(layout.gather(parameter), 0, copy);
                }
                CHECK(copy == parameter);
            }
        }
    }
}

TEST_CASE("levels of every bit depth and length survive entropy coding") {
    Random random({3});
    for (int depth = 1; depth <= 16; ++depth) {
        for (std::int64_t length = 1; length <= 130; ++length) {
            const BlockLayout layout(Shape{length}, 0, 0, length);
            const std::vector<std::int16_t> levels = random_levels(length, depth, random);
            CHECK(decode(layout, encode(layout, levels)) == levels);
        }
    }
}

TEST_CASE("extreme levels survive entropy coding") {
    const BlockLayout layout(Shape{6}, 0, 0, 6);
    for (const std::vector<std::int16_t>& levels :
         {std::vector<std::int16_t>{0, 0, 0, 0, 0, 0}, {-32768, 32767, -32768, 0, 0, 1}, {0, 0, 0, 0, 0, -32768}}) {
        CHECK(decode(layout, encode(layout, levels)) == levels);
    }
}

TEST_CASE("blocks of many shapes share a stream, and what each costs adds up to its length") {
    Random random({4});
    LevelEncoder encoder;
    std::vector<BlockLayout> layouts;
    std::vector<std::vector<std::int16_t>> blocks;
    double bits = 0.0;
    for (const Shape& shape : {Shape{16, 3, 3, 8}, Shape{8, 5, 1, 3}, Shape{40, 30}, Shape{7}, Shape{2, 3, 4}}) {
        for (const double magnitude : {0.05, 0.5, 3.0, 40.0, 3000.0}) {
            const int axis = shape.rank() - 1;
            const std::vector<std::int16_t> parameter = laplacian_levels(shape.elements(), magnitude, random);
            layouts.emplace_back(shape, axis, 0, shape[axis]);
            blocks.push_back(layouts.back().gather(parameter));
            const std::int64_t position = encoder.write(layouts.back(), blocks.back());
            bits += coded_bits(parameter, shape, axis);
            CHECK(std::abs(static_cast<double>(position) - bits) <= 1.0);
        }
    }
    const std::vector<std::uint8_t> stream = std::move(encoder).finish();
    CHECK(8.0 * static_cast<double>(stream.size()) >= bits);
    CHECK(8.0 * static_cast<double>(stream.size()) < bits + 64.0);
    LevelDecoder decoder(stream);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        std::vector<std::int16_t> levels(blocks[i].size());
        CHECK_FALSE(decoder.at_end());
        decoder.read(layouts[i], levels);
        CHECK(levels == blocks[i]);
    }
    CHECK(decoder.at_end());

    LevelDecoder again(stream);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const std::int64_t filter = layouts[i].kernels() * layouts[i].taps();
        std::vector<std::int16_t> memory(
            static_cast<std::size_t>(std::min<std::int64_t>(2, layouts[i].channels()) * filter));
        std::vector<std::int16_t> levels;
        again.read(layouts[i], memory, [&](std::int64_t channel, std::span<const std::int16_t> part) {
            CHECK(channel * filter == std::ssize(levels));
            levels.insert(levels.end(), part.begin(), part.end());
        });
        CHECK(levels == blocks[i]);
    }
    CHECK(again.at_end());
}

TEST_CASE("entropy coding comes within 3 % of the entropy of memoryless levels, small blocks included") {
    Random random({5});
    for (const double magnitude : {0.3, 1.0, 3.0, 10.0}) {
        for (const std::int64_t count : {1'000, 10'000, 100'000}) {
            const std::vector<std::int16_t> levels = laplacian_levels(count, magnitude, random);
            const double ratio = coded_bits(levels, Shape{count / 10, 10}, 1) / entropy_bits(levels);
            CHECK(ratio < (count == 1'000 ? 1.06 : 1.03));
            CHECK(ratio > 0.98);
        }
    }
}

TEST_CASE("kernels whose neighbouring taps are alike cost less than their entropy") {
    Random random({6});
    const Shape shape{64, 3, 3, 16};
    std::vector<std::int16_t> levels(static_cast<std::size_t>(shape.elements()));
    for (std::int64_t o = 0; o < shape[0]; ++o) {
        for (std::int64_t i = 0; i < shape[3]; ++i) {
            const double mean = 1.5 * random.normal();
            for (std::int64_t tap = 0; tap < 9; ++tap) {
                levels[static_cast<std::size_t>((o * 9 + tap) * shape[3] + i)] =
                    static_cast<std::int16_t>(std::lround(mean + random.normal()));
            }
        }
    }
    CHECK(coded_bits(levels, shape, 3) < 0.93 * entropy_bits(levels));
    CHECK(coded_bits(levels, shape, 0) < 0.93 * entropy_bits(levels));
}

TEST_CASE("the fast estimate is close for levels without order") {
    Random random({7});
    for (const double magnitude : {0.2, 1.0, 5.0}) {
        for (const std::int64_t count : {300, 3'000, 30'000}) {
            const std::vector<std::int16_t> levels = laplacian_levels(count, magnitude, random);
            const double exact = coded_bits(levels, Shape{count}, 0);
            CHECK(estimated_bits(levels) == doctest::Approx(exact).epsilon(0.04));
        }
    }
}

TEST_CASE("the coder's bytes never change") {
    Random random({8});
    std::vector<std::int16_t> levels(16 * 9 * 8);
    for (std::int16_t& index : levels) index = static_cast<std::int16_t>((std::popcount(random.bits()) - 32) / 2);
    const BlockLayout layout(Shape{16, 3, 3, 8}, 3, 0, 8);
    std::uint64_t hash = 14695981039346656037U;  // FNV-1a
    const std::vector<std::uint8_t> stream = encode(layout, layout.gather(levels));
    for (const std::uint8_t byte : stream) hash = (hash ^ byte) * 1099511628211U;
    CHECK(stream.size() == 430);
    CHECK(hash == 12764239408728261505U);
}

TEST_CASE("any bytes decode to something or say that a level is too large") {
    Random random({9});
    int errors = 0;
    for (int i = 0; i < 2'000; ++i) {
        std::vector<std::uint8_t> stream(static_cast<std::size_t>(random.below(60)));
        const bool extreme = random.coin();
        for (std::uint8_t& byte : stream) byte = extreme ? 0xFF : static_cast<std::uint8_t>(random.below(256));
        constexpr std::size_t kHead = 15;
        if (stream.size() >= kHead && random.coin()) {  // two states of 7 bytes, then words
            stream.front() = 0x77;
            stream.resize(stream.size() - (stream.size() - kHead) % 4);
        }
        const BlockLayout layout(Shape{4, 3, 3, 5}, 3, 0, 5);
        std::vector<std::int16_t> levels(180);
        const std::string error = error_of([&] { LevelDecoder(stream).read(layout, levels); });
        if (error.empty()) continue;
        ++errors;
        CHECK(error.find("beyond 16 bits") != std::string::npos);
    }
    CHECK(errors > 0);
    CHECK(errors < 2'000);
}

TEST_CASE("a stream ends where its levels do, and nothing else does") {
    Random random({10});
    const BlockLayout layout(Shape{4, 3, 3, 5}, 3, 0, 5);
    const std::vector<std::int16_t> levels = laplacian_levels(layout.elements(), 2.0, random);
    const auto ends = [&](const std::vector<std::uint8_t>& stream) {
        std::vector<std::int16_t> decoded(levels.size());
        LevelDecoder decoder(stream);
        return error_of([&] { decoder.read(layout, decoded); }).empty() && decoder.at_end();
    };
    const std::vector<std::uint8_t> stream = encode(layout, levels);
    CHECK(ends(stream));
    CHECK_FALSE(ends({}));
    for (std::size_t cut = 1; cut <= 8; ++cut) {
        CHECK_FALSE(ends({stream.begin(), stream.end() - static_cast<std::ptrdiff_t>(cut)}));
        std::vector<std::uint8_t> longer = stream;
        longer.resize(stream.size() + cut);
        CHECK_FALSE(ends(longer));
    }
    for (int head = 0; head < 256; ++head) {
        std::vector<std::uint8_t> other = stream;
        other.front() = static_cast<std::uint8_t>(head);
        CHECK(ends(other) == (other == stream));
    }
    std::vector<std::uint8_t> padded = stream;  // a state with a superfluous byte
    padded.front() = static_cast<std::uint8_t>(padded.front() + 1);
    padded.insert(padded.begin() + 1 + (stream.front() & 15), std::uint8_t{0});
    CHECK_FALSE(ends(padded));
}

TEST_CASE("every position lies in the interval of its symbol, whatever has been counted") {
    Random random({11});
    SymbolStatistics statistics = kInitialLevelStatistics.magnitude[20];
    for (int round = 0; round < 40; ++round) {
        for (std::uint32_t position = 0; position < kIntervals; position += round < 2 ? 1 : 37) {
            const Interval interval = statistics.interval(statistics.symbol(position));
            REQUIRE(interval.begin <= position);
            REQUIRE(position < interval.begin + interval.size);
        }
        std::uint32_t total = 0;
        for (int symbol = 0; symbol < SymbolStatistics::kSymbols; ++symbol) {
            const Interval interval = statistics.interval(symbol);
            CHECK(interval.begin == total);
            CHECK(interval.size >= 2);
            total += interval.size;
        }
        CHECK(total == kIntervals);
        const int favourite = static_cast<int>(random.below(SymbolStatistics::kSymbols));
        for (int i = 0; i < 300; ++i) statistics.update(favourite);
    }
}
