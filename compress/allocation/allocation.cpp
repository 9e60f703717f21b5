#include "compress/allocation/allocation.h"

#include "engine/base/error.h"

#include <cmath>
#include <limits>
#include <optional>

namespace eigenbit::internal {
namespace {

constexpr std::size_t kZero = 0;    // every curve's first candidate
constexpr double kFinest = -80.0;   // log2 λ: so small that rate does not matter
constexpr double kCoarsest = 80.0;  // so large that all is zero

struct Pick {
    std::size_t candidate = kZero;
    double cost = std::numeric_limits<double>::infinity();
};

double cost_of(const Candidate& candidate, double lambda) { return candidate.distortion + lambda * candidate.bits; }

Pick cheapest(const Curve& curve, std::size_t first, double lambda) {
    Pick best;
    for (std::size_t i = first; i < curve.size(); ++i) {
        const double cost = cost_of(curve[i], lambda);
        if (cost < best.cost) best = {i, cost};
    }
    return best;
}

/// The block of a stored basis whose columns meet just these rows of T.
std::optional<std::size_t> partner(const TransformCurves& layer, const Block& rows) {
    for (std::size_t i = 0; i < layer.blocks.size(); ++i) {
        const Block& block = layer.blocks[i];
        if (block.factor == Block::kCoefficients || block.begin != rows.begin || block.end != rows.end) continue;
        if (layer.factorization.bases[static_cast<std::size_t>(block.factor)].axis == layer.factorization.block_axis) {
            return i;
        }
    }
    return std::nullopt;
}

/// The option of a layer that is cheapest at this λ.
LayerChoice choose_option(const LayerAlternatives& options, double lambda) {
    LayerChoice best;
    double best_cost = std::numeric_limits<double>::infinity();
    for (std::size_t option = 0; option < options.size(); ++option) {
        if (options[option].disabled) continue;
        LayerChoice choice = choose_candidates(options[option], lambda);
        const double cost = choice.distortion + lambda * choice.bits;
        if (cost >= best_cost) continue;
        best_cost = cost;
        best = std::move(choice);
        best.option = option;
    }
    return best;
}

/// The same transforms at another λ.
Allocation with_options_of(const Allocation& allocation, std::span<const LayerAlternatives> layers, double lambda) {
    Allocation result{lambda, {}};
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const std::size_t option = allocation.layers[i].option;
        result.layers.push_back(choose_candidates(layers[i][option], lambda));
        result.layers.back().option = option;
    }
    return result;
}

/// The finest allocation of those at all λ whose cost is at most the target, by bisection on log λ; nothing when even
/// the coarsest costs more.
std::optional<Allocation> finest_within(double target, const std::function<Allocation(double)>& allocation_at,
                                        const std::function<double(const Allocation&)>& cost) {
    double low = kFinest;
    double high = kCoarsest;
    std::optional<Allocation> best;
    constexpr int kSteps = 50;  // halves the interval below the resolution of double rates
    for (int step = 0; step < kSteps; ++step) {
        const double middle = 0.5 * (low + high);
        Allocation allocation = allocation_at(std::exp2(middle));
        if (cost(allocation) > target) {
            low = middle;
        } else {
            high = middle;
            best = std::move(allocation);
        }
    }
    return best;
}

}  // namespace

double Allocation::bits() const {
    double sum = 0.0;
    for (const LayerChoice& layer : layers) sum += layer.bits;
    return sum;
}

double Allocation::distortion() const {
    double sum = 0.0;
    for (const LayerChoice& layer : layers) sum += layer.distortion;
    return sum;
}

LayerChoice choose_candidates(const TransformCurves& layer, double lambda) {
    LayerChoice choice;
    choice.candidates.assign(layer.blocks.size(), kZero);
    std::vector<bool> decided(layer.blocks.size());
    const auto take = [&](std::size_t block, std::size_t candidate) {
        choice.candidates[block] = candidate;
        decided[block] = true;
        choice.bits += layer.curves[block][candidate].bits;
        choice.distortion += layer.curves[block][candidate].distortion;
    };
    for (std::size_t i = 0; i < layer.blocks.size(); ++i) {
        if (layer.blocks[i].factor != Block::kCoefficients) continue;
        const auto basis = partner(layer, layer.blocks[i]);
        if (!basis) continue;
        const Pick rows = cheapest(layer.curves[i], kZero + 1, lambda);
        const Pick columns = cheapest(layer.curves[*basis], kZero + 1, lambda);
        const bool keep = rows.cost + columns.cost < cost_of(layer.curves[i][kZero], lambda);
        take(i, keep ? rows.candidate : kZero);
        if (keep) {
            take(*basis, columns.candidate);
        } else {
            decided[*basis] = true;  // zero, and already counted by the rows
        }
    }
    for (std::size_t i = 0; i < layer.blocks.size(); ++i) {
        if (!decided[i]) take(i, cheapest(layer.curves[i], kZero, lambda).candidate);
    }
    return choice;
}

Allocation allocate(std::span<const LayerAlternatives> layers, double lambda) {
    Allocation allocation{lambda, {}};
    for (const LayerAlternatives& options : layers) allocation.layers.push_back(choose_option(options, lambda));
    return allocation;
}

Allocation allocate_within(std::span<const LayerAlternatives> layers, double target,
                           const std::function<double(const Allocation&)>& cost) {
    const auto best = finest_within(
        target, [&](double lambda) { return allocate(layers, lambda); }, cost);
    if (!best)
        fail("The target of {:.4g} cannot be met: the smallest possible is {:.4g}.", target,
             cost(allocate(layers, std::exp2(kCoarsest))));
    // The next λ would be too much, by as much as all transforms that change there: what is left goes to finer steps.
    return finest_within(
               target, [&](double lambda) { return with_options_of(*best, layers, lambda); }, cost)
        .value_or(*best);
}

}  // namespace eigenbit::internal
