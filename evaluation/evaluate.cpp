#include "evaluation/evaluate.h"

#include "datasets/classes.h"
#include "datasets/loader.h"
#include "engine/base/error.h"
#include "engine/formats/preprocess.h"
#include "evaluation/metrics.h"
#include "evaluation/not_a_number.h"
#include "evaluation/output_kind.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

/// Psnr and ssim of one restored image.
RestorationQuality compare(const Tensor& restored, const Tensor& target, int scale) {
    if (scale == 1) {
        const Tensor grey = bt601_luma(restored);
        const Tensor target_grey = bt601_luma(target);
        return {psnr(restored, target, 1.0), ssim(grey, target_grey, 1.0)};
    }
    const Tensor luma = bt601_luma(without_border(as_8_bit(restored), scale));
    const Tensor target_luma = bt601_luma(without_border(as_8_bit(target), scale));
    return {psnr(luma, target_luma, 255.0), ssim(luma, target_luma, 255.0)};
}

void check_output(const Graph& graph, ConstView output, const Batch& batch, const Dataset& dataset) {
    check_numbers(graph, batch.images, output);
    if (dataset.restoration && output.shape != batch.targets.shape()) {
        fail("The network makes {} of images {}, but {} restores to {}.", to_string(output.shape),
             to_string(batch.images.shape()), dataset.name, to_string(batch.targets.shape()));
    }
    if (dataset.restoration) return;
    if (const OutputKind kind = output_kind(graph, batch.images.shape()); !names_classes(kind)) {
        fail("The network outputs {}, {}, but {} has classes.", to_string(output.shape), to_string(kind), dataset.name);
    }
    if (output.shape.elements(1, output.shape.rank()) < dataset.class_count) {
        fail("The network outputs {} for images {}, but {} has {} classes.", to_string(output.shape),
             to_string(batch.images.shape()), dataset.name, dataset.class_count);
    }
}

}  // namespace

Evaluation evaluate(NetworkRunner& network, const Dataset& dataset, const EvaluationOptions& options) {
    require_labels(dataset);
    BatchLoader loader(dataset, {.batch_size = options.batch});
    Evaluation result;
    Classification hits;
    RestorationQuality quality;
    loader.start(0);
    while (const Batch* batch = loader.next()) {
        const ConstView output = network.run(batch->images);
        check_output(network.graph(), output, *batch, dataset);
        if (options.watch) options.watch(output);
        const std::int64_t images = output.shape[0];
        if (!dataset.restoration) {
            hits.top1 += static_cast<double>(top_k_hits(output, batch->labels, 1));
            hits.top5 += static_cast<double>(top_k_hits(output, batch->labels, 5));
        }
        for (std::int64_t i = 0; dataset.restoration && i < images; ++i) {
            const RestorationQuality one = compare(
                denormalized(output.slice(i, i + 1), dataset.preprocessing),
                denormalized(batch->targets.view().slice(i, i + 1), dataset.preprocessing), dataset.restoration->scale);
            quality.psnr += one.psnr;
            quality.ssim += one.ssim;
        }
        result.images += images;
        if (options.progress) options.progress(result.images);
    }
    const auto count = static_cast<double>(std::max<std::int64_t>(result.images, 1));
    if (dataset.restoration) {
        result.restoration = {quality.psnr / count, quality.ssim / count};
    } else {
        result.classification = {hits.top1 / count, hits.top5 / count};
    }
    return result;
}

Evaluation evaluate(const Graph& graph, const Dataset& dataset, const EvaluationOptions& options) {
    NetworkRunner network(graph, NetworkRunner::Mode::simulated);
    return evaluate(network, dataset, options);
}

}  // namespace eigenbit::internal
