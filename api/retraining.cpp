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

double share_of_level_bits(const ModelFile& file, double rate, const std::string& name) {
    if (*file.storage == LevelStorage::fixed) {
        fail("A rate is given, but '{}' has levels of fixed depths, whose bits training does not change.", name);
    }
    const double weights = noted(file.model, kWeightsNote);
    if (weights == 0.0) fail("A rate is given, but '{}' does not say how many weights it had.", name);
    const double now = counted_bits(file.sizes);
    if (rate > now / weights) {
        fail("The rate is {}, but '{}' has {:.3f} bits a weight: training can lower the rate, not raise it.", rate,
             name, now / weights);
    }
    const auto of_levels = static_cast<double>(coded_level_bits(file.model.graph));
    const double share = 1.0 - (now - rate * weights) / of_levels;
    if (share <= 0.0) {
        fail("The rate is {}, but the side information of '{}' alone takes {:.3f} bits a weight.", rate, name,
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
