#pragma once

namespace eigenbit {

/// What an input is to an operator.
enum class InputRole {
    activation,
    weight,     ///< of a layer, which compression quantizes
    bias,       ///< one for each output channel
    gain,       ///< of a layer, one for each output channel: what folding and correction change, and training does not
    statistic,  ///< follows the values that pass, instead of gradients
    parameter,  ///< any other that is trained
};

}  // namespace eigenbit
