#include "compress/quantization/block.h"

namespace eigenbit::internal {
namespace {

void cut(int factor, std::int64_t rows, int count, std::vector<Block>& blocks) {
    const std::int64_t step = (rows + count - 1) / count;
    for (std::int64_t begin = 0; begin < rows; begin += step) {
        blocks.push_back({factor, begin, std::min(begin + step, rows)});
    }
}

}  // namespace

std::vector<Block> cut_into_blocks(const Factorization& factorization, int count) {
    std::vector<Block> blocks;
    cut(Block::kCoefficients, extent(factorization.coefficients.shape(), factorization.block_axis), count, blocks);
    for (std::size_t i = 0; i < factorization.bases.size(); ++i) {
        const TransformBasis& basis = factorization.bases[i];
        if (basis.stored) cut(static_cast<int>(i), basis.synthesis.columns(), count, blocks);
    }
    return blocks;
}

std::vector<float> block_values(const Factorization& factorization, const Block& block) {
    std::vector<float> values;
    for_each_element(factorization, block, [&](std::int64_t, std::int64_t element) {
        if (block.factor == Block::kCoefficients) {
            values.push_back(factorization.coefficients[element]);
        } else {
            const Matrix& synthesis = factorization.bases[static_cast<std::size_t>(block.factor)].synthesis;
            values.push_back(static_cast<float>(synthesis.values()[static_cast<std::size_t>(element)]));
        }
    });
    return values;
}

Tensor rows_mixed_by(const Factorization& factorization, const Block& block) {
    const TransformBasis& own = factorization.bases[static_cast<std::size_t>(block.factor)];
    const Matrix selection = columns(Matrix::identity(own.synthesis.columns()), block.begin, block.end);
    Tensor mixed = mix(factorization.coefficients, own.axis, transpose(selection));
    for (const TransformBasis& basis : factorization.bases) {
        if (&basis != &own) mixed = mix(mixed, basis.axis, basis.synthesis);
    }
    return mixed;
}

}  // namespace eigenbit::internal
