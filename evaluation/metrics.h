#pragma once

#include "engine/base/tensor.h"

#include <cstdint>
#include <span>

namespace eigenbit::internal {

/// How many images have fewer than k classes scored above their label. Among equal scores the lower class counts as
/// the higher. `scores` is (N, classes), with extents of 1 anywhere. Throws Error when a label is no class of the
/// network.
std::int64_t top_k_hits(ConstView scores, std::span<const int> labels, int k);

/// Standard error of a share measured on this many independent images: √(p (1 − p) / n).
double standard_error(double share, std::int64_t images);

/// How likely guessing, right with this probability, hits so many of the images or more (the binomial distribution's
/// upper tail).
double chance_of_hits(std::int64_t hits, std::int64_t images, double probability);

/// Peak signal-to-noise ratio in dB of two equally shaped images whose values reach from 0 to `peak`.
double psnr(ConstView image, ConstView reference, double peak);

/// Mean structural similarity of two grey images (H, W) whose values reach from 0 to `peak`, by the constants and the
/// 11 × 11 Gaussian window of Wang et al. 2004 (Image quality assessment), over the windows that fit inside the image.
/// Throws Error when the image is smaller than the window.
double ssim(ConstView image, ConstView reference, double peak);

/// Luma (H, W) in 16 … 235 of an RGB image (H, W, 3) in 0 … 255 (ITU-R BT.601). A grey image (H, W, 1) stays as it is.
Tensor bt601_luma(ConstView image);

/// An image (H, W, C) without this many pixels at each side. Throws Error when nothing would be left.
Tensor without_border(ConstView image, std::int64_t border);

/// Values of 0 … 1 in 0 … 255, clamped and rounded: what an 8-bit image file would hold.
Tensor as_8_bit(ConstView image);

}  // namespace eigenbit::internal
