#include "api/cpp/evaluation.h"

#include "api/cpp/state.h"

namespace eigenbit {
inline namespace v1 {
namespace {

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

}  // namespace

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

Evaluation evaluate(const Model& model, const Dataset& data, Arithmetic arithmetic) {
    return translated([&] {
        const internal::Model& own = model.state().model;
        internal::NetworkRunner network(own.graph, mode_of(arithmetic));
        return evaluation_of(internal::evaluate(network, data.state().labelled_for(own)));
    });
}

}  // namespace v1
}  // namespace eigenbit
