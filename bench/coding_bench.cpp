#include "engine/base/random.h"
#include "engine/coding/bit_packing.h"
#include "engine/coding/level_coder.h"

#include <benchmark/benchmark.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <map>
#include <zstd.h>

// Speed and size of how levels are stored. Counters: "weights/s"; "vs_entropy", bits over the zeroth-order entropy of
// the blocks; "bits", a weight. Blocks are 64 channels wide kernels of 3 × 3.
namespace eigenbit::internal {
namespace {

constexpr std::int64_t kBlockChannels = 8;
const Shape kBlock{64, 3, 3, kBlockChannels};
constexpr int kBlocks = 200;

/// Blocks of weights of a generalised Gaussian (shape 0.8) whose kernels differ in energy, and whose neighbouring taps
/// have this correlation; the step gives the first block about this entropy.
std::vector<std::vector<std::int16_t>> make_blocks(double bits, double correlation) {
    std::vector<std::vector<std::int16_t>> blocks;
    Random random({1});
    const double step = std::exp2(2.05 - bits);
    for (int b = 0; b < kBlocks; ++b) {
        std::vector<std::int16_t> levels(static_cast<std::size_t>(kBlock.elements()));
        for (std::int64_t kernel = 0; kernel < kBlock[0] * kBlock[3]; ++kernel) {
            const double energy = std::exp(0.4 * random.normal());
            const double shared = random.normal();
            for (std::int64_t tap = 0; tap < 9; ++tap) {
                const double gaussian =
                    std::sqrt(correlation) * shared + std::sqrt(1.0 - correlation) * random.normal();
                const double value = energy * std::copysign(std::pow(std::abs(gaussian), 1.2), gaussian);
                const std::int64_t at = (kernel / kBlock[3] * 9 + tap) * kBlock[3] + kernel % kBlock[3];
                levels[static_cast<std::size_t>(at)] = static_cast<std::int16_t>(std::lround(value / step));
            }
        }
        blocks.push_back(std::move(levels));
    }
    return blocks;
}

double entropy_bits(std::span<const std::int16_t> levels) {
    std::map<int, double> counts;
    for (const int level : levels) ++counts[level];
    double bits = 0.0;
    for (const auto& [level, count] : counts) bits -= count * std::log2(count / static_cast<double>(levels.size()));
    return bits;
}

/// What a benchmark works on, from its arguments: hundredths of a bit a weight, and of correlation.
struct Data {
    explicit Data(const benchmark::State& state)
        : blocks(make_blocks(0.01 * static_cast<double>(state.range(0)), 0.01 * static_cast<double>(state.range(1)))) {
        for (auto& block : blocks) {
            entropy += entropy_bits(block);
            stored.push_back(layout.gather(block));
        }
    }

    std::int64_t weights() const { return kBlocks * kBlock.elements(); }
    void report(benchmark::State& state, double bits) const {
        const auto done = static_cast<double>(state.iterations() * weights());
        state.counters["weights/s"] = benchmark::Counter(done, benchmark::Counter::kIsRate);
        state.counters["bits"] = bits / static_cast<double>(weights());
        state.counters["vs_entropy"] = bits / entropy - 1.0;
    }

    BlockLayout layout{kBlock, 3, 0, kBlockChannels};
    std::vector<std::vector<std::int16_t>> blocks;
    std::vector<std::vector<std::int16_t>> stored;  // in stored order
    double entropy = 0.0;
};

/// Streams of eight blocks, as files have them.
std::vector<std::vector<std::uint8_t>> encode_streams(const Data& data) {
    std::vector<std::vector<std::uint8_t>> streams(kBlocks / 8);
    tbb::parallel_for(std::size_t{0}, streams.size(), [&](std::size_t s) {
        LevelEncoder encoder;
        for (std::size_t b = 8 * s; b < 8 * s + 8; ++b) encoder.write(data.layout, data.stored[b]);
        streams[s] = std::move(encoder).finish();
    });
    return streams;
}

double total_bits(const std::vector<std::vector<std::uint8_t>>& streams) {
    double bits = 0.0;
    for (const auto& stream : streams) bits += 8.0 * static_cast<double>(stream.size());
    return bits;
}

void encode(benchmark::State& state) {
    const Data data(state);
    std::vector<std::vector<std::uint8_t>> streams;
    for (auto _ : state) streams = encode_streams(data);
    data.report(state, total_bits(streams));
}

void decode(benchmark::State& state) {
    const Data data(state);
    const auto streams = encode_streams(data);
    std::vector<std::vector<std::int16_t>> decoded = data.stored;
    for (auto _ : state) {
        tbb::parallel_for(std::size_t{0}, streams.size(), [&](std::size_t s) {
            LevelDecoder decoder(streams[s]);
            for (std::size_t b = 8 * s; b < 8 * s + 8; ++b) decoder.read(data.layout, decoded[b]);
        });
    }
    if (decoded != data.stored) state.SkipWithError("decoding does not give back what was encoded");
    data.report(state, total_bits(streams));
}

void measure_exactly(benchmark::State& state) {
    const Data data(state);
    double bits = 0.0;
    for (auto _ : state) {
        bits = 0.0;
        for (const auto& block : data.blocks) bits += coded_bits(block, kBlock, 3);
    }
    data.report(state, bits);
}

void estimate(benchmark::State& state) {
    const Data data(state);
    double bits = 0.0;
    for (auto _ : state) {
        bits = 0.0;
        for (const auto& block : data.blocks) bits += estimated_bits(block);
    }
    data.report(state, bits);
}

/// Unpacking at the depth that holds the levels of all blocks.
void unpack(benchmark::State& state) {
    const Data data(state);
    int largest = 0;
    for (const auto& block : data.stored) {
        for (const int level : block) largest = std::max(largest, std::abs(level));
    }
    const int depth = std::bit_width(static_cast<unsigned>(largest)) + 1;
    std::vector<std::vector<std::uint8_t>> packed;
    for (const auto& block : data.stored) packed.push_back(pack_levels(block, depth));
    std::vector<std::int16_t> unpacked(data.stored.front().size());
    for (auto _ : state) {
        for (const auto& block : packed) benchmark::DoNotOptimize(unpack_levels(block, depth, unpacked));
    }
    data.report(state, total_bits(packed));
}

/// zstd -19 over all blocks at once, one byte a level: what a general compressor makes of them.
void zstd_decode(benchmark::State& state) {
    const Data data(state);
    std::vector<std::int8_t> bytes;
    for (const auto& block : data.stored) {
        for (const int level : block) bytes.push_back(static_cast<std::int8_t>(std::clamp(level, -128, 127)));
    }
    std::vector<char> compressed(ZSTD_compressBound(bytes.size()));
    compressed.resize(ZSTD_compress(compressed.data(), compressed.size(), bytes.data(), bytes.size(), 19));
    std::vector<std::int8_t> decoded(bytes.size());
    for (auto _ : state) {
        benchmark::DoNotOptimize(ZSTD_decompress(decoded.data(), decoded.size(), compressed.data(), compressed.size()));
    }
    if (decoded != bytes) state.SkipWithError("zstd does not give back what was compressed");
    data.report(state, 8.0 * static_cast<double>(compressed.size()));
}

void rates_and_correlations(benchmark::internal::Benchmark* benchmark) {
    for (const std::int64_t correlation : {0, 30}) {
        for (const std::int64_t rate : {50, 100, 200, 300, 500}) benchmark->Args({rate, correlation});
    }
    benchmark->ArgNames({"rate%", "correlation%"})->Unit(benchmark::kMillisecond)->UseRealTime();
}

BENCHMARK(encode)->Apply(rates_and_correlations);
BENCHMARK(decode)->Apply(rates_and_correlations);
BENCHMARK(measure_exactly)->Apply(rates_and_correlations);
BENCHMARK(estimate)->Apply(rates_and_correlations);
BENCHMARK(unpack)->Apply(rates_and_correlations);
BENCHMARK(zstd_decode)->Apply(rates_and_correlations);

}  // namespace
}  // namespace eigenbit::internal

BENCHMARK_MAIN();
