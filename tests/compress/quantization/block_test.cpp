#include "compress/quantization/block.h"
#include "tests/compress/small_networks.h"

#include <doctest/doctest.h>

#include <map>

namespace eigenbit::internal {
namespace {

Factorization factorization_of(const Transform& transform) {
    const Graph graph = residual_network(3, true);
    return factorize(graph, find_layer(graph, "inner"), transform, GradientMoments(ConstView()));
}

}  // namespace

TEST_CASE("Blocks cover every value of every stored factor once") {
    for (const Transform& transform :
         {Transform{}, Transform{TransformKind::klt, {Axis::row}}, Transform{TransformKind::klt, {Axis::column}},
          Transform{TransformKind::klt, {Axis::taps}}, Transform{TransformKind::klt, {Axis::row, Axis::column}},
          Transform{TransformKind::dct2, {Axis::taps}}}) {
        for (const int count : {1, 3, 8, 100}) {
            CAPTURE(to_string(transform));
            CAPTURE(count);
            const Factorization factorization = factorization_of(transform);
            std::map<std::pair<int, std::int64_t>, int> visits;
            std::map<int, int> blocks_of_factor;
            for (const Block& block : cut_into_blocks(factorization, count)) {
                const std::vector<float> values = block_values(factorization, block);
                ++blocks_of_factor[block.factor];
                std::int64_t expected = 0;
                for_each_element(factorization, block, [&](std::int64_t k, std::int64_t element) {
                    CHECK(k == expected++);
                    ++visits[{block.factor, element}];
                    const float value =
                        block.factor == Block::kCoefficients
                            ? factorization.coefficients[element]
                            : static_cast<float>(factorization.bases[static_cast<std::size_t>(block.factor)]
                                                     .synthesis.values()[static_cast<std::size_t>(element)]);
                    CHECK(values[static_cast<std::size_t>(k)] == value);
                });
                CHECK(expected == static_cast<std::int64_t>(values.size()));
            }
            std::size_t stored = static_cast<std::size_t>(factorization.coefficients.elements());
            for (const TransformBasis& basis : factorization.bases) {
                if (basis.stored) stored += basis.synthesis.values().size();
            }
            CHECK(visits.size() == stored);
            for (const auto& [element, times] : visits) CHECK(times == 1);
            for (const auto& [factor, blocks] : blocks_of_factor) CHECK(blocks <= count);
        }
    }
}

TEST_CASE("A factor of n rows is cut into blocks of ⌈n / count⌉ rows, the last one smaller") {
    const std::vector<Block> blocks = cut_into_blocks(factorization_of({TransformKind::klt, {Axis::column}}), 5);
    REQUIRE(blocks.size() == 8);  // 12 rows of T and 12 columns of S, by 3
    CHECK(blocks[0].begin == 0);
    CHECK(blocks[0].end == 3);
    CHECK(blocks[3].end == 12);
    CHECK(blocks[4].factor == 0);
    CHECK(blocks[4].begin == 0);
}

}  // namespace eigenbit::internal
