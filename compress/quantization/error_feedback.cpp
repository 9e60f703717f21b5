#include "compress/quantization/error_feedback.h"

#include "compress/statistics/image_trust.h"
#include "compress/transform/blas.h"
#include "engine/base/random.h"
#include "engine/kernels/f32/gemm.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace eigenbit::internal {
namespace {

constexpr double kDamping = 0.01;   // of the mean of the diagonal, so that rarely seen directions stay costly
constexpr std::int64_t kTile = 64;  // columns, and outputs, whose effect on those to come is added in one product

/// So many sums (samples · sums, K) of gradients (samples, O, K) in place of the O of each sample, with random signs:
/// that leaves their second moments as they are on average (Charikar, Chen and Farach-Colton 2002, the count sketch).
Tensor sketch(ConstView gradients, std::int64_t sums) {
    const std::int64_t samples = gradients.shape[0];
    const std::int64_t o = gradients.shape[1];
    const std::int64_t k = gradients.shape[2];
    Tensor rows(Shape{samples * sums, k});
    tbb::parallel_for(std::int64_t{0}, samples, [&](std::int64_t sample) {
        Random random({static_cast<std::uint64_t>(sample)});
        for (std::int64_t channel = 0; channel < o; ++channel) {
            const float sign = random.coin() ? 1.0F : -1.0F;
            const float* source = gradients.data + (sample * o + channel) * k;
            float* target = rows.data() + (sample * sums + channel % sums) * k;
            for (std::int64_t i = 0; i < k; ++i) target[i] += sign * source[i];
        }
    });
    return rows;
}

/// Σ over rows (rows, K) of rᵗr.
Matrix row_moments(ConstView rows) {
    constexpr std::int64_t kStrip = 128;
    const std::int64_t k = rows.shape[1];
    Matrix moments(k, k);
    tbb::parallel_for(std::int64_t{0}, (k + kStrip - 1) / kStrip, [&](std::int64_t strip) {
        const std::int64_t begin = strip * kStrip;
        const std::int64_t height = std::min(kStrip, k - begin);
        const std::int64_t width = k - begin;  // what is left of it follows by symmetry
        Tensor sums(Shape{height, width});
        gemm(height, width, rows.shape[0], {rows.data + begin, k, true}, {rows.data + begin, k}, false, sums.data(),
             width);
        for (std::int64_t i = 0; i < height; ++i) {
            for (std::int64_t j = i; j < width; ++j) {
                moments(begin + i, begin + j) = moments(begin + j, begin + i) = sums[i * width + j];
            }
        }
    });
    return moments;
}

/// The second moments along the inputs of gradients (samples, O, taps, I), but for a factor; of sums where there are
/// far more gradients than K × K moments need.
Matrix input_moments(const Tensor& gradients) {
    constexpr std::int64_t kFewestRows = 32768;
    constexpr std::int64_t kRowsAnElement = 4;
    const std::int64_t samples = gradients.shape()[0];
    const std::int64_t o = gradients.shape()[1];
    const std::int64_t k = gradients.shape().elements(2, 4);
    const std::int64_t enough = (std::max(kRowsAnElement * k, kFewestRows) + samples - 1) / samples;
    if (enough >= o) return row_moments({Shape{samples * o, k}, gradients.data()});
    return row_moments(sketch({Shape{samples, o, k}, gradients.data()}, enough));
}

/// Moves moments of few images towards a multiple of the identity: of images that were not seen they say little, and
/// feedback puts its errors just where the moments are small.
void shrink(Matrix& moments, double trust) {
    double trace = 0.0;
    for (std::int64_t i = 0; i < moments.rows(); ++i) trace += moments(i, i);
    for (double& value : moments.values()) value *= trust;
    const double floor = (1.0 - trust) * trace / static_cast<double>(moments.rows());
    for (std::int64_t i = 0; i < moments.rows(); ++i) moments(i, i) += floor;
}

/// A = L·D·Lᵗ with unit lower triangular L.
struct Triangular {
    Matrix lower;
    std::vector<double> weights;  // the diagonal of D
};

/// Nothing where the metric is not positive definite.
std::optional<Triangular> decompose(Matrix metric) {
    const std::int64_t n = metric.rows();
    double trace = 0.0;
    for (std::int64_t i = 0; i < n; ++i) trace += metric(i, i);
    const double ridge = std::max(kDamping * trace / static_cast<double>(n), 1e-30);
    for (std::int64_t i = 0; i < n; ++i) metric(i, i) += ridge;
    const auto size = static_cast<lapack_int>(n);
    const BlasOnCallingThread blas;
    // Row by row that is the lower triangle.
    if (LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'U', size, metric.values().data(), size) != 0) return std::nullopt;
    Triangular result{std::move(metric), std::vector<double>(static_cast<std::size_t>(n))};
    std::vector<double> root(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i) {
        root[static_cast<std::size_t>(i)] = result.lower(i, i);
        result.weights[static_cast<std::size_t>(i)] = result.lower(i, i) * result.lower(i, i);
    }
    for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j <= i; ++j) result.lower(i, j) /= root[static_cast<std::size_t>(j)];
    }
    return result;
}

/// Writes the transpose of an n × n matrix, tile by tile.
template <typename To>
void write_transpose(const Tensor& from, std::int64_t n, To* to) {
    constexpr std::int64_t kSide = 32;
    tbb::parallel_for(std::int64_t{0}, (n + kSide - 1) / kSide, [&](std::int64_t strip) {
        const std::int64_t end = std::min((strip + 1) * kSide, n);
        for (std::int64_t column = 0; column < n; column += kSide) {
            for (std::int64_t i = strip * kSide; i < end; ++i) {
                for (std::int64_t j = column; j < std::min(column + kSide, n); ++j) to[i * n + j] = from[j * n + i];
            }
        }
    });
}

/// The metric's side as seen by coefficients (O, taps, I) that a basis of this axis mixes: (I ⊗ S)ᵗA(I ⊗ S).
Matrix mixed_inputs(const Matrix& inputs, const Shape& shape, Axis axis, const Matrix& synthesis) {
    const Matrix analysis = transpose(synthesis);
    const std::int64_t n = inputs.rows();
    Tensor rows(Shape{n, shape[1], shape[2]});
    std::ranges::transform(inputs.values(), rows.data(), [](double v) { return static_cast<float>(v); });
    write_transpose(mix(rows, axis, analysis), n, rows.data());
    Matrix result(n, n);
    write_transpose(mix(rows, axis, analysis), n, result.values().data());
    return result;
}

/// Bits that each level costs in a block, from how often it occurs.
class LevelCosts {
  public:
    LevelCosts(std::span<const std::int16_t> levels) {
        constexpr int kMargin = 2;
        const auto [low, high] = std::ranges::minmax(levels);
        lowest_ = std::min<int>(low, 0) - kMargin;
        std::vector<double> counts(static_cast<std::size_t>(std::max<int>(high, 0) + kMargin - lowest_ + 1), 0.3);
        for (const std::int16_t level : levels) counts[static_cast<std::size_t>(level - lowest_)] += 1.0;
        double total = 0.0;
        for (const double count : counts) total += count;
        for (const double count : counts) bits_.push_back(std::log2(total / count));
    }

    double operator()(int level) const {
        const int last = static_cast<int>(bits_.size()) - 1;
        const int position = level - lowest_;
        const int outside = position < 0 ? -position : std::max(position - last, 0);
        return bits_[static_cast<std::size_t>(std::clamp(position, 0, last))] + outside;
    }

  private:
    int lowest_;
    std::vector<double> bits_;
};

/// The coefficients of one layer as K columns of O, to be quantized from the last column to the first.
class FeedbackQuantizer {
  public:
    /// How a column, or an output, is quantized: as its block.
    struct Rule {
        const Quantizer* quantizer;
        const LevelCosts* costs;
    };

    /// The factors of the metric stay where they are. Rules are those of the outputs, or of the columns.
    FeedbackQuantizer(const Triangular& outputs, const Triangular& inputs, double lambda, std::span<const Rule> rules,
                      bool rules_of_outputs)
        : outputs_(outputs),
          inputs_(inputs),
          lambda_(lambda),
          rules_(rules),
          rules_of_outputs_(rules_of_outputs),
          o_(outputs_.lower.rows()),
          k_(inputs_.lower.rows()),
          errors_(kTile, o_),
          carried_(k_, o_),
          disturbances_(kTile, o_),
          received_(kTile, o_) {}

    /// target and levels are K × O; levels of blocks without bits stay as they are.
    void run(ConstView target, std::span<std::int16_t> levels) {
        const BlasOnCallingThread blas;
        for (std::int64_t end = k_; end > 0; end -= kTile) {
            const Range columns{std::max<std::int64_t>(end - kTile, 0), end};
            quantize_columns(columns, target, levels);
            if (columns.begin == 0) break;
            cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, static_cast<blasint>(columns.begin),
                        static_cast<blasint>(o_), static_cast<blasint>(columns.size()), 1.0,
                        inputs_.lower.values().data() + columns.begin * k_, static_cast<blasint>(k_), &errors_(0, 0),
                        static_cast<blasint>(o_), 1.0, &carried_(0, 0), static_cast<blasint>(o_));
        }
    }

  private:
    struct Range {
        std::int64_t begin;
        std::int64_t end;
        std::int64_t size() const { return end - begin; }
    };

    void quantize_columns(Range columns, ConstView target, std::span<std::int16_t> levels) {
        std::ranges::fill(received_.values(), 0.0);
        for (std::int64_t end = o_; end > 0; end -= kTile) {
            const Range outputs{std::max<std::int64_t>(end - kTile, 0), end};
            for (std::int64_t column = columns.end - 1; column >= columns.begin; --column) {
                quantize_within(columns, outputs, column, target, levels);
            }
            if (outputs.begin == 0) break;
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<blasint>(columns.size()),
                        static_cast<blasint>(outputs.begin), static_cast<blasint>(outputs.size()), 1.0,
                        &disturbances_(0, outputs.begin), static_cast<blasint>(o_),
                        outputs_.lower.values().data() + outputs.begin * o_, static_cast<blasint>(o_), 1.0,
                        &received_(0, 0), static_cast<blasint>(o_));
        }
    }

    /// Quantizes the part of one column within a tile and adds the effect of its errors to the rest of that tile.
    void quantize_within(Range columns, Range outputs, std::int64_t column, ConstView target,
                         std::span<std::int16_t> levels) {
        const std::int64_t local = column - columns.begin;
        for (std::int64_t o = outputs.end - 1; o >= outputs.begin; --o) {
            const std::int64_t element = column * o_ + o;
            const double exact = target[element];
            const double wanted = exact - carried_(column, o) - received_(local, o);
            const double weight =
                inputs_.weights[static_cast<std::size_t>(column)] * outputs_.weights[static_cast<std::size_t>(o)];
            const double value =
                quantize(wanted, weight, rules_[static_cast<std::size_t>(rules_of_outputs_ ? o : column)],
                         levels[static_cast<std::size_t>(element)]);
            errors_(local, o) = value - exact;
            const double disturbance = errors_(local, o) + carried_(column, o);
            disturbances_(local, o) = disturbance;
            for (std::int64_t p = outputs.begin; p < o; ++p) received_(local, p) += outputs_.lower(o, p) * disturbance;
        }
        for (std::int64_t next = columns.begin; next < column; ++next) {
            const double share = inputs_.lower(column, next);
            for (std::int64_t o = outputs.begin; o < outputs.end; ++o) carried_(next, o) += share * errors_(local, o);
        }
    }

    double quantize(double wanted, double weight, const Rule& rule, std::int16_t& result) const {
        const Quantizer& q = *rule.quantizer;
        if (q.bit_depth == 0) return 0.0;
        const double step = q.step;
        const double x = wanted / step - q.offset;
        if (q.bit_depth != Quantizer::kUnclipped) {
            const double highest = (1 << (q.bit_depth - 1)) - 1;
            const double level = std::clamp(std::nearbyint(x), -highest - 1.0, highest);
            result = static_cast<std::int16_t>(level);
            return level_value(result, q.step, q.offset);
        }
        constexpr double kLargest = 32000.0;
        const double nearest = std::clamp(std::nearbyint(x), -kLargest, kLargest);
        const double inner = std::trunc(std::clamp(x, -kLargest, kLargest));
        double best_cost = INFINITY;
        double best = 0.0;
        for (const double level : {nearest, inner, 0.0}) {
            const double error = step * (level - x);
            const double cost = weight * error * error + lambda_ * (*rule.costs)(static_cast<int>(level));
            if (cost >= best_cost) continue;
            best_cost = cost;
            best = level;
        }
        result = static_cast<std::int16_t>(best);
        return level_value(static_cast<float>(best), q.step, q.offset);
    }

    const Triangular& outputs_;
    const Triangular& inputs_;
    double lambda_;
    std::span<const Rule> rules_;
    bool rules_of_outputs_;
    std::int64_t o_;
    std::int64_t k_;
    Matrix errors_;        // columns of a tile × O: quantized less target
    Matrix carried_;       // K × O: effect of the errors of later columns
    Matrix disturbances_;  // columns of a tile × O: errors plus carried_
    Matrix received_;      // columns of a tile × O: effect of the disturbances of later outputs
};

/// Where an output, or a column (tap, input), lies along the axis of the coefficients that blocks cut.
std::int64_t channel_at(const Factorization& factorization, std::size_t position) {
    const auto at = static_cast<std::int64_t>(position);
    const std::int64_t inputs = factorization.coefficients.shape()[2];
    if (factorization.block_axis == Axis::column) return at;
    return factorization.block_axis == Axis::taps ? at / inputs : at % inputs;
}

Matrix synthesis_of(const Factorization& factorization, const TransformCurves& curves, const LayerChoice& choice,
                    const BlockLevels& levels, std::size_t basis) {
    Matrix synthesis = factorization.bases[basis].synthesis;
    for (std::size_t i = 0; i < curves.blocks.size(); ++i) {
        const Block& block = curves.blocks[i];
        const Quantizer& quantizer = curves.curves[i][choice.candidates[i]].quantizer;
        // Columns that are dropped keep their exact values here: their coefficients are zero, an error like any other.
        if (block.factor != static_cast<int>(basis) || quantizer.bit_depth == 0) continue;
        for_each_element(factorization, block, [&](std::int64_t k, std::int64_t element) {
            synthesis.values()[static_cast<std::size_t>(element)] =
                level_value(levels[i][static_cast<std::size_t>(k)], quantizer.step, quantizer.offset);
        });
    }
    return synthesis;
}

}  // namespace

ErrorMetric error_metric(const GradientSamples& samples, const GradientMoments& moments, std::int64_t outputs) {
    ErrorMetric metric{.outputs = {}, .inputs = input_moments(samples.weights)};
    metric.outputs = moments.along(Axis::column);
    const double trust = image_trust(samples.images());
    shrink(metric.outputs, trust);
    shrink(metric.inputs, trust);
    double energy = 0.0;
    for (std::int64_t i = 0; i < metric.inputs.rows(); ++i) energy += metric.inputs(i, i);
    const double scale = energy > 0.0 ? 1.0 / (energy * static_cast<double>(outputs)) : 0.0;
    for (double& value : metric.inputs.values()) value *= scale;
    return metric;
}

std::int64_t feedback_bytes(const Shape& shape) {
    const std::int64_t o = shape[0];
    const std::int64_t k = shape.elements(1, 3);
    constexpr auto kNumber = static_cast<std::int64_t>(sizeof(double));
    constexpr auto kWeight = static_cast<std::int64_t>(2 * sizeof(float) + sizeof(double) + 2 * sizeof(std::int16_t));
    return (o * o + k * k) * kNumber + o * k * kWeight;
}

BlockLevels quantize_with_feedback(const TransformCurves& curves, const LayerChoice& choice, ErrorMetric metric,
                                   ConstView weights, double lambda) {
    const Factorization& factorization = curves.factorization;
    const Shape& shape = factorization.coefficients.shape();
    BlockLevels levels = round_blocks(curves, choice);

    Matrix outputs = std::move(metric.outputs);
    Matrix inputs = std::move(metric.inputs);
    Tensor target(weights);
    for (std::size_t b = 0; b < factorization.bases.size(); ++b) {
        const Axis axis = factorization.bases[b].axis;
        const Matrix synthesis = synthesis_of(factorization, curves, choice, levels, b);
        const std::optional<Matrix> analysis = find_inverse(synthesis);
        if (!analysis) return levels;
        target = mix(target, axis, *analysis);
        if (axis == Axis::column) {
            outputs = multiply(multiply(transpose(synthesis), outputs), synthesis);
        } else {
            inputs = mixed_inputs(inputs, shape, axis, synthesis);
        }
    }

    const std::int64_t k = inputs.rows();
    const std::int64_t o = outputs.rows();
    Tensor columns(Shape{k, o});
    for (std::int64_t row = 0; row < o; ++row) {
        for (std::int64_t column = 0; column < k; ++column) columns[column * o + row] = target[row * k + column];
    }
    target = Tensor();
    const std::optional<Triangular> output_factor = decompose(std::move(outputs));
    const std::optional<Triangular> input_factor = decompose(std::move(inputs));
    if (!output_factor || !input_factor) return levels;
    const bool blocks_of_outputs = factorization.block_axis == Axis::column;
    std::vector<FeedbackQuantizer::Rule> rules(static_cast<std::size_t>(blocks_of_outputs ? o : k));
    std::vector<std::int16_t> quantized(static_cast<std::size_t>(k * o));
    constexpr int kPasses = 2;  // the second knows what levels really cost
    for (int pass = 0; pass < kPasses; ++pass) {
        std::vector<LevelCosts> costs;
        for (const auto& block : levels) costs.emplace_back(block);
        for (std::size_t i = 0; i < curves.blocks.size(); ++i) {
            const Block& block = curves.blocks[i];
            if (block.factor != Block::kCoefficients) continue;
            const Quantizer& quantizer = curves.curves[i][choice.candidates[i]].quantizer;
            const auto is_in_block = [&](std::int64_t channel) {
                return channel >= block.begin && channel < block.end;
            };
            for (std::size_t position = 0; position < rules.size(); ++position) {
                if (is_in_block(channel_at(factorization, position))) rules[position] = {&quantizer, &costs[i]};
            }
        }
        FeedbackQuantizer(*output_factor, *input_factor, lambda, rules, blocks_of_outputs).run(columns, quantized);
        for (std::size_t i = 0; i < curves.blocks.size(); ++i) {
            const Block& block = curves.blocks[i];
            const bool is_zero = curves.curves[i][choice.candidates[i]].quantizer.bit_depth == 0;
            if (block.factor != Block::kCoefficients || is_zero) continue;
            for_each_element(factorization, block, [&](std::int64_t position, std::int64_t element) {
                levels[i][static_cast<std::size_t>(position)] =
                    quantized[static_cast<std::size_t>(element % k * o + element / k)];
            });
        }
    }
    return levels;
}

}  // namespace eigenbit::internal
