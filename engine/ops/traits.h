#pragma once

namespace eigenbit::internal {

/// What an input is to an operator.
enum class InputRole {
    activation,
    weight,     ///< of a layer, which compression quantizes
    bias,       ///< one for each output channel
    gain,       ///< of a layer, one for each output channel: what folding and correction change, and training does not
    statistic,  ///< follows the values that pass, instead of gradients
    parameter,  ///< any other that is trained
    size,       ///< an activation of which only the shape is read
};

/// What an operator is where values lie in memory as levels of quantizers of up to 8 bits.
enum class Int8 {
    none,         ///< computed in floats
    moves_bytes,  ///< each output element is an input's or constant; forward takes ByteForwardArguments too
    averages,     ///< means of levels of one quantizer, whose sums are integers
    lookup256,    ///< a function of one element: a table of 256 values; in floats where a parameter differs by channel
    affine,       ///< scale · x + shift for each channel, as channel_affine says: becomes a part of rounding to int8
    layer,        ///< sums of products of levels
};

}  // namespace eigenbit::internal
