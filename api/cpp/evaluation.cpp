#include "api/cpp/evaluation.h"

#include "api/cpp/state.h"

namespace eigenbit {
inline namespace v1 {
internal::NetworkRunner::Mode mode_of(Arithmetic arithmetic) {
    switch (arithmetic) {
    case Arithmetic::simulated:
        return internal::NetworkRunner::Mode::simulated;
    case Arithmetic::floats:
        return internal::NetworkRunner::Mode::float32;
    case Arithmetic::int8:
        return internal::NetworkRunner::Mode::int8;
    }
    internal::fail("Arithmetic {} is unknown.", static_cast<int>(arithmetic));
}

Evaluation evaluation_of(const internal::Evaluation& evaluation) {
    Evaluation result{.images = evaluation.images};
    if (evaluation.classification) {
        result.top1 = evaluation.classification->top1;
        result.top5 = evaluation.classification->top5;
    }
    if (evaluation.restoration) {
        result.psnr = evaluation.restoration->psnr;
        result.ssim = evaluation.restoration->ssim;
    }
    return result;
}

Evaluation evaluate(const Model& model, const Dataset& data, const EvaluationOptions& options) {
    return translated(options.threads, options.log, [&] {
        if (options.batch < 1) internal::fail("Batches were to have {} images, expected 1 or more.", options.batch);
        const internal::Model& own = model.state().model;
        const internal::Dataset examples = data.state().labelled_for(own);
        const std::int64_t batch = own.graph.inputs().front().shape[0];
        internal::NetworkRunner network(own.graph, mode_of(options.arithmetic));
        return evaluation_of(internal::evaluate(
            network, examples,
            {.batch = batch == 0 ? options.batch : static_cast<int>(batch), .progress = [&](std::int64_t images) {
                 if (options.on_progress) options.on_progress(images);
             }}));
    });
}

}  // namespace v1
}  // namespace eigenbit
