#include "train/quantization_aware_optimizer.h"

#include "train/running_statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kStepsBetweenControls = 4;
constexpr float kFirstRateLambda = 0.02F;  // usual where bits stay the same

/// Of a factor of a parameter.
std::string name_of(const Graph& graph, const LatentWeights::Entry& entry) {
    const std::string& name = graph.name(entry.parameter);
    return entry.factor == 0 ? name : fmt::format("{}, basis {}", name, entry.factor);
}

std::string steps_name(const Graph& graph, const LatentWeights::Entry& entry) {
    return name_of(graph, entry) + ", steps";
}

/// Half the step disturbs the output a quarter as much: levels of one bit more move a quarter as far.
double level_learning_rate(const QuantizedTraining& quantized, const LatentWeights& latents, std::int64_t bits) {
    double levels = 0.0;
    for (const LatentWeights::Entry& entry : latents.entries()) {
        levels += static_cast<double>(entry.latents.elements());
    }
    return quantized.level_learning_rate * std::pow(4.0, 1.0 - static_cast<double>(bits) / std::max(levels, 1.0));
}

std::vector<ValueId> trained_parameters(const Graph& graph, std::span<const ValueId> frozen) {
    std::vector<ValueId> ids = trainable_parameters(graph);
    std::erase_if(ids, [&](ValueId id) { return std::ranges::find(frozen, id) != frozen.end(); });
    return ids;
}

/// Latent levels and steps with their learning rates, then floats, whose peak learning rate is `peak`.
std::vector<ParameterGroup> parameter_groups(Graph& graph, LatentWeights& latents, double level_learning_rate,
                                             double step_learning_rate, double peak, std::span<const ValueId> trained) {
    std::vector<ParameterGroup> tensors;
    for (LatentWeights::Entry& entry : latents.entries()) {
        // Weight decay would work against rate control.
        tensors.push_back({name_of(graph, entry), &entry.latents, level_learning_rate / peak, false});
        if (!latents.learns_steps()) continue;
        tensors.push_back({steps_name(graph, entry), &entry.steps, step_learning_rate / peak, false});
    }
    for (const ValueId id : trained) {
        Weight& weight = graph.parameter(id);
        if (!weight.is_float()) continue;
        const bool is_layer_weight = weight.shape().rank() > 1;  // not a bias or normalization's
        tensors.push_back({graph.name(id), &weight.values(), 1.0, is_layer_weight});
    }
    return tensors;
}

/// The parameters that gradients are wanted of, quantized ones and then floats.
std::vector<ValueId> ids_of(const Graph& graph, std::span<const ValueId> frozen) {
    std::vector<ValueId> ids = trained_parameters(graph, frozen);
    std::ranges::stable_partition(ids, [&](ValueId id) { return !graph.parameter(id).is_float(); });
    return ids;
}

}  // namespace

QuantizationAwareOptimizer::QuantizationAwareOptimizer(Graph& graph, const Sgd::Options& options,
                                                       const QuantizedTraining& quantized, double peak,
                                                       std::span<const ValueId> frozen)
    : graph_(graph),
      quantized_(quantized),
      latents_(graph, quantized.step_learning_rate > 0.0),
      gradients_(ids_of(graph, frozen)),
      planned_bits_(coded_level_bits(graph)),
      sgd_(parameter_groups(graph, latents_, level_learning_rate(quantized, latents_, planned_bits_),
                            quantized.step_learning_rate, peak, gradients_),
           options),
      rate_lambda_(Shape{1}, std::array{kFirstRateLambda}),
      bits_excess_(Shape{1}) {}

void QuantizationAwareOptimizer::step(const GraphExecutor& session, std::int64_t step, double learning_rate,
                                      double bits_share) {
    update_running_statistics(graph_, session);
    latents_.take_gradients(graph_, session);
    latents_.normalize_gradients();
    if (quantized_.rate_control && is_quantized()) {
        if (step % kStepsBetweenControls == 0) control_rate(bits_share);
        latents_.add_rate_gradients(graph_, rate_lambda_[0]);
    }
    std::vector<ConstView> gradients;
    for (const LatentWeights::Entry& entry : latents_.entries()) {
        gradients.push_back(entry.gradient);
        if (latents_.learns_steps()) gradients.push_back(entry.step_gradient);
    }
    for (const ValueId id : gradients_) {
        if (graph_.parameter(id).is_float()) gradients.push_back(session.gradient(id));
    }
    sgd_.step(gradients, learning_rate);
    latents_.requantize(graph_);
}

void QuantizationAwareOptimizer::control_rate(double bits_share) {
    // The bits follow λ late: without their trend, both would oscillate.
    constexpr double kProportional = 10.0;
    constexpr double kTrend = 100.0;
    const double now = std::clamp<double>(rate_lambda_[0], 1e-4, 10.0);
    const double excess = relative_bits() / bits_share - 1.0;
    const double change = std::exp(kProportional * excess + kTrend * (excess - bits_excess_[0]));
    rate_lambda_[0] = static_cast<float>(now * std::clamp(change, 0.5, 2.0));
    bits_excess_[0] = static_cast<float>(excess);
}

double QuantizationAwareOptimizer::relative_bits() const {
    if (!is_quantized()) return 1.0;
    return static_cast<double>(coded_level_bits(graph_)) / static_cast<double>(planned_bits_);
}

std::vector<TensorSlot> QuantizationAwareOptimizer::parameter_slots() {
    std::vector<TensorSlot> slots;
    for (LatentWeights::Entry& entry : latents_.entries()) {
        slots.push_back({name_of(graph_, entry), &entry.latents});
        if (latents_.learns_steps()) slots.push_back({steps_name(graph_, entry), &entry.steps});
    }
    for (const auto& [id, weight] : graph_.parameters()) {
        if (weight.is_float()) slots.push_back({graph_.name(id), &graph_.parameter(id).values()});
    }
    return slots;
}

std::vector<TensorSlot> QuantizationAwareOptimizer::optimizer_slots() {
    std::vector<TensorSlot> slots;
    for (std::size_t i = 0; i < sgd_.tensors().size(); ++i) {
        slots.push_back({sgd_.tensors()[i].name, &sgd_.velocities()[i]});
    }
    LatentWeights::Magnitudes& magnitudes = latents_.magnitudes();
    slots.push_back({"steps averaged", &magnitudes.averaged});
    slots.push_back({"magnitude of levels' gradients", &magnitudes.levels});
    slots.push_back({"magnitude of steps' gradients", &magnitudes.steps});
    slots.push_back({"rate lambda", &rate_lambda_});
    slots.push_back({"excess of bits", &bits_excess_});
    return slots;
}

void QuantizationAwareOptimizer::restored() { latents_.requantize(graph_); }

}  // namespace eigenbit::internal
