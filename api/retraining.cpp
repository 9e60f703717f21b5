#include "api/retraining.h"

#include "api/compression.h"
#include "engine/base/error.h"
#include "engine/formats/ebit/ebit.h"
#include "train/latent_weights.h"

#include <cstdlib>

namespace eigenbit::internal {
namespace {

double noted(const Model& model, std::string_view note) {
    const auto found = model.metadata.find(std::string(note));
    return found == model.metadata.end() ? 0.0 : std::strtod(found->second.c_str(), nullptr);
}

double counted_bits(const SizeLedger& sizes) { return 8.0 * static_cast<double>(sizes.weight_bytes()); }

}  // namespace

double share_of_level_bits(const Model& model, LevelStorage storage, double rate) {
    if (storage == LevelStorage::fixed) {
        fail("A rate is given, but the network has levels of fixed depths, whose bits training does not change.");
    }
    const double weights = noted(model, kWeightsNote);
    if (weights == 0.0) fail("A rate is given, but the network does not say how many weights it had.");
    const double now = counted_bits(encode_ebit(model, storage).sizes);
    if (rate > now / weights) {
        fail("The rate is {}, but the network has {:.3f} bits a weight: training can lower the rate, not raise it.",
             rate, now / weights);
    }
    const auto of_levels = static_cast<double>(coded_level_bits(model.graph));
    const double share = 1.0 - (now - rate * weights) / of_levels;
    if (share <= 0.0) {
        fail("The rate is {}, but the network's side information alone takes {:.3f} bits a weight.", rate,
             (now - of_levels) / weights);
    }
    return share;
}

double update_rate_note(Model& model, LevelStorage storage) {
    const double weights = noted(model, kWeightsNote);
    if (weights == 0.0) return 0.0;
    const double rate = counted_bits(encode_ebit(model, storage).sizes) / weights;
    model.metadata[std::string(kRateNote)] = fmt::format("{:.6g}", rate);
    return rate;
}

}  // namespace eigenbit::internal
