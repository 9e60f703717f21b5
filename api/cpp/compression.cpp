#include "include/eigenbit/compression.hpp"

#include "api/calibration.h"
#include "api/compression.h"
#include "api/cpp/state.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace eigenbit {
inline namespace v1 {
namespace {

internal::CompressionTarget target_of(const CompressionOptions& options) {
    const int targets = static_cast<int>(options.rate > 0.0) + static_cast<int>(options.file_bytes > 0)
                        + static_cast<int>(options.max_drop > 0.0) + static_cast<int>(options.lambda > 0.0);
    if (targets != 1)
        internal::fail("Compression has {} targets, expected one of rate, file size, drop and λ.", targets);
    internal::CompressionTarget target{
        .file_bytes = options.file_bytes, .max_drop = options.max_drop, .lambda = options.lambda};
    if (options.rate > 0.0) target.rates = {options.rate};
    return target;
}

internal::CompressionOptions options_of(const CompressionOptions& options) {
    if (options.activation_bits < 0 || options.activation_bits > 16) {
        internal::fail("Activations were to have {} bits, expected 1 to 16, or 0 for floats.", options.activation_bits);
    }
    internal::CompressionOptions result;
    result.transforms = internal::transforms_named(options.transform, options.axis);
    result.candidates.coding = options.entropy_coding ? internal::Coding::entropy : internal::Coding::fixed;
    if (options.activation_bits > 0) {
        result.activations = internal::ActivationDepths{options.activation_bits, options.activation_bits};
    }
    result.sampling.seed = options.seed;
    result.progress = options.on_progress;
    return result;
}

}  // namespace

Model compress(const Model& model, const Dataset& data, const CompressionOptions& options) {
    return translated(options.threads, options.log, [&] {
        const internal::CompressionTarget target = target_of(options);
        const internal::CompressionOptions how = options_of(options);
        internal::Model own = model.state().model;
        const internal::Dataset examples = data.state().images_for(own);
        const internal::Tensor images = internal::calibration_images(examples, options.images, options.seed);
        internal::describe_by_data(own, examples);
        std::optional<internal::Dataset> validation;
        if (options.validation != nullptr) validation = options.validation->state().labelled_for(own);
        const internal::CompressionJudge judge(own, std::move(validation));
        const internal::LevelStorage storage = internal::storage_of(how.candidates.coding);
        const internal::Compressor compressor(own.graph, images, how);
        std::optional<internal::Model> result;
        internal::compress_model(own, compressor, options.transform, target, storage, images, judge,
                                 [&](internal::CompressedPoint point) { result = std::move(point.packed); });
        return Model(std::make_unique<Model::State>(Model::State{*std::move(result), storage}));
    });
}

}  // namespace v1
}  // namespace eigenbit
