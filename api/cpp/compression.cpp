#include "include/eigenbit/compression.hpp"

#include "api/calibration.h"
#include "api/compression.h"
#include "api/compression_report.h"
#include "api/cpp/evaluation.h"
#include "api/cpp/state.h"
#include "engine/base/warning.h"
#include "engine/formats/ebit/ebit.h"
#include "report/report_html.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace eigenbit {
inline namespace v1 {
namespace {

/// What compression is to meet: these rates, or what the options say.
internal::CompressionTarget target_of(const std::vector<double>& rates, const CompressionOptions& options) {
    const int targets = static_cast<int>(!rates.empty()) + static_cast<int>(options.file_bytes > 0)
                        + static_cast<int>(options.max_drop > 0.0) + static_cast<int>(options.lambda > 0.0);
    if (targets != 1) {
        internal::fail("Compression has {} targets, expected one of rate, file size, drop and λ.", targets);
    }
    return {.rates = rates, .file_bytes = options.file_bytes, .max_drop = options.max_drop, .lambda = options.lambda};
}

std::vector<double> rates_of(const CompressionOptions& options) {
    return options.rate > 0.0 ? std::vector{options.rate} : std::vector<double>{};
}

/// Of all the names together: statistics are the same for each.
std::vector<internal::Transform> all_transforms(const std::vector<std::string>& names, const std::string& axis) {
    std::vector<internal::Transform> result;
    if (names.size() > 1) result.push_back({});  // for layers that one of the others does not fit
    for (const std::string& name : names) {
        for (internal::Transform& transform : internal::transforms_named(name, axis)) {
            if (std::ranges::find(result, transform) == result.end()) result.push_back(std::move(transform));
        }
    }
    return result;
}

std::optional<internal::ActivationDepths> depths_of(int bits) {
    if (bits == 0) return std::nullopt;
    if (bits == kAutomaticBits) return internal::ActivationDepths{};
    if (bits < 1 || bits > 16) {
        internal::fail("Activations were to have {} bits, expected 1 to 16, or 0 for floats.", bits);
    }
    return internal::ActivationDepths{bits, bits};
}

internal::CurveMethod method_of(DistortionCurves curves) {
    switch (curves) {
    case DistortionCurves::hybrid:
        return internal::CurveMethod::hybrid;
    case DistortionCurves::second_order:
        return internal::CurveMethod::second_order;
    case DistortionCurves::exact:
        return internal::CurveMethod::exact;
    }
    internal::fail("Curves {} are unknown.", static_cast<int>(curves));
}

internal::CompressionOptions options_of(const std::vector<std::string>& transforms, const CompressionOptions& options) {
    internal::CompressionOptions result;
    result.transforms = all_transforms(transforms, options.axis);
    result.candidates.coding = options.entropy_coding ? internal::Coding::entropy : internal::Coding::fixed;
    result.candidates.dead_zones = !options.plain_quantizer;
    result.candidates.offsets = !options.plain_quantizer;
    result.curves = method_of(options.curves);
    result.blocks = options.blocks;
    result.error_feedback = options.error_feedback;
    result.correction = options.correction;
    result.activations = depths_of(options.activation_bits);
    result.sampling.seed = options.seed;
    result.progress = options.on_progress;
    return result;
}

std::optional<internal::Dataset> validation_of(const CompressionOptions& options, const internal::Model& model) {
    if (options.validation == nullptr) return std::nullopt;
    return options.validation->state().labelled_for(model);
}

CompressedLayer layer_of(internal::LayerSummary layer) {
    CompressedLayer result{.name = std::move(layer.name),
                           .transform = to_string(layer.transform),
                           .bits_per_weight = layer.bits_per_weight,
                           .distortion = layer.distortion,
                           .weights = layer.weights,
                           .rows = layer.rows,
                           .nonzero_rows = layer.nonzero_rows,
                           .kernel_bits = std::move(layer.coefficient_bits),
                           .basis_bits = std::move(layer.basis_bits),
                           .activation_bits = std::move(layer.activation_depths)};
    for (const internal::LayerGain& gain : layer.gains) {
        result.gains.push_back(
            {to_string(gain.transform), 10.0 * std::log10(gain.gain.gradients), 10.0 * std::log10(gain.gain.weights)});
    }
    return result;
}

}  // namespace

struct Compressor::State {
    CompressionOptions options;
    std::vector<std::string> transforms;
    internal::Model model;                         // of one input, which may hold several
    std::optional<internal::JoinedInputs> joined;  // these
    internal::Tensor images;
    internal::CompressionJudge judge;
    internal::CompressionOptions how;
    std::optional<internal::Compressor> compressor{};
    std::vector<internal::ReportedPoint> points{};

    CompressedNetwork network_of(internal::CompressedPoint point);
    internal::CompressionReport report(const ReportNotes& notes) const;
};

CompressedNetwork Compressor::State::network_of(internal::CompressedPoint point) {
    const internal::LevelStorage storage = internal::storage_of(how.candidates.coding);
    if (joined) point.packed.graph = joined->apart(point.packed.graph);
    internal::SizeLedger sizes = internal::encode_ebit(point.packed, storage).sizes;
    const internal::CompressedNetwork& network = point.network;
    CompressedNetwork result{
        .transform = point.transform,
        .rate = point.wanted_rate,
        .model = Model(std::make_unique<Model::State>(Model::State{std::exchange(point.packed, {}), storage})),
        .bits_per_weight = network.bits_per_weight,
        .file_bytes = sizes.total(),
        .lambda = network.lambda,
        .predicted_distortion = network.distortion,
        .measured_distortion = point.measured_distortion};
    if (network.activation_elements > 0) {
        result.bits_per_activation = network.bits_per_activation();
        result.bits_per_value = network.bits_per_value();
    }
    if (point.quality) {
        result.quality = evaluation_of(*point.quality);
        result.drop = judge.drop(*point.quality);
    }
    for (const internal::LayerSummary& layer : network.layers) result.layers.push_back(layer_of(layer));
    point.network.graph = {};
    points.push_back({std::move(point), std::move(sizes)});
    return result;
}

internal::CompressionReport Compressor::State::report(const ReportNotes& notes) const {
    if (points.empty()) internal::fail("There is no compressed network to report on.");
    internal::CompressionReport report = internal::make_report(points, judge);
    report.model = notes.model;
    report.float_bytes = notes.float_bytes;
    report.data = notes.data;
    report.machine = notes.machine;
    report.version = notes.version;
    return report;
}

Compressor::Compressor(const Model& model, const Dataset& data, const std::vector<std::string>& transforms,
                       const CompressionOptions& options) {
    translated(options.threads, options.log, [&] {
        internal::CompressionOptions how = options_of(transforms, options);
        internal::Model own = model.state().model;
        internal::check_free_batch(own.graph);
        const Dataset::State prepared = data.state().prepared_for(own);
        internal::Examples examples = prepared.examples_for(own, options.images, options.seed);
        describe_by(own, prepared);
        if (examples.joined) own.graph = examples.joined->graph();
        internal::CompressionJudge judge(own, validation_of(options, own));
        if (const std::optional<std::string> doubt = judge.doubt()) {
            if (options.max_drop > 0.0) internal::fail("{} A largest drop would go by that.", *doubt);
            internal::warn("{}", *doubt);
        }
        state_ = std::make_unique<State>(State{options, transforms, std::move(own), std::move(examples.joined),
                                               std::move(examples.values), std::move(judge), std::move(how)});
    });
}
Compressor::Compressor(Compressor&& other) noexcept = default;
Compressor& Compressor::operator=(Compressor&& other) noexcept = default;
Compressor::~Compressor() = default;

std::int64_t Compressor::images() const { return state_->images.shape()[0]; }

std::optional<Evaluation> Compressor::float_quality() const {
    if (!state_->judge.present()) return std::nullopt;
    return evaluation_of(state_->judge.float_quality());
}

void Compressor::compress(const std::vector<double>& rates, const std::function<void(CompressedNetwork)>& visit) {
    State& own = *state_;
    translated(own.options.threads, own.options.log, [&] {
        const internal::CompressionTarget target = target_of(rates, own.options);
        if (!own.compressor) own.compressor.emplace(own.model.graph, own.images, own.how);
        for (const std::string& transform : own.transforms) {
            const internal::Compressor restricted =
                own.compressor->restricted_to(internal::transforms_named(transform, own.options.axis));
            internal::compress_model(own.model, restricted, transform, target,
                                     internal::storage_of(own.how.candidates.coding), own.images, own.judge,
                                     [&](internal::CompressedPoint point) { visit(own.network_of(std::move(point))); });
        }
    });
}

void Compressor::write_report(const std::string& file, const ReportNotes& notes) const {
    translated([&] { internal::write_report(state_->report(notes), file); });
}

void Compressor::write_plot(const std::string& file, const ReportNotes& notes) const {
    translated([&] { internal::write_rate_quality_plot(state_->report(notes), file); });
}

Model compress(const Model& model, const Dataset& data, const CompressionOptions& options) {
    translated([&] { target_of(rates_of(options), options); });
    std::optional<Model> result;
    Compressor(model, data, {options.transform}, options).compress(rates_of(options), [&](CompressedNetwork network) {
        result = std::move(network.model);
    });
    return *std::move(result);
}

AddedQuantizers add_quantizers(Model& model, const Dataset& data, std::uint64_t seed) {
    constexpr std::int64_t kExamples = 64;
    return translated([&]() -> AddedQuantizers {
        internal::Model& own = model.state().model;
        if (!internal::lacks_quantizers(own.graph)) return {};
        internal::check_free_batch(own.graph);
        const internal::Examples examples = data.state().examples_for(own, kExamples, seed);
        internal::Graph graph = examples.joined ? examples.joined->graph() : own.graph;
        const std::int64_t added = internal::add_quantizers(graph, examples.values, seed);
        own.graph = examples.joined ? examples.joined->apart(graph) : std::move(graph);
        return {added, examples.values.shape()[0]};
    });
}

}  // namespace v1
}  // namespace eigenbit
