#include "compress/compressor.h"

#include "compress/allocation/bit_budget.h"
#include "compress/correction/correction.h"
#include "compress/correction/correction_model.h"
#include "compress/curves/exact_curves.h"
#include "compress/curves/hybrid_curves.h"
#include "compress/curves/second_order_curves.h"
#include "compress/quantization/error_feedback.h"
#include "compress/statistics/image_trust.h"
#include "compress/statistics/output_distortion.h"
#include "compress/transform/transform_choice.h"
#include "engine/base/error.h"
#include "engine/base/warning.h"
#include "engine/coding/level_coder.h"
#include "engine/executor/graph_executor.h"
#include "engine/formats/ebit/ebit.h"
#include "engine/graph/layer_view.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace eigenbit::internal {
namespace {

// The λ of error feedback over the λ of the allocation. The curves have chosen steps for plain rounding with a dead
// zone, which already gives most of the saving of rate-distortion optimised levels (ResNet-20: 0.25 and 0.5 are equally
// good, 1 loses half a point at 1.4 bits).
constexpr double kFeedbackShare = 0.4;

bool all_finite(std::span<const float> values) {
    return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

/// Throws Error where weights or outputs are not finite: eigenvectors and allocations would be meaningless.
void check_finite(const Graph& graph, std::span<const Layer> layers, ConstView one_image) {
    for (const Layer& layer : layers) {
        if (all_finite(image(graph.parameter(layer.weight)).values())) continue;
        fail("Layer '{}' has weights that are not finite numbers.", graph.nodes()[layer.node].name);
    }
    GraphExecutor session(graph, one_image.shape);
    if (!all_finite(session.run(one_image).values())) {
        fail("For the first calibration image, the network outputs numbers that are not finite.");
    }
}

/// Whether the difference of two images is 40 dB or more below this energy, as that of a copy would be.
bool is_like(std::span<const float> image, std::span<const float> other, double energy) {
    constexpr double kNoise = 1e-4;
    double distance = 0.0;
    for (std::size_t i = 0; i < image.size() && distance <= kNoise * energy; ++i) {
        const double difference = static_cast<double>(image[i]) - other[i];
        distance += difference * difference;
    }
    return distance <= kNoise * energy;
}

/// The images without those that are like an earlier one: these tell nothing new.
Tensor distinct(ConstView images) {
    const std::int64_t size = images.shape.elements(1, images.shape.rank());
    std::vector<std::int64_t> kept;
    for (std::int64_t i = 0; i < images.shape[0]; ++i) {
        const std::span image(images.data + i * size, static_cast<std::size_t>(size));
        double energy = 0.0;
        for (const float value : image) energy += static_cast<double>(value) * value;
        const bool is_new = std::ranges::none_of(kept, [&](std::int64_t earlier) {
            return is_like(image, {images.data + earlier * size, image.size()}, energy);
        });
        if (is_new) kept.push_back(i);
    }
    Shape shape = images.shape;
    shape[0] = static_cast<std::int64_t>(kept.size());
    Tensor result(shape);
    for (std::size_t i = 0; i < kept.size(); ++i) {
        std::copy_n(images.data + kept[i] * size, size, result.data() + static_cast<std::int64_t>(i) * size);
    }
    return result;
}

/// Σ over the network's outputs of y², on average over some of the images.
double output_energy(const Graph& graph, ConstView images) {
    constexpr std::int64_t kMostImages = 16;
    const std::int64_t count = std::min(images.shape[0], kMostImages);
    GraphExecutor session(graph, images.slice(0, 1).shape);
    double energy = 0.0;
    for (std::int64_t i = 0; i < count; ++i) {
        for (const float y : session.run(images.slice(i, i + 1)).values()) energy += static_cast<double>(y) * y;
    }
    return energy / static_cast<double>(count);
}

bool is_plain(const TransformCurves& curves) { return curves.factorization.bases.empty(); }

/// Whether each layer may choose only the transform that it has in `layers`.
bool has_only(std::span<const LayerAlternatives> curves, std::span<const LayerSummary> layers) {
    const auto is_left = [](const LayerAlternatives& options, const LayerSummary& layer) {
        return std::ranges::all_of(options, [&](const TransformCurves& option) {
            return option.disabled || option.factorization.transform == layer.transform;
        });
    };
    return std::ranges::equal(curves, layers, is_left);
}

/// A basis that costs more than the weights it transforms cannot pay for itself. One that is nearly half as large would
/// need a gain of a whole bit a weight and more: that is tried only where it takes little time.
bool worthwhile(const Layer& layer, const Transform& transform) {
    constexpr std::int64_t kSmallBasis = 256 * 256;
    constexpr double kLargestShare = 0.4;
    if (transform.kind == TransformKind::none) return true;
    if (layer.grouped) return false;
    std::int64_t basis = 0;
    for (const Axis axis : transform.axes) {
        const std::int64_t n = extent(layer.shape, axis);
        if (n == 1) return false;
        basis += n * n;
    }
    const auto weights = static_cast<double>(layer.shape.elements());
    return static_cast<double>(basis) < (basis <= kSmallBasis ? 1.0 : kLargestShare) * weights;
}

std::int64_t macs_per_image(const Graph& graph, std::span<const Shape> shapes) {
    std::int64_t products = 1;
    for (const Node& node : graph.nodes()) products += multiply_accumulates(node, shapes);
    return products;
}

/// Images for measuring distortions. There are hundreds of measurements, so one must take a fraction of a second on a
/// large network; but an average over outputs needs a number of outputs, hence more images for a classifier than for a
/// network that outputs images.
std::int64_t images_worth_measuring(std::int64_t macs_per_image, std::int64_t outputs) {
    constexpr std::int64_t kProducts = 20'000'000'000;
    constexpr std::int64_t kFewestOutputs = 4'000;
    constexpr std::int64_t kEnoughOutputs = 16'000;
    constexpr std::int64_t kFewestImages = 2;
    constexpr std::int64_t kEnoughImages = 16;
    const std::int64_t fewest = std::clamp(kFewestOutputs / outputs, kFewestImages, kEnoughImages);
    return std::clamp(kProducts / macs_per_image, fewest, std::max(kEnoughOutputs / outputs, fewest));
}

/// Images for means and variances of channels, which then take seconds: an image of many multiply–accumulates has many
/// pixels to average over.
std::int64_t images_worth_averaging(std::int64_t macs_per_image) {
    constexpr std::int64_t kProducts = 400'000'000'000;
    constexpr std::int64_t kFewest = 64;
    return std::max(kProducts / macs_per_image, kFewest);
}

double bits_of_layer(const SizeLedger& sizes, const std::string& layer) {
    const auto found = std::ranges::find(sizes.layers(), layer, &SizeLedger::Layer::name);
    return found == sizes.layers().end() ? 0.0 : 8.0 * static_cast<double>(found->weight_bytes());
}

/// Bit depths of the quantizers of a layer's input and of the values between the factors of its product.
std::vector<int> activation_depths(const Graph& graph, std::size_t node) {
    std::vector<int> depths;
    const LayerView layer = layer_at(graph, node).value();
    const auto input = graph.activations().find(layer.input);
    if (input != graph.activations().end()) depths.push_back(input->second.bit_depth);
    const Product* const product = graph.parameter(layer.weight).product();
    if (!product) return depths;
    for (const Basis& basis : product->bases) {
        if (basis.inner) depths.push_back(basis.inner->bit_depth);
    }
    return depths;
}

double bits_per_level(std::span<const std::int16_t> levels, int depth) {
    if (depth != Quantizer::kUnclipped) return depth;
    if (std::ranges::all_of(levels, [](std::int16_t level) { return level == 0; })) return 0.0;
    return estimated_bits(levels) / static_cast<double>(levels.size());
}

}  // namespace

Compressor::Compressor(const Graph& graph, ConstView all_images, CompressionOptions options)
    : graph_(&graph),
      differentiable_(with_biases(graph)),
      images_(all_images.shape[0] > 0 ? distinct(all_images) : Tensor()),
      options_(std::move(options)),
      layers_(find_layers(graph)),
      curves_(layers_.size()),
      gains_(layers_.size()) {
    if (layers_.empty()) fail("The network has no convolution or fully-connected layer to compress.");
    if (images_.empty()) fail("Compression needs calibration images; there are none.");
    const ConstView images = images_.view();
    check_finite(graph, layers_, images.slice(0, 1));
    for (const Layer& layer : layers_) weight_count_ += layer.shape.elements();
    const std::vector<Shape> shapes = infer_shapes(graph, images.slice(0, 1).shape);
    outputs_ = shapes[static_cast<std::size_t>(graph.outputs().front())].elements();
    output_energy_ = output_energy(graph, images);
    const std::int64_t products = macs_per_image(graph, shapes);
    measured_images_ = images_worth_measuring(products, outputs_);
    averaged_images_ = images_worth_averaging(products);

    const std::int64_t sampled = std::min<std::int64_t>(options_.gradient_images, images.shape[0]);
    constexpr double kLeastTrust = 0.5;
    if (image_trust(sampled) < kLeastTrust && (options_.error_feedback || options_.correction)) {
        // Both would suit the errors to these images alone.
        options_.error_feedback = options_.correction = false;
        warn("Too few different calibration images, {}, to feed errors back and to correct layers by: neither is done. "
             "A few "
             "hundred images are better.",
             images.shape[0]);
    }

    // On large networks every sample tells more: more projections of an image would only cost time.
    constexpr std::int64_t kWeightSamples = 1'000'000'000;
    if (weight_count_ * sampled > kWeightSamples / 2) {
        options_.sampling.projections = 1;
    }

    const std::int64_t samples = sampled * options_.sampling.projections;
    const auto bytes_of_samples = [&](const Layer& layer) {
        return layer.shape.elements() * samples * static_cast<std::int64_t>(sizeof(float));
    };
    for_each_group(bytes_of_samples, [&](std::size_t begin, std::size_t end) { compute_curves(begin, end); });
    options_.progress = nullptr;  // what it shows need not outlive the constructor
}

void Compressor::for_each_group(const std::function<std::int64_t(const Layer&)>& bytes_of,
                                const std::function<void(std::size_t begin, std::size_t end)>& visit) const {
    for (std::size_t begin = 0; begin < layers_.size();) {
        std::size_t end = begin;
        for (std::int64_t bytes = 0; end < layers_.size(); ++end) {
            bytes += bytes_of(layers_[end]);
            if (bytes > options_.memory_bytes && end > begin) break;
        }
        visit(begin, end);
        begin = end;
    }
}

void Compressor::compute_curves(std::size_t begin, std::size_t end) {
    const auto progress = [&](std::string_view what, std::size_t layer) {
        if (options_.progress)
            options_.progress(what, static_cast<double>(layer) / static_cast<double>(layers_.size()));
    };
    progress("gradients", begin);
    const std::span<const Layer> group(layers_.data() + begin, end - begin);
    const std::int64_t count = std::min<std::int64_t>(options_.gradient_images, images_.shape()[0]);
    std::vector<GradientSamples> samples =
        sample_gradients(differentiable_, group, images_.view().slice(0, count), options_.sampling);
    std::vector<CorrectionModel> models;
    if (options_.correction) {
        models = correction_models(differentiable_, group, images_.view().slice(0, std::min(count, averaged_images_)));
    }
    for (std::size_t i = begin; i < end; ++i) {
        progress("curves", i);
        const Layer& layer = layers_[i];
        GradientSamples gradients = std::move(samples[i - begin]);  // freed as soon as the layer is done
        if (options_.correction) {
            const CorrectionModel model = std::move(models[i - begin]);
            apply_correction(model, trust_in_correction(), layer_weights(*graph_, layer), gradients);
        }
        const bool unseen = add_unseen_sensitivity(gradients, layer_weights(*graph_, layer), output_energy_);
        const GradientMoments moments(gradients.weights.view());
        if (options_.error_feedback) {
            const ErrorMetric metric = error_metric(gradients, moments, outputs_);
            metrics_.push_back({PackedSymmetric(metric.outputs), PackedSymmetric(metric.inputs)});
        }
        std::vector<Transform> transforms;
        std::ranges::copy_if(options_.transforms, std::back_inserter(transforms),
                             [&](const Transform& transform) { return worthwhile(layer, transform); });
        if (transforms.empty()) transforms.push_back({});
        std::optional<DistortionMeter> meter;
        if (options_.curves == CurveMethod::exact && !unseen) {
            meter.emplace(differentiable_, layer, measured_images(), meter_options());
        }
        for (const Transform& transform : transforms) {
            TransformCurves curves = make_curves(layer, transform, moments);
            if (meter) {
                measure_distortions(curves, *meter);
            } else {
                predict_distortions(curves, gradients, outputs_);
            }
            if (transform.axes.size() == 1) {
                const Axis axis = transform.axes.front();
                gains_[i].push_back({transform, coding_gain(curves.factorization.bases.front().synthesis,
                                                            weight_moments(layer_weights(*graph_, layer), axis),
                                                            regularized(moments.along(axis)))});
            }
            curves_[i].push_back(std::move(curves));
        }
    }
    progress("curves", end);
}

Compressor Compressor::restricted_to(std::span<const Transform> transforms) const {
    const auto disabled = [&](const Transform& transform) {
        return std::ranges::find(transforms, transform) == transforms.end();
    };
    Compressor result = *this;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
        LayerAlternatives& options = result.curves_[i];
        for (TransformCurves& curves : options) curves.disabled = disabled(curves.factorization.transform);
        if (std::ranges::all_of(options, &TransformCurves::disabled)) {
            std::ranges::find_if(options, is_plain)->disabled = false;
        }
        std::erase_if(result.gains_[i], [&](const LayerGain& gain) { return disabled(gain.transform); });
    }
    return result;
}

TransformCurves Compressor::make_curves(const Layer& layer, const Transform& transform,
                                        const GradientMoments& moments) const {
    TransformCurves curves{factorize(*graph_, layer, transform, moments), {}, {}};
    curves.blocks = cut_into_blocks(curves.factorization, options_.blocks);
    curves.curves.resize(curves.blocks.size());
    tbb::parallel_for(std::size_t{0}, curves.blocks.size(), [&](std::size_t i) {
        curves.curves[i] = candidates(block_values(curves.factorization, curves.blocks[i]), options_.candidates);
    });
    return curves;
}

ConstView Compressor::measured_images() const {
    return images_.view().slice(
        0, std::min({std::int64_t{options_.measured_images}, measured_images_, images_.shape()[0]}));
}

ConstView Compressor::judged_images() const {
    constexpr std::int64_t kMost = 256;
    return images_.view().slice(0, std::min({kMost, averaged_images_, images_.shape()[0]}));
}

MeterOptions Compressor::meter_options() const {
    return {.corrected = trust_in_correction(), .memory_bytes = options_.memory_bytes};
}

CompressedNetwork Compressor::compress(const Allocate& allocate, const Build& build) const {
    if (options_.curves != CurveMethod::hybrid) return build(curves_);
    const auto build_measured = [&](std::vector<LayerAlternatives> curves) {
        measure_where_allocated(curves, differentiable_, layers_, measured_images(), [&] { return allocate(curves); },
                                {.meter = meter_options()});
        return build(curves);
    };
    CompressedNetwork by_prediction = build_measured(curves_);
    // Quantizing every layer of a large network under all of its transforms takes minutes.
    constexpr std::int64_t kSmallNetwork = 2'000'000;  // weights
    if (weight_count_ > kSmallNetwork) return by_prediction;
    std::vector<LayerAlternatives> curves = curves_;
    const double lambda = allocate(curves).lambda;
    const auto quantize = [&](std::size_t layer, const TransformCurves& of_layer, const LayerChoice& choice) {
        return levels_of(layer, of_layer, choice, lambda);
    };
    keep_cheapest_transforms(curves, differentiable_, layers_, measured_images(), lambda, quantize, meter_options());
    if (has_only(curves, by_prediction.layers)) return by_prediction;
    CompressedNetwork by_measurement = build_measured(std::move(curves));
    const auto cost = [&](const CompressedNetwork& network) {
        return output_distortion(*graph_, network.graph, judged_images()) + lambda * network.bits;
    };
    return cost(by_measurement) < cost(by_prediction) ? by_measurement : by_prediction;
}

CompressedNetwork Compressor::at_rate(double bits_per_weight) const {
    const double target = bits_per_weight * static_cast<double>(weight_count_);
    return compress([&](auto curves) { return allocate_within(curves, target, &Allocation::bits); },
                    [&](auto curves) { return build(quantize_within(curves, target)); });
}

double Compressor::lowest_rate() const {
    constexpr double kZeroesEverything = 1e300;
    return quantize(allocate(curves_, kZeroesEverything)).bits() / static_cast<double>(weight_count_);
}

CompressedNetwork Compressor::at_lambda(double lambda) const {
    return compress([&](auto curves) { return allocate(curves, lambda); },
                    [&](auto curves) { return build(quantize(allocate(curves, lambda))); });
}

/// Error feedback and the entropy coder spend fewer bits than the curves promise: what they save is given back, in a
/// few rounds.
Compressor::QuantizedNetwork Compressor::quantize_within(std::span<const LayerAlternatives> curves,
                                                         double target) const {
    constexpr int kRounds = 10;
    constexpr double kCloseEnough = 0.995;
    BitBudget planned(target);
    std::optional<QuantizedNetwork> best;
    for (int round = 0; round < kRounds; ++round) {
        QuantizedNetwork quantized = quantize(allocate_within(curves, planned.next(), &Allocation::bits));
        const double bits = quantized.bits();
        planned.observe(bits);
        if (bits <= target && (!best || bits > best->bits())) best = std::move(quantized);
        if (bits <= target && bits >= kCloseEnough * target) break;
    }
    if (!best) {
        fail("The network cannot be compressed to {:.3g} bits a weight.", target / static_cast<double>(weight_count_));
    }
    return *std::move(best);
}

BlockLevels Compressor::levels_of(std::size_t layer, const TransformCurves& curves, const LayerChoice& choice,
                                  double lambda) const {
    if (!options_.error_feedback) return round_blocks(curves, choice);
    return quantize_with_feedback(curves, choice, {metrics_[layer].outputs.matrix(), metrics_[layer].inputs.matrix()},
                                  layer_weights(*graph_, layers_[layer]), kFeedbackShare * lambda);
}

Compressor::QuantizedNetwork Compressor::quantize(const Allocation& allocation) const {
    QuantizedNetwork result{.allocation = allocation,
                            .level_bits = std::vector<std::vector<double>>(layers_.size()),
                            .model = {},
                            .sizes = {}};
    std::vector<Weight> weights(layers_.size());
    const auto quantize_one = [&](std::size_t i) {
        const LayerChoice& choice = allocation.layers[i];
        const TransformCurves& curves = curves_[i][choice.option];
        const BlockLevels levels = levels_of(i, curves, choice, allocation.lambda);
        weights[i] = quantize_layer(curves, choice, levels);
        for (std::size_t block = 0; block < levels.size(); ++block) {
            const Quantizer& quantizer = curves.curves[block][choice.candidates[block]].quantizer;
            result.level_bits[i].push_back(bits_per_level(levels[block], quantizer.bit_depth));
        }
    };
    for_each_group([](const Layer& layer) { return feedback_bytes(layer.shape); },
                   [&](std::size_t begin, std::size_t end) { tbb::parallel_for(begin, end, quantize_one); });
    Graph& graph = result.model.graph = *graph_;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
        graph.parameter(own_parameter(graph, layers_[i].node, 1)) = std::move(weights[i]);
    }
    if (options_.correction) prepare_correction(*graph_, graph);
    result.sizes = encode_ebit(result.model, storage_of(options_.candidates.coding)).sizes;
    return result;
}

double Compressor::trust_in_correction() const {
    return options_.correction ? image_trust(std::min(averaged_images_, images_.shape()[0])) : 0.0;
}

std::int64_t Compressor::images_at_once() const {
    const std::int64_t image_bytes = GraphExecutor(*graph_, images_.view().slice(0, 1).shape).arena_bytes();
    const std::int64_t fitting = std::max<std::int64_t>(options_.memory_bytes / image_bytes, 1);
    return std::min({fitting, averaged_images_, images_.shape()[0]});
}

LayerSummary Compressor::summarize(std::size_t layer, const QuantizedNetwork& quantized) const {
    const LayerChoice& choice = quantized.allocation.layers[layer];
    const TransformCurves& curves = curves_[layer][choice.option];
    const std::int64_t weights = layers_[layer].shape.elements();
    const std::string& name = graph_->nodes()[layers_[layer].node].name;
    LayerSummary summary{.name = name,
                         .transform = curves.factorization.transform,
                         .bits_per_weight = bits_of_layer(quantized.sizes, name) / static_cast<double>(weights),
                         .distortion = choice.distortion,
                         .weights = weights,
                         .gains = gains_[layer]};
    summary.basis_bits.resize(curves.factorization.bases.size());
    for (std::size_t i = 0; i < curves.blocks.size(); ++i) {
        const Block& block = curves.blocks[i];
        const double bits = quantized.level_bits[layer][i];
        if (block.factor != Block::kCoefficients) {
            summary.basis_bits[static_cast<std::size_t>(block.factor)].push_back(bits);
            continue;
        }
        summary.coefficient_bits.push_back(bits);
        summary.rows += block.end - block.begin;
        if (bits > 0.0) summary.nonzero_rows += block.end - block.begin;
    }
    std::erase_if(summary.basis_bits, [](const std::vector<double>& blocks) { return blocks.empty(); });
    return summary;
}

void Compressor::correct_statistics(Graph& compressed) const {
    if (options_.correction)
        correct(*graph_, compressed, images_.view().slice(0, images_at_once()), measured_images().shape[0]);
}

/// Chooses the quantizers on the network as it is, which rounds nothing yet.
void Compressor::round_activations(CompressedNetwork& network) const {
    Graph corrected = network.graph;
    correct_statistics(corrected);
    const std::int64_t images = std::min<std::int64_t>(options_.activation_images, images_.shape()[0]);
    const std::vector<ChosenQuantizer> quantizers = quantize_activations(
        corrected, images_.view().slice(0, images),
        {.depths = *options_.activations, .lambda = network.lambda, .sampling = options_.sampling});
    copy_quantizers(corrected, network.graph);
    for (const ChosenQuantizer& quantizer : quantizers) {
        network.activation_elements += quantizer.elements;
        network.activation_bits += static_cast<double>(quantizer.elements * quantizer.bit_depth);
        network.distortion += quantizer.distortion;
    }
    for (std::size_t i = 0; i < layers_.size(); ++i) {
        network.layers[i].activation_depths = activation_depths(network.graph, layers_[i].node);
    }
}

CompressedNetwork Compressor::build(QuantizedNetwork quantized) const {
    CompressedNetwork result{.graph = std::move(quantized.model.graph),
                             .bits = quantized.bits(),
                             .bits_per_weight = quantized.bits() / static_cast<double>(weight_count_),
                             .distortion = quantized.allocation.distortion(),
                             .lambda = quantized.allocation.lambda,
                             .weights = weight_count_,
                             .layers = {}};
    for (std::size_t i = 0; i < layers_.size(); ++i) result.layers.push_back(summarize(i, quantized));
    if (options_.activations) round_activations(result);
    correct_statistics(result.graph);
    return result;
}

}  // namespace eigenbit::internal
