#include "compress/curves/activation_curves.h"

#include "engine/base/random.h"
#include "engine/executor/graph_executor.h"
#include "engine/passes/quantizer_candidates.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace eigenbit::internal {
namespace {

constexpr int kSteps = 14;  // of each depth, quarter octaves apart: from the whole range down to about a tenth
constexpr float kSmallestStep = 1e-30F;  // of values that are all zero

/// How a value is spread.
struct Spread {
    float low = 0.0F;  // at most 0
    float high = 0.0F;
    double negative_square = 0.0;
    double positive_square = 0.0;

    void add(std::span<const float> values) {
        for (const float value : values) {
            const double square = static_cast<double>(value) * value;
            (value < 0.0F ? negative_square : positive_square) += square;
            low = std::min(low, value);
            high = std::max(high, value);
        }
    }
    void add(const Spread& other) {
        low = std::min(low, other.low);
        high = std::max(high, other.high);
        negative_square += other.negative_square;
        positive_square += other.positive_square;
    }
};

std::vector<Spread> measure_spreads(const Graph& graph, std::span<const ValueId> values, ConstView images) {
    std::vector<std::vector<Spread>> of_image(static_cast<std::size_t>(images.shape[0]));
    for_each_image(graph, images, {.keep_values = true}, [&](std::int64_t image, GraphExecutor& session) {
        std::vector<Spread>& spreads = of_image[static_cast<std::size_t>(image)];
        spreads.resize(values.size());
        for (std::size_t i = 0; i < values.size(); ++i) spreads[i].add(session.value(values[i]).values());
    });
    std::vector<Spread> result(values.size());
    for (const std::vector<Spread>& spreads : of_image) {
        for (std::size_t i = 0; i < values.size(); ++i) result[i].add(spreads[i]);
    }
    return result;
}

/// Candidate zero points: from the extremes and, as those may be outliers, from the energies of both sides.
std::set<std::int32_t> zero_points(const Spread& spread, std::int32_t largest_level) {
    if (!(spread.low < 0.0F)) return {0};
    const auto place = [&](double below, double above) {
        return static_cast<std::int32_t>(std::lround(largest_level * below / (below + above)));
    };
    return {place(-static_cast<double>(spread.low), spread.high),
            place(std::sqrt(spread.negative_square), std::sqrt(spread.positive_square))};
}

std::vector<ActivationCandidate> all_candidates(const Spread& spread, const ActivationDepths& depths) {
    const float range = spread.high - spread.low;
    std::vector<ActivationCandidate> candidates;
    for (int depth = depths.least; depth <= depths.most; ++depth) {
        const std::int32_t largest_level = ActivationQuantizer{.bit_depth = depth}.largest_level();
        const float widest = std::max(range / static_cast<float>(largest_level), kSmallestStep);
        for (const std::int32_t zero_point : zero_points(spread, largest_level)) {
            for (int i = 0; i < kSteps; ++i) {
                const float step = widest * std::exp2(-0.25F * static_cast<float>(i));
                candidates.push_back({{.bit_depth = depth, .step = step, .zero_point = zero_point}});
            }
        }
    }
    return candidates;
}

double inner_product(const float* gradient, const float* rounded, const float* exact, std::int64_t count) {
    constexpr std::int64_t kLanes = 8;
    std::array<double, kLanes> sums{};
    std::int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
        for (std::int64_t lane = 0; lane < kLanes; ++lane) {
            const float change = rounded[i + lane] - exact[i + lane];
            sums[static_cast<std::size_t>(lane)] += static_cast<double>(gradient[i + lane] * change);
        }
    }
    for (; i < count; ++i) sums[0] += static_cast<double>(gradient[i] * (rounded[i] - exact[i]));
    double sum = 0.0;
    for (const double part : sums) sum += part;
    return sum;
}

/// Gradients of random projections of the output, by projection, then by value.
std::vector<std::vector<Tensor>> projected_gradients(GraphExecutor& session, std::span<const ValueId> values,
                                                     std::int64_t image, const SamplingOptions& options) {
    std::vector<std::vector<Tensor>> gradients(static_cast<std::size_t>(options.projections));
    Tensor projection(session.output().shape);
    for (std::size_t p = 0; p < gradients.size(); ++p) {
        Random random{options.seed, static_cast<std::uint64_t>(image), p};
        for (float& value : projection.values()) value = random.coin() ? 1.0F : -1.0F;
        session.backward(projection);
        for (const ValueId value : values) gradients[p].emplace_back(session.gradient(value));
    }
    return gradients;
}

/// Squared changes of the projections, summed over them, by value and candidate.
using Effects = std::vector<std::vector<double>>;

Effects effects_of_rounding(const GraphExecutor& session, std::span<const ActivationCurve> curves,
                            const std::vector<std::vector<Tensor>>& gradients) {
    Effects effects;
    for (std::size_t i = 0; i < curves.size(); ++i) {
        const ConstView exact = session.value(curves[i].value);
        Tensor rounded(exact.shape);
        std::vector<double>& of_value = effects.emplace_back();
        for (const ActivationCandidate& candidate : curves[i].candidates) {
            fake_quantize(candidate.quantizer, exact, rounded);
            double sum = 0.0;
            for (const std::vector<Tensor>& projected : gradients) {
                const double change = inner_product(projected[i].data(), rounded.data(), exact.data, exact.elements());
                sum += change * change;
            }
            of_value.push_back(sum);
        }
    }
    return effects;
}

/// Of every depth only the candidate that disturbs the output least.
void keep_best(ActivationCurve& curve) {
    std::vector<ActivationCandidate> best;
    for (const ActivationCandidate& candidate : curve.candidates) {
        if (best.empty() || best.back().quantizer.bit_depth != candidate.quantizer.bit_depth) {
            best.push_back(candidate);
        } else if (candidate.distortion < best.back().distortion) {
            best.back() = candidate;
        }
    }
    curve.candidates = std::move(best);
}

}  // namespace

std::vector<ActivationCurve> activation_curves(const Graph& graph, ConstView images, const ActivationDepths& depths,
                                               const SamplingOptions& options) {
    const std::vector<Shape> shapes = infer_shapes(graph, images.slice(0, 1).shape);
    std::vector<ValueId> values = quantizer_candidates(graph, shapes);
    std::erase_if(values, [&](ValueId value) { return graph.activations().contains(value); });
    const std::vector<Spread> spreads = measure_spreads(graph, values, images);
    std::vector<ActivationCurve> curves;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::int64_t elements = shapes[static_cast<std::size_t>(values[i])].elements();
        curves.push_back({values[i], elements, all_candidates(spreads[i], depths)});
    }

    std::vector<Effects> of_image(static_cast<std::size_t>(images.shape[0]));
    for_each_image(graph, images, {.gradients = values}, [&](std::int64_t image, GraphExecutor& session) {
        const auto gradients = projected_gradients(session, values, image, options);
        of_image[static_cast<std::size_t>(image)] = effects_of_rounding(session, curves, gradients);
    });
    const std::int64_t outputs = shapes[static_cast<std::size_t>(graph.outputs().front())].elements();
    const auto terms = static_cast<double>(images.shape[0] * options.projections * outputs);
    for (const Effects& effects : of_image) {
        for (std::size_t i = 0; i < curves.size(); ++i) {
            for (std::size_t c = 0; c < effects[i].size(); ++c) {
                curves[i].candidates[c].distortion += effects[i][c] / terms;
            }
        }
    }
    for (ActivationCurve& curve : curves) keep_best(curve);
    return curves;
}

const ActivationCandidate& cheapest(const ActivationCurve& curve, double lambda) {
    return *std::ranges::min_element(curve.candidates, {}, [&](const ActivationCandidate& candidate) {
        return candidate.distortion + lambda * static_cast<double>(candidate.quantizer.bit_depth * curve.elements);
    });
}

}  // namespace eigenbit::internal
